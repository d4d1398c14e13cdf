"""Of the threads that read the same settled fact of a cloud at once one asks, and silence is not remembered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from cloudstack.errors import CallError, CloudUnreachable
from tests.cloudstack.test_single_flight import PATIENCE, Door
from validation.cloud_facts import Settled


class Cloud:
    """Stands for a gateway: what is remembered is remembered of it."""


def _silent() -> str:
    raise CloudUnreachable(CallError("listZones", None, None, None, "no answer", None))


def _never() -> str:
    pytest.fail("asked again")


def _two_at_once(first: Callable[[], str]) -> tuple[Future[str], Future[str]]:
    """Let a second thread come while the first one asks the cloud; give what both heard."""
    door, cloud, asks = Door(), Cloud(), threading.Event()
    settled = Settled(door=door)

    def ask() -> str:
        door.wait_for_one()
        asks.set()
        door.wait_for_one()
        return first()

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(settled.get, cloud, "zone", ask, now=1000.0, seconds=60.0)
        assert asks.wait(PATIENCE)
        return one, threads.submit(settled.get, cloud, "zone", _never, now=1000.0, seconds=60.0)


def test_who_comes_while_another_asks_hears_what_that_one_heard() -> None:
    one, two = _two_at_once(lambda: "the zone")

    assert (one.result(), two.result()) == ("the zone", "the zone")


def test_who_comes_while_another_asks_a_silent_cloud_does_not_ask_it_too() -> None:
    for heard in _two_at_once(_silent):
        with pytest.raises(CloudUnreachable):
            heard.result()


def test_what_was_read_is_remembered_for_its_time() -> None:
    settled, cloud = Settled(), Cloud()
    assert settled.get(cloud, "zone", lambda: "the zone", now=1000.0, seconds=60.0) == "the zone"

    assert settled.get(cloud, "zone", _never, now=1059.0, seconds=60.0) == "the zone"
    assert settled.get(cloud, "zone", lambda: "another", now=1060.0, seconds=60.0) == "another"


def test_after_a_silence_it_is_asked_again() -> None:
    settled, cloud = Settled(), Cloud()

    with pytest.raises(CloudUnreachable):
        settled.get(cloud, "zone", _silent, now=1000.0, seconds=60.0)

    assert settled.get(cloud, "zone", lambda: "the zone", now=1000.0, seconds=60.0) == "the zone"


def test_what_is_read_while_the_cloud_is_forgotten_is_neither_remembered_nor_told() -> None:
    settled, cloud = Settled(), Cloud()

    def is_forgotten_meanwhile() -> str:
        settled.forget(cloud)
        with ThreadPoolExecutor(1) as threads:
            asks_anew = threads.submit(settled.get, cloud, "zone", lambda: "mended", now=1000.0, seconds=60.0)
            assert asks_anew.result(PATIENCE) == "mended"
        return "broken"

    assert settled.get(cloud, "zone", is_forgotten_meanwhile, now=1000.0, seconds=60.0) == "broken"
    assert settled.get(cloud, "zone", _never, now=1000.0, seconds=60.0) == "mended"
