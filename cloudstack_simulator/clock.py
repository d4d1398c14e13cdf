"""This will give the simulated cloud its time: a clock that the test moves, or the real one."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """This will tell the time in unix seconds."""

    def now(self) -> float:
        """This will return the present moment in unix seconds."""
        ...


class SteppedClock:
    """This will stand still until a test moves it."""

    def __init__(self, start: float = 1_760_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        """This will return the moment the test last moved to."""
        return self._now

    def advance(self, seconds: float) -> None:
        """This will move the clock forward by so many seconds."""
        if seconds < 0:
            raise ValueError(f"A clock does not run backwards: {seconds} seconds")
        self._now += seconds


class SystemClock:
    """This will tell the machine's own time."""

    def now(self) -> float:
        """This will return the machine's unix time."""
        return time.time()
