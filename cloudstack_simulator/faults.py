"""This will plan what goes wrong: which call of which command is refused, fails, is lost, hangs or comes late."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Literal

FaultKind = Literal[
    "refuse", "fail", "done_then_fail", "lost_answer", "lost_request", "hang", "slow", "restart", "late", "own_id"
]


@dataclass(frozen=True)
class Fault:
    """This will say which call is hit (the nth of `command` from now, and `times` in a row) and how."""

    command: str
    kind: FaultKind
    nth: int = 1
    times: int = 1
    error_code: int | None = None
    text: str | None = None
    seconds: float = 0.0


class FaultPlan:
    """This will keep the planned faults and pick the one that hits a call."""

    def __init__(self) -> None:
        self._planned: list[tuple[Fault, int]] = []
        # a control route plans while another thread's call is struck
        self._lock = threading.Lock()
        self.fired: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """This will plan one more fault, counted from now."""
        with self._lock:
            self._planned.append((fault, 0))

    def clear(self) -> None:
        """This will drop every planned fault; what was fired stays on record."""
        with self._lock:
            self._planned = []

    def left(self) -> list[Fault]:
        """This will say what is still to come, counted from now."""
        with self._lock:
            return [_counted_from(fault, seen) for fault, seen in self._planned]

    def strike(self, command: str, *, mutating: bool) -> Fault | None:
        """This will count the call against every plan and return the first fault that hits it."""
        with self._lock:
            return self._count(command, mutating=mutating)

    def _count(self, command: str, *, mutating: bool) -> Fault | None:
        hit: Fault | None = None
        remaining: list[tuple[Fault, int]] = []
        for fault, seen in self._planned:
            if fault.command != command and not (fault.command == "*" and mutating):
                remaining.append((fault, seen))
                continue
            number = seen + 1
            if hit is None and fault.nth <= number < fault.nth + fault.times:
                hit = fault
            if number < fault.nth + fault.times - 1:
                remaining.append((fault, number))
        self._planned = remaining
        if hit is not None:
            self.fired.append(hit)
        return hit


def _counted_from(fault: Fault, seen: int) -> Fault:
    nth = max(fault.nth - seen, 1)
    return replace(fault, nth=nth, times=fault.nth + fault.times - seen - nth)
