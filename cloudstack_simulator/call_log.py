"""This will remember every call that the simulated cloud received."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

# What a call of these commands leaves behind is nothing, whatever its answer.
READING_PREFIXES = ("list", "query", "get", "find")


def is_mutating(command: str) -> bool:
    """This will tell commands that change the cloud from those that only read it."""
    return not command.startswith(READING_PREFIXES)


@dataclass(frozen=True)
class Call:
    """This will record one call: what was asked, when, and the job id that its caller chose."""

    command: str
    params: Mapping[str, str]
    at: float
    customjobid: str | None


class CallLog:
    """This will keep the calls in order of arrival; reads are only counted, so that long runs stay small."""

    def __init__(self) -> None:
        self._order: list[str] = []
        self._changes: list[Call] = []
        self._counts: Counter[str] = Counter()

    def add(self, command: str, params: Mapping[str, str], *, at: float) -> None:
        """This will put one more call on record."""
        self._order.append(command)
        self._counts[command] += 1
        if is_mutating(command):
            self._changes.append(Call(command, params, at, params.get("customjobid")))

    def commands(self) -> list[str]:
        """This will list the command of every call in order of arrival."""
        return list(self._order)

    def mutating(self) -> list[Call]:
        """This will list the calls that could change the cloud."""
        return list(self._changes)

    def count(self, command: str) -> int:
        """This will say how often a command was called."""
        return self._counts[command]

    def counts(self) -> dict[str, int]:
        """This will say how often each command was called."""
        return dict(self._counts)

    def clear(self) -> None:
        """This will forget all calls."""
        self._order, self._changes, self._counts = [], [], Counter()
