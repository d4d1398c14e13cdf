"""The watcher remembers what is out: it reads little, and still hears of everything, whoever submitted or ended it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from cloudstack_simulator import SteppedClock
from jobs.engine.endpoint_watch import Pace
from jobs.engine.watcher import Watcher
from jobs.models import AttemptState, Step, StepAttempt
from tests.support.scenes import Scene, scene

pytestmark = pytest.mark.django_db


def _two_out(stage: Scene) -> tuple[StepAttempt, StepAttempt]:
    """Start two failovers and give the two oldest attempts that are out; all others are none of the watcher's."""
    for vm in ("vm-one", "vm-two"):
        stage.service.start_live(vm)
    out = StepAttempt.objects.filter(state=AttemptState.SUBMITTED).order_by("pk")
    stage.service.run(until=lambda: out.count() >= 2)
    first, second = out[:2]
    out.exclude(pk__in=[first.pk, second.pk]).update(state=AttemptState.INTENDED)
    return first, second


def _put(attempt: StepAttempt, state: AttemptState) -> None:
    StepAttempt.objects.filter(pk=attempt.pk).update(state=state)


def _state(attempt: StepAttempt) -> str:
    return StepAttempt.objects.get(pk=attempt.pk).state


def _end_all_in_the_cloud(stage: Scene) -> None:
    assert isinstance(stage.simulator.clock, SteppedClock)
    stage.simulator.clock.advance(60.0)


def _asked(stage: Scene) -> int:
    counts = stage.simulator.calls.counts()
    return counts.get("queryAsyncJobResult", 0) + counts.get("listAsyncJobs", 0)


@pytest.mark.parametrize("few", [0, 8])
def test_a_round_in_which_nothing_came_reads_only_which_attempts_are_out(few: int) -> None:
    stage = scene()
    _two_out(stage)
    watcher = Watcher(stage.service.engine, Pace(few=few))
    watcher.watch_once()

    statements: list[str] = []

    def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        watcher.watch_once()

    (only,) = statements
    assert "JOIN" not in only


@pytest.mark.parametrize("few", [0, 8])
def test_an_attempt_that_is_submitted_after_a_later_one_is_heard_of(few: int) -> None:
    stage = scene()
    earlier, later = _two_out(stage)
    _put(earlier, AttemptState.INTENDED)
    watcher = Watcher(stage.service.engine, Pace(few=few))
    watcher.watch_once()
    assert watcher.next_look_at() is not None
    _end_all_in_the_cloud(stage)

    _put(earlier, AttemptState.SUBMITTED)
    watcher.watch_once()

    assert (_state(earlier), _state(later)) == (AttemptState.ANSWERED, AttemptState.ANSWERED)


def test_what_others_ended_is_asked_about_no_more_and_what_they_took_back_is() -> None:
    stage = scene()
    one, other = _two_out(stage)
    watcher = Watcher(stage.service.engine)
    watcher.watch_once()
    _end_all_in_the_cloud(stage)
    asked = _asked(stage)

    _put(one, AttemptState.UNKNOWN)
    watcher.watch_once()
    assert _asked(stage) == asked + 1
    assert (_state(one), _state(other)) == (AttemptState.UNKNOWN, AttemptState.ANSWERED)

    _put(one, AttemptState.SUBMITTED)
    watcher.watch_once()
    assert _state(one) == AttemptState.ANSWERED


def test_who_takes_over_hears_of_all_and_who_comes_back_asks_about_nothing_old() -> None:
    stage = scene()
    one, other = _two_out(stage)
    remembers, takes_over = Watcher(stage.service.engine), Watcher(stage.service.engine)
    remembers.watch_once()
    _end_all_in_the_cloud(stage)

    assert takes_over.watch_once() == 2
    asked = _asked(stage)

    assert remembers.watch_once() == 0
    assert _asked(stage) == asked
    assert remembers.next_look_at() is None
    assert (_state(one), _state(other)) == (AttemptState.ANSWERED, AttemptState.ANSWERED)


def test_more_attempts_than_are_read_at_once_are_all_heard_of() -> None:
    stage = scene()
    one, _ = _two_out(stage)
    untried = list(Step.objects.filter(attempts=None))
    like_one = {field.attname: getattr(one, field.attname) for field in StepAttempt._meta.concrete_fields[1:]}
    for step in untried:
        StepAttempt.objects.create(**{**like_one, "step_id": step.pk, "async_job_id": stage.service.engine.new_id()})

    assert StepAttempt.objects.filter(state=AttemptState.SUBMITTED).count() > 16

    Watcher(stage.service.engine).watch_once()

    # The cloud knows none of these jobs, and that is written of each.
    assert {attempt.state for attempt in StepAttempt.objects.filter(step__in=untried)} == {AttemptState.UNKNOWN}
