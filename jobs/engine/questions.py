"""This will ask operators what only a person can tell, and carry out their answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from database.statements import Prepared, compare_and_set
from jobs.engine.contracts import Choice, Wait
from jobs.engine.journal import lock, record
from jobs.engine.ports import Engine
from jobs.engine.steps import end_step_as_done, end_step_as_failed, ended
from jobs.engine.windows import LEFT
from jobs.models import (
    AttemptState,
    FailoverJob,
    Plan,
    PlanKind,
    PlanState,
    Question,
    Reservation,
    Step,
    StepAttempt,
    StepState,
)
from jobs.models.attempt import UNFINISHED_ATTEMPTS

RETRY = Choice("retry", "Run the step again, after its conditions were read again.")
LOOK_AGAIN = Choice("look_again", "Read the cloud again now and go on with what is seen; nothing is sent.")
UNDO = Choice("undo", "Stop here and undo the finished steps in reverse order.")
TREAT_AS_DONE = Choice(
    "treat_as_done", "Go on as if the step had succeeded; only when you saw it in the cloud yourself."
)
SKIP = Choice("skip", "Leave this undone and go on with the rest; it stays listed as left behind.")
WHEN_FORCED = "The cleanup was forced."
LEAVE = Choice("leave", "End the job as failed and leave everything where it is now.")
_MOOT = Prepared(
    lambda plan_id: (
        Question.objects.filter(
            ~Exists(StepAttempt.objects.filter(step=OuterRef("step"), state__in=UNFINISHED_ATTEMPTS)),
            step__plan_id=plan_id,
            step__state__in=[StepState.WAITING, StepState.SKIPPED],
            answered_at__isnull=True,
        )
        .order_by()
        .values_list("pk")
    )
)


class QuestionClosed(Exception):
    """The question was answered before, or does not belong to the job."""


class UnknownChoice(Exception):
    """The answer is none of the choices that the question offers."""


def ask(
    engine: Engine,
    *,
    job: FailoverJob,
    step: Step,
    kind: str,
    text: str,
    seen: Mapping[str, Any],
    choices: Sequence[Choice],
) -> Question:
    """Ask once per step; a question that is open already stays as it is."""
    with transaction.atomic():
        # Whoever read the job before must read again. A question that nobody was told of would wait for ever.
        lock(engine, job)
        question, created = Question.objects.get_or_create(
            job=job,
            step=step,
            answered_at=None,
            defaults={
                "kind": kind,
                "text": text,
                "seen": dict(seen),
                "choices": [{"choice": choice.answer, "effect": choice.effect} for choice in choices],
                "asked_at": engine.clock.now(),
            },
        )
        if created:
            record(engine, job, "question", text, step=step.key, choices=[choice.answer for choice in choices])
            _tell_or_leave(engine, question)
    return question


def _tell_or_leave(engine: Engine, question: Question) -> None:
    """Have a person told, unless somebody said beforehand that this may be left undone (a forced cleanup)."""
    job, step = question.job, question.step
    may_be_left = step is not None and SKIP.answer in {offered["choice"] for offered in question.choices}
    leaver = engine.ledger.lets_be_left(job=job, step=step) if may_be_left and step is not None else ""
    if leaver:
        answer(engine, question=question, choice=SKIP.answer, actor=leaver, reason=WHEN_FORCED)
    else:
        engine.ledger.asked(job=job, words=question.text)


def answer(engine: Engine, *, question: Question, choice: str, actor: str, reason: str = "") -> None:
    """Carry out an operator's choice; raises QuestionClosed, UnknownChoice."""
    if choice not in {offered["choice"] for offered in question.choices}:
        raise UnknownChoice(choice)
    job = question.job
    with transaction.atomic():
        now = engine.clock.now()
        lock(engine, job)
        if not Question.objects.filter(pk=question.pk, answered_at__isnull=True).update(
            answered_at=now, answer=choice, answered_by=actor, answer_reason=reason
        ):
            raise QuestionClosed(str(question.pk))
        record(engine, job, "answered", f"{actor or 'An operator'} chose: {choice}.", actor=actor, reason=reason)
        if question.step is not None:
            _carry_out(engine, job, question.step, choice)
        FailoverJob.objects.filter(pk=job.pk).update(next_look_at=now, defects=0)


def drop_moot(engine: Engine, *, plan: Plan) -> None:
    """Close questions about steps that a stopping plan will not start any more.

    A step that was left while its attempt is still under way keeps its question: only the answer ends that attempt.
    """
    for (pk,) in _MOOT.values(plan_id=plan.pk):
        compare_and_set(Question, pk=pk, expecting={"answered_at": None}, answered_at=engine.clock.now(), answer="moot")


def _carry_out(engine: Engine, job: FailoverJob, step: Step, choice: str) -> None:
    now = engine.clock.now()
    attempt = step.attempts.filter(state__in=UNFINISHED_ATTEMPTS).first()
    match choice:
        case "look_again":
            if attempt is not None:
                _look_afresh(engine, attempt)
            # A wait counts anew: what was put right in the cloud may take its time there.
            Step.objects.filter(pk=step.pk).update(not_before=now, waiting_since=None)
        case "retry":
            _close(engine, attempt, AttemptState.NOT_DONE)
            Step.objects.filter(pk=step.pk).update(state=StepState.WAITING, not_before=now, reason="")
            _reopen(step)
        case "treat_as_done":
            _close(engine, attempt, AttemptState.DONE)
            Step.objects.filter(pk=step.pk).update(state=StepState.RUNNING)
            end_step_as_done(
                engine, job=job, step=step, result=step.result, words=f"{step.title}: done, says an operator"
            )
        case "undo":
            _close(engine, attempt, AttemptState.NOT_DONE)
            Step.objects.filter(pk=step.pk).update(state=StepState.RUNNING)
            end_step_as_failed(engine, job=job, step=step, sentence=step.reason or "An operator stopped it.", code=None)
            if job.point_of_no_return_at is not None:
                # The target may have run and written: the disks go back, but nobody may trust them unseen (rule 8).
                engine.ledger.content_in_doubt(job=job)
                FailoverJob.objects.filter(pk=job.pk).update(point_of_no_return_at=None)
        case "skip":
            _close(engine, attempt, AttemptState.NOT_DONE)
            Step.objects.filter(pk=step.pk).update(state=StepState.SKIPPED, finished_at=now)
            left = engine.ledger.left(step=step)
            record(engine, job, "left_behind", f"{step.title}: left undone.", step=step.key, left=left)
        case "leave":
            _close(engine, attempt, AttemptState.NOT_DONE)
            step.plan.steps.exclude(state=StepState.DONE).update(state=StepState.SKIPPED, finished_at=now)
            Plan.objects.filter(pk=step.plan_id).update(state=PlanState.STOPPING, stop_reason=LEFT)


def _look_afresh(engine: Engine, attempt: StepAttempt) -> None:
    """Count patience from now on; what has settled is read at once, a submitted one is asked for by the watcher."""
    now = engine.clock.now()
    StepAttempt.objects.filter(pk=attempt.pk, state__in=[AttemptState.UNKNOWN, AttemptState.ANSWERED]).update(
        next_look_at=now, readings=[]
    )
    # Patience counts from the settling; what has not settled yet is not read before.
    unknown = StepAttempt.objects.filter(pk=attempt.pk, state=AttemptState.UNKNOWN)
    unknown.exclude(settled_after__gt=now).update(settled_after=now)
    StepAttempt.objects.filter(pk=attempt.pk, state=AttemptState.ANSWERED).update(answered_at=now)
    StepAttempt.objects.filter(pk=attempt.pk, state=AttemptState.SUBMITTED).update(submitted_at=now)


def _close(engine: Engine, attempt: StepAttempt | None, state: AttemptState) -> None:
    if attempt is None:
        return
    StepAttempt.objects.filter(pk=attempt.pk).update(
        state=state, ended_at=engine.clock.now(), explanation="Decided by an operator."
    )
    Reservation.objects.filter(attempt=attempt).delete()


def _reopen(step: Step) -> None:
    Plan.objects.filter(pk=step.plan_id, state=PlanState.STOPPING).update(state=PlanState.RUNNING, stop_reason="")


def ask_about_undo(engine: Engine, *, job: FailoverJob, step: Step, sentence: str, seen: Mapping[str, Any]) -> None:
    """Ask what to do when a step of an undo or cleanup cannot be done."""
    text = f"{step.title} cannot be done: {ended(sentence)} What shall become of it?"
    ask(engine, job=job, step=step, kind="undo_step", text=text, seen=seen, choices=(RETRY, SKIP))


def ask_about_failed_start(engine: Engine, *, job: FailoverJob, step: Step, sentence: str) -> None:
    """Ask what to do when the target did not start: it may have run for a moment, so no undo is automatic (rule 10)."""
    text = (
        f"{step.title} failed: {ended(sentence)} The target VM may have run and written to its disks for a moment. "
        "Undoing returns the disks to the appliance as unverified; writes of the target VM, if any, are on them."
    )
    ask(engine, job=job, step=step, kind="failed_start", text=text, seen={}, choices=(RETRY, UNDO, LEAVE))


def ask_about_foreign_id(engine: Engine, *, job: FailoverJob, step: Step, attempt: StepAttempt, given: str) -> None:
    """Ask what to do when the cloud did not take our job id: without it a lost answer could not be told from none."""
    text = (
        f"{step.title}: CloudStack answered with async job {given} instead of ours. This cloud (or a proxy before it) "
        "does not honour customjobid, so nothing more is sent to it."
    )
    seen = {"ours": attempt.async_job_id, "given": given}
    ask(engine, job=job, step=step, kind="foreign_job_id", text=text, seen=seen, choices=(LOOK_AGAIN, LEAVE))


def ask_about_endless_job(
    engine: Engine, *, job: FailoverJob, step: Step, attempt: StepAttempt, async_job_id: str = ""
) -> None:
    """Ask what to do about an async job that does not end: the attempt's own, or one under a stranger's id."""
    text = (
        f"{step.title}: CloudStack's async job {async_job_id or attempt.async_job_id} is still unfinished after the "
        "limit of this step. While it may still run, nothing else may touch the same disk or VM. Have the cloud's "
        "administrator end it."
    )
    ask(engine, job=job, step=step, kind="endless_job", text=text, seen=attempt.answer, choices=(LOOK_AGAIN,))


def ask_about_unseen_success(engine: Engine, *, job: FailoverJob, step: Step, attempt: StepAttempt, seen: str) -> None:
    """Ask what to do when the job succeeded but the cloud does not look so."""
    text = f"{step.title}: it was reported as done, but what is read back disagrees: {seen}."
    ask(
        engine,
        job=job,
        step=step,
        kind="unseen_success",
        text=text,
        seen={"readings": attempt.readings},
        choices=(LOOK_AGAIN, *_ways_out(step)),
    )


def ask_about_unclear(engine: Engine, *, job: FailoverJob, step: Step, attempt: StepAttempt, seen: str) -> None:
    """Ask what to do when reading does not tell what became of an attempt."""
    text = f"{step.title}: it cannot be told whether it took effect ({seen})."
    ask(
        engine,
        job=job,
        step=step,
        kind="unclear",
        text=text,
        seen={"readings": attempt.readings, "answer": attempt.answer},
        choices=(LOOK_AGAIN, *_ways_out(step)),
    )


def ask_about_long_wait(engine: Engine, *, job: FailoverJob, step: Step, wait: Wait) -> None:
    """Ask what to do when what a step waits for has not come within its limit."""
    minutes = round((wait.limit or 0.0) / 60)
    text = (
        f"{step.title}: {wait.reason} That has not come by itself within {minutes} minutes. Put it right, then have it "
        "looked at again."
    )
    is_forward = step.plan.kind == PlanKind.FORWARD
    may_undo = wait.may_undo and is_forward and job.point_of_no_return_at is None
    seen = {"waiting_since": step.waiting_since.isoformat() if step.waiting_since else None}
    ask(
        engine,
        job=job,
        step=step,
        kind="guard",
        text=text,
        seen=seen,
        choices=(LOOK_AGAIN, *((UNDO,) if may_undo else ()), *_ways_out(step)),
    )


def ask_about_defect(engine: Engine, *, job: FailoverJob, defect: str) -> None:
    """Park a job that our own code cannot carry on."""
    steps = Step.objects.filter(plan__job=job)
    moving = steps.filter(plan__state__in=[PlanState.RUNNING, PlanState.STOPPING])
    undone = moving.exclude(state__in=[StepState.DONE, StepState.SKIPPED]).order_by("position").first()
    # Where every step is over it is the end of them that fails.
    step = undone or steps.order_by("plan__number", "position").last()
    if step is None:
        return
    text = (
        f"This service failed {engine.rules.defects} times in a row at this job: {defect}. Nothing was sent meanwhile."
    )
    ask(engine, job=job, step=step, kind="defect", text=text, seen={"defect": defect}, choices=(LOOK_AGAIN,))


def _ways_out(step: Step) -> tuple[Choice, ...]:
    return (LEAVE,) if step.plan.kind == PlanKind.FORWARD else (SKIP,)
