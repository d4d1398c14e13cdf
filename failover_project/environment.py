"""This will read typed values from the process environment; only settings.py, and what starts processes, calls it."""

from __future__ import annotations

import math
import os
import secrets
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from django.core.exceptions import ImproperlyConfigured

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


@dataclass(frozen=True)
class Reading:
    """This will tell how one setting was read, for `manage.py check_config`."""

    name: str
    value: str
    origin: Literal["environment", "default", "kept file"]
    is_secret: bool = False


_READINGS: dict[str, Reading] = {}


def readings() -> tuple[Reading, ...]:
    """Give every setting in the order in which settings.py read it."""
    return tuple(_READINGS.values())


def strangers() -> tuple[str, ...]:
    """Give the names of the environment's variables that are no setting."""
    return tuple(sorted(os.environ.keys() - _READINGS.keys()))


def handed_on(*, without_prefix: str = "\0", **more: str) -> Mapping[str, str]:
    """Give the environment for a process of ours: ours without the names of that prefix, and with some more."""
    return {name: value for name, value in os.environ.items() if not name.startswith(without_prefix)} | more


def text(name: str, default: str = "") -> str:
    """Give the variable's text, stripped; an empty variable counts as not set."""
    given = os.environ.get(name, "").strip()
    value = given or default
    _READINGS[name] = Reading(name, value, "environment" if given else "default")
    return value


def flag(name: str, *, default: bool) -> bool:
    """Give the variable as a truth value; raises ImproperlyConfigured when it is neither yes nor no."""
    value = text(name, "true" if default else "false").lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def number(name: str, default: float) -> float:
    """Give the variable as a number; raises ImproperlyConfigured when it is none."""
    value = text(name, str(default))
    try:
        found = float(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a number, not {value!r}.") from error
    if not math.isfinite(found):
        raise ImproperlyConfigured(f"{name} must be a number, not {value!r}.")
    return found


def choice(name: str, default: str, *, among: tuple[str, ...]) -> str:
    """Give the variable's word; raises ImproperlyConfigured when it is none of those."""
    value = text(name, default)
    if value not in among:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(among)}, not {value!r}.")
    return value


def time_zone(name: str, default: str) -> str:
    """Give the variable as the name of a time zone; raises ImproperlyConfigured when there is none of that name."""
    value = text(name, default)
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        raise ImproperlyConfigured(
            f"{name} must be a time zone such as UTC or Europe/Vienna, not {value!r}."
        ) from error
    return value


def listed(name: str, default: str) -> list[str]:
    """Give a comma-separated variable as a list without blanks."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def secret(name: str, *, file: Path) -> str:
    """Give the secret from the environment, else from a file of mode 0600 that is made on first use."""
    value = text(name)
    if value:
        _READINGS[name] = Reading(name, value, "environment", is_secret=True)
        return value
    if not file.exists():
        _create_secret_file(file)
    value = file.read_text().strip()
    _READINGS[name] = Reading(name, value, "kept file", is_secret=True)
    return value


def optional_secret(name: str) -> str:
    """Give the secret from the environment; empty when it is not set."""
    value = text(name)
    if value:
        _READINGS[name] = Reading(name, value, "environment", is_secret=True)
    return value


def _create_secret_file(file: Path) -> None:
    """Write the secret beside its place and link it there: nobody ever reads half of it, and the first one wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(secrets.token_urlsafe(48))
    try:
        os.link(draft, file)
    except FileExistsError:
        return  # Another process of ours made it a moment ago; its secret is the one to use.
    finally:
        draft.unlink()
