"""What a process has loaded is left alone by the garbage collector; what becomes garbage later is not."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from jobs.heap import leave_alone_what_is_loaded


class _Knot:
    """An object that only a collection can free."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


def test_what_is_loaded_is_exempt_and_later_garbage_is_freed() -> None:
    loaded = _Knot()
    before = weakref.ref(loaded)
    leave_alone_what_is_loaded()
    later = weakref.ref(_Knot())
    del loaded

    gc.collect()

    assert later() is None
    assert before() is not None


def test_a_process_that_makes_no_garbage_is_not_collected_at_every_turn() -> None:
    usual, *_ = gc.get_threshold()

    leave_alone_what_is_loaded()

    assert gc.get_threshold()[0] > usual
    assert gc.get_freeze_count() > 10_000
