"""This will let work go on side by side, in threads that end with the process whatever they wait for.

They are those of `ThreadPool`: an executor of `concurrent.futures` lets a process end only when all its threads have,
and one of these may wait for a cloud that does not answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from multiprocessing.pool import AsyncResult, ThreadPool
from typing import TypeVar

from django.db import close_old_connections

Asked = TypeVar("Asked")
Heard = TypeVar("Heard")


class Rounds:
    """Rounds of work, one at a time for each name; here one after another."""

    def begin(self, name: str, work: Callable[[], object]) -> None:
        """Do a round of this name; raises what it raises."""
        work()

    def under_way(self, name: str) -> bool:
        """Say whether the last round of this name has not ended."""
        return False

    def wait(self, seconds: float) -> None:
        """Wait for the rounds that were begun since the last wait, at most so many seconds."""


class RoundsSideBySide(Rounds):
    """Rounds that do not wait for one another; what went wrong in one is raised at the next word with this."""

    def __init__(self, *, most: int) -> None:
        """Let so many go on at once."""
        self._pool = ThreadPool(most)
        self._rounds: dict[str, AsyncResult[None]] = {}
        self._begun: list[str] = []

    def begin(self, name: str, work: Callable[[], object]) -> None:
        """Begin a round of this name; the last one of it must have ended."""
        self._rounds[name] = self._pool.apply_async(_do, (work,))
        self._begun.append(name)

    def under_way(self, name: str) -> bool:
        """Say whether the last round of this name has not ended; raises what it raised."""
        last = self._rounds.get(name)
        if last is None:
            return False
        if last.ready():
            del self._rounds[name]
            last.get()
            return False
        return True

    def wait(self, seconds: float) -> None:
        """Wait for the rounds that were begun since the last wait; raises what they raised."""
        until = time.monotonic() + seconds
        begun, self._begun = self._begun, []
        for name in begun:
            self._rounds[name].wait(max(until - time.monotonic(), 0.0))
            self.under_way(name)


def _do(work: Callable[[], object]) -> None:
    work()
    close_old_connections()


class Questions:
    """Questions to one cloud; here one after another."""

    def each(self, ask: Callable[[Asked], Heard], asked: Sequence[Asked]) -> Iterator[tuple[Asked, Heard]]:
        """Give each question with its answer; raises what the first one raised that was not answered."""
        for one in asked:
            yield one, ask(one)


class QuestionsSideBySide(Questions):
    """Questions to one cloud, some at once: a loaded cloud takes long to answer, and answers many as fast as one."""

    def __init__(self, *, most: int) -> None:
        """Ask so many at once."""
        self._pool, self._most = ThreadPool(most), most

    def each(self, ask: Callable[[Asked], Heard], asked: Sequence[Asked]) -> Iterator[tuple[Asked, Heard]]:
        """Give what was answered first; then raise what one raised, and ask no more."""
        left = iter(asked)
        while some := list(islice(left, self._most)):
            if len(some) == 1:
                yield from super().each(ask, some)
                continue
            results = [(one, self._pool.apply_async(partial(ask, one))) for one in some]
            for _, result in results:
                result.wait()
            for one, result in sorted(results, key=lambda pair: not pair[1].successful()):
                yield one, result.get()
