"""This will end attempts: done, not done, or something left behind; with step, reservations and rings in one place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from database.statements import PreparedAmong, compare_and_set
from database.together import Change, Gone, Write, write_in_turn
from jobs.engine import decisions, questions
from jobs.engine.board import Board
from jobs.engine.journal import lock, record, told
from jobs.engine.ports import Engine
from jobs.engine.steps import end_step_as_failed, ended, step_is_done
from jobs.models import (
    AttemptState,
    FailoverJob,
    PlanKind,
    PlanState,
    Reservation,
    Step,
    StepAttempt,
    StepState,
)
from jobs.models.attempt import UNFINISHED_ATTEMPTS

# Answers after which nothing was begun.
_UNTOUCHED = frozenset({"refused", "not_sent"})
_WAITING = PreparedAmong(
    lambda resources: (
        Step.objects.filter(waiting_for__in=resources, state=StepState.WAITING, plan__state=PlanState.RUNNING)
        # Their index holds only steps that wait, and serves a kept plan only when the statement says so.
        .exclude(waiting_for="")
        .order_by("plan__job__created_at", "plan__job_id", "position")
        .values_list("waiting_for", "pk", "plan__job_id", "phase")
    )
)


def attempt_is_done(
    engine: Engine, *, board: Board, step: Step, attempt: StepAttempt, result: Mapping[str, Any], seen: str
) -> bool:
    """Record that the attempt took effect; False when another worker ended it first.

    Where nobody else has written meanwhile and the plan goes on, what it means for the job is written with it.
    """
    freed = _freed(attempt)
    writes: list[Write] = [
        _ended(engine, attempt, AttemptState.DONE, seen),
        step_is_done(engine, step=step, result=result),
        told(engine, board.job, "step_done", f"{step.title}: done ({seen})", step=step.key),
        freed,
    ]
    is_written = decisions.done_and_decided(engine, board, step=step, result=result, writes=writes)
    if is_written:
        ring_waiting(engine, freed.found)
    return is_written


def attempt_is_not_done(
    engine: Engine,
    *,
    job: FailoverJob,
    step: Step,
    attempt: StepAttempt,
    sentence: str,
    code: int | None,
    may_retry: bool,
    counts: bool = True,
) -> bool:
    """Record that the attempt surely had no effect; the step is tried again where the rules allow, else it failed.

    `counts` is False when nothing was sent at all: such tries are not limited, only spaced.
    """
    limit = engine.rules.attempts if step.plan.kind == PlanKind.FORWARD else engine.rules.undo_attempts
    # An undo is tried again whatever the refusal: one more try costs little and a person's night much.
    may_retry = may_retry or step.plan.kind != PlanKind.FORWARD
    again = may_retry and (not counts or _counted_attempts(step) < limit)
    with transaction.atomic():
        lock(engine, job)
        if not _ended(engine, attempt, AttemptState.NOT_DONE, sentence).write():
            return False
        untouched = _was_never_begun(step)
        if step.is_point_of_no_return and untouched:
            # A refused start leaves the target VM untouched: the way back is open again (rule 10).
            FailoverJob.objects.filter(pk=job.pk).update(point_of_no_return_at=None)
        if again:
            # A call that died with its process troubled no cloud: nothing has to calm down before it is made again.
            at_once = attempt.answer.get("kind") == "owner_died"
            _try_again(engine, job, step, sentence, pause=0.0 if at_once else _pause(engine, step))
        elif step.plan.kind != PlanKind.FORWARD:
            questions.ask_about_undo(engine, job=job, step=step, sentence=sentence, seen=attempt.answer)
        elif step.is_point_of_no_return and not untouched:
            questions.ask_about_failed_start(engine, job=job, step=step, sentence=sentence)
        else:
            end_step_as_failed(engine, job=job, step=step, sentence=sentence, code=code)
        freed = _free(attempt)
    ring_waiting(engine, freed)
    return True


def attempt_left_something(
    engine: Engine, *, job: FailoverJob, step: Step, attempt: StepAttempt, result: Mapping[str, Any], sentence: str
) -> bool:
    """Record that the attempt failed and what it left; the step's inverse will remove it."""
    with transaction.atomic():
        lock(engine, job)
        if not _ended(engine, attempt, AttemptState.NOT_DONE, sentence).write():
            return False
        Step.objects.filter(pk=step.pk).update(result=dict(result), left_behind=True)
        end_step_as_failed(engine, job=job, step=step, sentence=sentence, code=None)
        freed = _free(attempt)
    ring_waiting(engine, freed)
    return True


def ring_waiting(engine: Engine, resources: list[str]) -> None:
    """Ring for the first step that waits for each freed resource: the oldest job first."""
    first: dict[str, list[Any]] = {}
    for resource, *waiting in _WAITING.values(resources):
        first.setdefault(resource, waiting)
    for step_id, job_id, phase in first.values():
        compare_and_set(Step, pk=step_id, expecting={"state": StepState.WAITING}, not_before=None, waiting_for="")
        engine.bell.ring(job_id=job_id, phase=phase)


def _ended(engine: Engine, attempt: StepAttempt, state: AttemptState, explanation: str) -> Change:
    """Give the change that ends an unfinished attempt, still to be written."""
    values = {
        "state": state,
        "ended_at": engine.clock.now(),
        "explanation": explanation,
        "answer": attempt.answer,
        "readings": attempt.readings,
        "next_look_at": None,
    }
    return Change(StepAttempt, attempt.pk, values, {"state": UNFINISHED_ATTEMPTS})


def _pause(engine: Engine, step: Step) -> float:
    return min(engine.rules.first_pause * 2.0 ** (step.attempts_made - 1), engine.rules.longest_pause)


def _try_again(engine: Engine, job: FailoverJob, step: Step, sentence: str, *, pause: float) -> None:
    Step.objects.filter(pk=step.pk, state=StepState.RUNNING).update(
        state=StepState.WAITING,
        not_before=engine.clock.now() + timedelta(seconds=pause),
        reason=f"Will be tried again: {sentence}",
        waiting_since=F("started_at"),
    )
    record(engine, job, "step_retry", f"{step.title}: {ended(sentence)} It is tried again.", step=step.key)


def _was_never_begun(step: Step) -> bool:
    """Say whether every attempt at the step was refused or never sent: one that was tried may have acted a while."""
    attempts = step.attempts.all()
    return all(one.state == AttemptState.NOT_DONE and one.answer.get("kind") in _UNTOUCHED for one in attempts)


def _counted_attempts(step: Step) -> int:
    """Count the attempts that reached the cloud; those that were never sent do not use up the tries."""
    answers = [attempt.answer or {} for attempt in step.attempts.all()]
    return len([answer for answer in answers if answer.get("kind") != "not_sent"])


def _freed(attempt: StepAttempt) -> Gone:
    return Gone(Reservation, where="attempt", equals=attempt.pk, column="resource")


def _free(attempt: StepAttempt) -> list[str]:
    """Give back what the attempt has reserved, inside the caller's transaction."""
    freed = _freed(attempt)
    write_in_turn(freed)
    return freed.found
