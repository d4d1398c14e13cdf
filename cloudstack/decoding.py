"""Read single fields out of CloudStack's answers, and say which one is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cloudstack.answers import UnusableAnswer


class Fields:
    """Wrap one object of an answer. Fields that nobody asks for are ignored: CloudStack adds some in each version."""

    def __init__(self, kind: str, value: object) -> None:
        """Take the object; `kind` names it in errors."""
        if not isinstance(value, Mapping):
            raise UnusableAnswer(f"{kind} is not an object: {_shown(value)}")
        self._kind = kind
        self._value: Mapping[str, Any] = value

    def text(self, name: str) -> str:
        """Return a text that must be there."""
        found = self.optional_text(name)
        if found is None:
            raise UnusableAnswer(f"{self._kind} has no {name}")
        return found

    def optional_text(self, name: str) -> str | None:
        """Return a text, or None when it is missing."""
        value = self._value.get(name)
        if value is None or isinstance(value, str):
            return value
        raise self._wrong(name, "text", value)

    def optional_integer(self, name: str) -> int | None:
        """Return a whole number, also one that CloudStack sends as text (a NIC's deviceid, an offering's limits)."""
        value = self._value.get(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lstrip("-").isdecimal() and len(value) < 20:
            return int(value)
        raise self._wrong(name, "a whole number", value)

    def optional_flag(self, name: str) -> bool | None:
        """Return a yes or no, also one that CloudStack sends as text."""
        value = self._value.get(name)
        if value is None or isinstance(value, bool):
            return value
        if value in ("true", "false"):
            return bool(value == "true")
        raise self._wrong(name, "true or false", value)

    def flag(self, name: str) -> bool:
        """Return a yes or no; what is missing is a no."""
        return self.optional_flag(name) or False

    def optional_time(self, name: str) -> datetime | None:
        """Return an aware time (CloudStack writes 2026-11-24T00:23:03+0000)."""
        value = self.optional_text(name)
        if value is None:
            return None
        try:
            time = datetime.fromisoformat(value)
        except ValueError as error:
            raise self._wrong(name, "a time", value) from error
        if time.tzinfo is None:
            raise self._wrong(name, "a time with its offset", value)
        return time

    def objects(self, name: str) -> tuple[object, ...]:
        """Return a list, empty when it is missing."""
        value = self._value.get(name)
        if value is None:
            return ()
        if isinstance(value, list):
            return tuple(value)
        raise self._wrong(name, "a list", value)

    def texts(self, name: str) -> dict[str, str] | None:
        """Return a map of texts (details), None when it is missing; plain values become text."""
        value = self._value.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise self._wrong(name, "an object", value)
        return {str(key): str(item) for key, item in value.items()}

    def _wrong(self, name: str, expected: str, value: object) -> UnusableAnswer:
        return UnusableAnswer(f"{self._kind} has {name} = {_shown(value)}, which is not {expected}")


def _shown(value: object) -> str:
    return repr(value)[:80]
