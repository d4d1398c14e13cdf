"""Of the threads that ask one cloud for newer marks at once one asks, and the others are told what it heard."""

from __future__ import annotations

import threading

import pytest

from jobs.generation.guard import Inquiry


class Door:
    """A lock that tells when somebody comes to it."""

    def __init__(self) -> None:
        self.comers = threading.Semaphore(0)
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self.comers.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


@pytest.mark.parametrize("said", ["", "it can't be read"])
def test_who_comes_while_another_asks_is_told_what_that_one_heard(said: str) -> None:
    door, asked, heard = Door(), list[str](), list[str]()
    inquiry = Inquiry(door)
    second = threading.Thread(target=lambda: heard.append(inquiry.put(lambda: pytest.fail("asked again"))))

    def ask() -> str:
        asked.append("once")
        door.comers.acquire(timeout=10)
        second.start()
        assert door.comers.acquire(timeout=10)
        return said

    assert inquiry.put(ask) == said
    second.join(10)
    assert (asked, heard) == (["once"], [said])


def test_who_comes_later_asks_again() -> None:
    inquiry = Inquiry()
    assert inquiry.put(lambda: "silent") == "silent"
    assert inquiry.put(lambda: "") == ""
