"""Generate single faults from the calls of an undisturbed run: each call goes wrong in every way, one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from cloudstack_simulator import Fault

KINDS = ("refuse", "fail", "done_then_fail", "lost_answer", "lost_request", "hang", "restart", "late")
MOMENTS = ("before", "after")
# The call answers when its work is done: there is no async job to look for.
SYNCHRONOUS = frozenset({"deleteVolume", "updateVirtualMachine"})


@dataclass(frozen=True)
class Case:
    """One call of a part, and what happens to it; no two of a file are equal, so that pytest keeps calls together."""

    part: str
    command: str
    nth: int
    kind: str

    def __str__(self) -> str:
        return f"{self.command}-{self.nth}-{self.kind}"

    @property
    def call(self) -> tuple[str, str, int]:
        """Say which call of which part it is about."""
        return self.part, self.command, self.nth

    def fault_at(self, nth: int) -> Fault:
        """Give the fault of the nth call from the moment when it is added."""
        seconds = {"late": 20.0}.get(self.kind, 0.0)
        return Fault(self.command, self.kind, nth=nth, seconds=seconds)  # type: ignore[arg-type]

    @property
    def marks(self) -> tuple[pytest.MarkDecorator, ...]:
        """Give the marks: a further call of a command brings the same statements to the database as its first."""
        return () if self.nth == 1 else (pytest.mark.any_database,)


def cases(part: str, calls: Mapping[str, int], kinds: tuple[str, ...]) -> list[Case]:
    """Give a case for each call of a part and each kind."""
    return [
        Case(part, name, nth, kind) for name, count in calls.items() for nth in range(1, count + 1) for kind in kinds
    ]
