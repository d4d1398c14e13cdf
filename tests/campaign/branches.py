"""This will let one beginning go on in several ways: at a moment amid trouble the process is doubled, world and all.

Each copy draws other troubles from there on and plays to its own end, so that what led there is played once. A branch
has a name, the number of the schedule and the ways it took, `11241000016/1.0`; that plays it again without copies.
"""

from __future__ import annotations

import gc
import os
import pickle
import random
from typing import Generic, NoReturn, TypeVar

P = TypeVar("P")
# So many troubles more have struck when a beginning parts, or parts again.
_STRUCK = (1, 1, 2)


class Branches(Generic[P]):
    """The ways of one schedule that are played from here, and what was found on them."""

    def __init__(self, seed: int, widths: tuple[int, ...], *, follow: tuple[int, ...] | None = None) -> None:
        """Part so many times, each time into so many ways; or follow one path and part nowhere."""
        self.path: tuple[int, ...] = ()
        self.struck_before = 0
        self._seed, self._widths, self._follow = seed, widths, follow
        self._found: list[P] = []
        self._tells: int | None = None

    def is_due(self, struck: int) -> bool:
        """Whether a beginning with so many troubles that have struck parts now."""
        most = len(self._widths) if self._follow is None else len(self._follow)
        if len(self.path) >= most:
            return False
        return struck >= self.struck_before + random.Random(f"{self._seed}/{self.path}").choice(_STRUCK)

    def part(self, struck: int) -> int:
        """Give the way that is gone from here on: first each of the others, by a copy of this process, then way 0."""
        self.struck_before = struck
        if self._follow is not None:
            return self._go(self._follow[len(self.path)])
        for way in range(1, self._widths[len(self.path)]):
            reads, tells = os.pipe()
            child = os.fork()
            if child == 0:
                os.close(reads)
                self._tells, self._found = tells, []
                gc.disable()
                return self._go(way)
            os.close(tells)
            with os.fdopen(reads, "rb") as pipe:
                told = pipe.read()
            os.waitpid(child, 0)
            if not told:
                raise RuntimeError(f"way {way} of {self._seed}/{self.path} ended without a word")
            self._found += pickle.loads(told)
        return self._go(0)

    def found(self, here: P) -> list[P]:
        """Give what came of all ways; a copy of a process tells it to the one that made it, and ends."""
        found = [here, *self._found]
        if self._tells is not None:
            with os.fdopen(self._tells, "wb") as pipe:
                pickle.dump(found, pipe)
            end_copy(0)
        return found

    @property
    def is_copy(self) -> bool:
        """Whether this process is a copy, which has to end here."""
        return self._tells is not None

    def _go(self, way: int) -> int:
        self.path += (way,)
        return way


def end_copy(status: int) -> NoReturn:
    """End the copy of a process without a trace: what it shares with the first is not its own to put away."""
    os._exit(status)
