"""This will read and write durations as Go does: `30m`, `2h`, `4h30m` in, `2h0s`, `30m0s`, `4h30m0s` out."""

from __future__ import annotations

import re

NANOSECONDS = 1_000_000_000
_UNITS = {"h": 3600 * NANOSECONDS, "m": 60 * NANOSECONDS, "s": NANOSECONDS}
_PART = re.compile(r"([0-9]{1,9})([hms])")
_WHOLE = re.compile(r"(?:[0-9]{1,9}[hms])+")


def parse_duration(text: str) -> int:
    """Give the nanoseconds of `30m`, `2h`, `4h30m`, `90s`; raises ValueError for anything else, and for nothing."""
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration such as 30m, 2h or 4h30m")
    parts = _PART.findall(text)
    units = [unit for _, unit in parts]
    if units != sorted(set(units), key="hms".index):
        raise ValueError(f"{text!r} must name hours, minutes and seconds at most once and in this order")
    total = sum(int(number) * _UNITS[unit] for number, unit in parts)
    if total == 0:
        raise ValueError("A duration must be longer than nothing")
    return total


def format_duration(nanoseconds: int) -> str:
    """Write whole seconds: hours if any, minutes if any, seconds always."""
    if nanoseconds < 0:
        raise ValueError("A duration is never negative")
    minutes, seconds = divmod(nanoseconds // NANOSECONDS, 60)
    hours, minutes = divmod(minutes, 60)
    shown_hours = f"{hours}h" if hours else ""
    shown_minutes = f"{minutes}m" if minutes else ""
    return f"{shown_hours}{shown_minutes}{seconds}s"
