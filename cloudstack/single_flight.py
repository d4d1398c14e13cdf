"""This will let one of the threads that want to know the same of a cloud ask for it, and the others hear what he heard.

A burst begins with all threads at once, and each of them would ask.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Questions of which each is under way once at a time. Nothing is remembered: who comes later asks again."""

    def __init__(
        self, *, tells: tuple[type[Exception], ...] = (), door: AbstractContextManager[object] | None = None
    ) -> None:
        """Let the others hear of these exceptions too; a test passes a lock that tells who comes."""
        self._tells = tells
        self._door = door or threading.Lock()
        self._under_way: dict[Hashable, Future[T]] = {}

    def ask(self, subject: Hashable, question: Callable[[], T]) -> T:
        """Ask about a subject, or hear what whoever asks about it just now hears; raises what the question raises.

        Whoever was let down by any other exception there asks himself: again one of them for all.
        """
        while True:
            with self._door:
                asked = self._under_way.get(subject)
                if asked is None:
                    mine = self._under_way[subject] = Future[T]()
                    break
            try:
                return asked.result()
            except CancelledError:
                continue
        return self._answer(subject, question, mine)

    def _answer(self, subject: Hashable, question: Callable[[], T], mine: Future[T]) -> T:
        try:
            heard = question()
            mine.set_result(heard)
        except self._tells as error:
            mine.set_exception(error)
            raise
        finally:
            with self._door:
                del self._under_way[subject]
            # Only now, and only without an answer: whoever wakes must not find this question under way any more.
            mine.cancel()
        return heard
