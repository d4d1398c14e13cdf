"""Of the threads that read the same settled fact of a cloud at once one asks, and the others hear what it heard."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from cloudstack.errors import CallError, CloudUnreachable
from tests.verification.test_asking_once import Door
from validation.cloud_facts import Settled

PATIENCE = 30.0


class Cloud:
    """Stands for a gateway: what is remembered is remembered of it."""


def _silent() -> str:
    raise CloudUnreachable(CallError("listZones", None, None, None, "no answer", None))


def _two_at_once(first: Callable[[], str], second: Callable[[], str]) -> tuple[Future[str], Future[str]]:
    """Let a second thread come while the first one asks the cloud; give what both heard."""
    door, cloud, asks = Door(), Cloud(), threading.Event()
    settled = Settled(door)

    def ask() -> str:
        assert door.comers.acquire(timeout=PATIENCE)
        asks.set()
        assert door.comers.acquire(timeout=PATIENCE)
        return first()

    def get(read: Callable[[], str]) -> str:
        return settled.get(cloud, "zone", read, now=1000.0, seconds=60.0)

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(get, ask)
        assert asks.wait(PATIENCE)
        two = threads.submit(get, second)
    return one, two


def test_who_comes_while_another_asks_hears_what_that_one_heard() -> None:
    one, two = _two_at_once(lambda: "the zone", lambda: pytest.fail("asked again"))

    assert (one.result(), two.result()) == ("the zone", "the zone")


def test_who_comes_while_another_asks_a_silent_cloud_does_not_ask_it_too() -> None:
    one, two = _two_at_once(_silent, lambda: pytest.fail("asked again"))

    for heard in (one, two):
        with pytest.raises(CloudUnreachable):
            heard.result()


def test_whom_a_defect_let_down_asks_for_himself() -> None:
    one, two = _two_at_once(lambda: str(1 // 0), lambda: "the zone")

    with pytest.raises(ZeroDivisionError):
        one.result()
    assert two.result() == "the zone"


def test_after_a_silence_it_is_asked_again() -> None:
    settled, cloud = Settled(), Cloud()

    with pytest.raises(CloudUnreachable):
        settled.get(cloud, "zone", _silent, now=1000.0, seconds=60.0)

    assert settled.get(cloud, "zone", lambda: "the zone", now=1000.0, seconds=60.0) == "the zone"
