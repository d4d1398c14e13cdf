"""What was read of a job is written from only while nobody else has written; whoever was overtaken reads again."""

from __future__ import annotations

import pytest

from database.together import Change
from jobs.engine.board import read_board
from jobs.engine.claims import claim
from jobs.engine.decisions import decide, done_and_decided
from jobs.engine.journal import lock, write_in_turn_of
from jobs.engine.questions import RETRY, ask
from jobs.models import FailoverJob, JobState, PlanState, Step, StepState
from jobs.services import cancel
from tests.support.scenes import Scene, scene

pytestmark = pytest.mark.django_db


def _begun() -> tuple[Scene, FailoverJob]:
    """Give a running job as a worker reads it who has not yet done anything."""
    stage = scene()
    job = stage.service.start_live("vm-one")
    FailoverJob.objects.filter(pk=job.pk).update(state=JobState.RUNNING)
    board = decide(stage.service.engine, job_id=job.pk)
    assert board is not None
    return stage, board.job


def _as_it_is(job: FailoverJob) -> FailoverJob:
    return FailoverJob.objects.get(pk=job.pk)


def test_a_turn_is_taken_once_by_those_who_read_the_same() -> None:
    stage, mine = _begun()
    theirs = _as_it_is(mine)
    soon = stage.service.engine.later(5.0)

    assert write_in_turn_of(theirs, next_look_at=soon)
    assert not write_in_turn_of(mine, next_look_at=soon)
    assert _as_it_is(mine).turn == theirs.turn


@pytest.mark.parametrize("other", ["locks", "cancels", "hears"])
def test_no_turn_is_taken_after_another_has(other: str) -> None:
    stage, job = _begun()
    engine = stage.service.engine
    if other == "locks":
        lock(engine, _as_it_is(job))
    elif other == "cancels":
        cancel(engine=engine, job_id=job.job_id, actor="somebody")
    else:
        FailoverJob.objects.filter(pk=job.pk).update(next_look_at=engine.later(0.25))

    assert not write_in_turn_of(job, next_look_at=engine.later(5.0))
    assert _as_it_is(job).turn == job.turn + (other == "locks")


def test_who_was_overtaken_writes_his_step_and_decides_afresh() -> None:
    stage, job = _begun()
    engine = stage.service.engine
    board = read_board(job)
    assert board is not None
    step = board.steps[0]
    Step.objects.filter(pk=step.pk).update(state=StepState.RUNNING)
    lock(engine, _as_it_is(job))

    done = Change(Step, step.pk, {"state": StepState.DONE}, {"state": StepState.RUNNING})

    assert done_and_decided(engine, board, step=step, result={}, writes=[done])
    assert not board.is_exact
    assert Step.objects.get(pk=step.pk).state == StepState.DONE


def test_a_plan_that_was_stopped_meanwhile_starts_nothing_from_an_old_board() -> None:
    stage, job = _begun()
    engine = stage.service.engine
    board = read_board(job)
    assert board is not None
    board.plan.__class__.objects.filter(pk=board.plan.pk).update(state=PlanState.STOPPING)
    lock(engine, _as_it_is(job))

    assert claim(engine, board=board, step=board.ready(now=engine.clock.now())[0]) is None
    assert not board.is_exact
    assert not Step.objects.filter(plan=board.plan, attempts__isnull=False).exists()


def test_a_question_takes_a_turn() -> None:
    stage, job = _begun()
    engine = stage.service.engine
    step = Step.objects.get(plan__job=job, key="check")

    ask(engine, job=_as_it_is(job), step=step, kind="guard", text="Is it?", seen={}, choices=(RETRY,))

    assert not write_in_turn_of(job, next_look_at=engine.later(5.0))
