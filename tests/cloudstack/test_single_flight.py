"""Of the threads that want to know the same of a cloud at once one asks, and the others hear what it heard."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from cloudstack.single_flight import SingleFlight

PATIENCE = 30.0


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

    def wait_for_one(self) -> None:
        """Wait until one more has come."""
        assert self.comers.acquire(timeout=PATIENCE)


class Silence(Exception):
    """The cloud does not answer."""


def _at_once(first: Callable[[], str], *others: Callable[[], str]) -> list[Future[str]]:
    """Let others come while the first one asks; give what each of them heard."""
    door, asks = Door(), threading.Event()
    flight = SingleFlight[str](tells=(Silence,), door=door)

    def ask() -> str:
        door.wait_for_one()
        asks.set()
        for _ in others:
            door.wait_for_one()
        return first()

    with ThreadPoolExecutor(1 + len(others)) as threads:
        heard = [threads.submit(flight.ask, "zone", ask)]
        assert asks.wait(PATIENCE)
        return heard + [threads.submit(flight.ask, "zone", other) for other in others]


def _silent() -> str:
    raise Silence


def _never() -> str:
    pytest.fail("asked again")


def test_who_comes_while_another_asks_hears_what_that_one_heard() -> None:
    heard = _at_once(lambda: "the zone", _never, _never)

    assert [one.result() for one in heard] == ["the zone"] * 3


def test_who_comes_while_another_asks_a_silent_cloud_does_not_ask_it_too() -> None:
    for heard in _at_once(_silent, _never, _never):
        with pytest.raises(Silence):
            heard.result()


def test_whom_a_defect_let_down_asks_himself() -> None:
    defect, *others = _at_once(lambda: str(1 // 0), lambda: "the zone", lambda: "the zone")

    with pytest.raises(ZeroDivisionError):
        defect.result()
    assert [one.result() for one in others] == ["the zone"] * 2


@pytest.mark.parametrize("ends", [lambda: "the zone", _silent, lambda: str(1 // 0)])
def test_who_comes_later_asks_again(ends: Callable[[], str]) -> None:
    flight = SingleFlight[str](tells=(Silence,))
    with ThreadPoolExecutor(1) as threads:
        threads.submit(flight.ask, "zone", ends).exception(PATIENCE)

    assert flight.ask("zone", lambda: "another zone") == "another zone"


def test_who_asks_about_something_else_does_not_wait() -> None:
    flight = SingleFlight[str]()

    with ThreadPoolExecutor(1) as threads:
        other = flight.ask("zone", lambda: threads.submit(flight.ask, "offering", lambda: "small").result(PATIENCE))

    assert other == "small"
