"""This will end tests: by request at any moment, by the clock, and again where something was left behind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from cloudstack import CloudError
from inventory.secrets import SecretUnreadable
from jobs.at_work import left_at_work
from jobs.engine import questions, undo, windows
from jobs.engine.contracts import PlannedSteps
from jobs.engine.journal import record
from jobs.engine.ports import Engine
from jobs.errors import ActiveJob, CannotCleanUp, CloudNotUsable
from jobs.holding import hold_vm
from jobs.left_undone import is_about_a_replica, was_taken_up
from jobs.leftovers import FORCED, left_behind, may_be_left
from jobs.models import FailoverJob, JobState, JobType, Phase, Plan, PlanKind, PlanState, StepState
from jobs.runtime import ring_on_commit

BEING_LEFT = "An operator had everything left where it is, and its last calls have not ended yet."


@dataclass(frozen=True)
class _Asked:
    """Who asked for a cleanup, and why."""

    by: str
    reason: str


@dataclass(frozen=True)
class Forced:
    """A forced cleanup: its job, and what it had to leave so far (resource, why, what to do); the job goes on."""

    job: FailoverJob
    left: list[dict[str, Any]]


def force_cleanup(*, engine: Engine, job: FailoverJob, actor: str, reason: str = "") -> Forced:
    """Clean a test up without asking about what can't be removed: that is left, and listed here and at the job.

    Only what the test made may be left so. Whatever is about a replica, and a call that may still be at work, is asked
    about all the same. Raises CannotCleanUp, ActiveJob, CloudNotUsable.
    """
    _refuse_while_at_work(engine, job)
    with transaction.atomic():
        job = _clean_up(engine, job, _Asked(by=actor, reason=reason))
        words = f"{actor or 'Somebody'} has the cleanup forced: what can't be removed is left and listed."
        record(engine, job, FORCED, words, actor=actor, reason=reason)
        for question in job.questions.filter(answered_at=None).select_related("job", "step__plan"):
            offered = {choice["choice"] for choice in question.choices}
            if question.step is not None and questions.SKIP.answer in offered and may_be_left(question.step):
                skip = questions.SKIP.answer
                questions.answer(engine, question=question, choice=skip, actor=actor, reason=questions.WHEN_FORCED)
    job.refresh_from_db()
    return Forced(job, left_behind(job))


def clean_up(*, engine: Engine, job: FailoverJob, actor: str, reason: str = "") -> FailoverJob:
    """End a test and remove what it made; safe to press twice and at any moment.

    In its window the cleanup begins; while it is still being made, the making stops and what was made is undone; a test
    that ended with something left behind is cleaned once more, unless a call that was left is still at work; one that
    ended with nothing left is refused. Raises CannotCleanUp, ActiveJob, CloudNotUsable.
    """
    _refuse_while_at_work(engine, job)
    return _clean_up(engine, job, _Asked(by=actor, reason=reason))


def _clean_up(engine: Engine, job: FailoverJob, asked: _Asked) -> FailoverJob:
    if job.job_type != JobType.TEST:
        raise CannotCleanUp(job)
    with transaction.atomic():
        job = FailoverJob.objects.select_for_update().get(pk=job.pk)
        phase = _ask(engine, job, asked)
        ring_on_commit(engine, job_id=job.pk, phase=phase)
    job.refresh_from_db()
    return job


def _refuse_while_at_work(engine: Engine, job: FailoverJob) -> None:
    """Undo nothing beside a call under a stranger's id that an operator left: it may still change what is looked at."""
    if job.job_type != JobType.TEST or job.state != JobState.FINISHED or windows.left_by(job) is None:
        return
    try:
        at_work = left_at_work(job.vm_id, engine.worlds.of(job).gateway)
    except (CloudError, SecretUnreadable) as error:
        raise CloudNotUsable(f"It can't be read what {job.job_id} left: {error}") from error
    if at_work:
        raise CannotCleanUp(job, " ".join(at_work))


def cleanup_preview(*, engine: Engine, job: FailoverJob) -> dict[str, Any]:
    """Say what a cleanup would do now, without doing it; raises CannotCleanUp.

    Of a test that is still being made, what runs at this moment is brought to its end first, and undone too.
    """
    if obstacle_to_cleanup(job):
        raise CannotCleanUp(job)
    moving = job.plans.filter(state__in=[PlanState.RUNNING, PlanState.STOPPING]).exclude(kind=PlanKind.FORWARD).first()
    if moving is not None:
        undone = moving.steps.exclude(state__in=[StepState.DONE, StepState.SKIPPED]).order_by("position")
        return {"words": "It is being cleaned up already.", "steps": list(undone.values_list("title", flat=True))}
    left = windows.left_by(job) if job.state == JobState.FINISHED else None
    forward = job.plans.get(kind=PlanKind.FORWARD)
    if left is not None:
        planned = _rest(engine, job, left)
    else:
        planned = undo.inverse_of(engine, plan=forward, phase=Phase.CLEANUP)
    steps = [step.command.title() for step in planned.steps]
    return {"words": f"{len(steps)} steps remove what the test made." if steps else "Nothing was made.", "steps": steps}


def obstacle_to_cleanup(job: FailoverJob) -> str:
    """Say why a cleanup is not possible now, nothing when it is."""
    if job.job_type != JobType.TEST:
        return "Only a test is cleaned up."
    if windows.is_being_left(job):
        return BEING_LEFT
    if job.state == JobState.FINISHED and windows.left_by(job) is None:
        return "The test has ended, and nothing of it is left to clean up."
    return ""


def expired_tests(*, now: datetime, all_overdue: bool) -> list[FailoverJob]:
    """Give the tests whose window is over and whose cleanup was not asked for; by default those that clean up alone."""
    over = FailoverJob.objects.filter(
        state=JobState.WINDOW_OPEN, window_ends_at__lte=now, cleanup_requested_at__isnull=True
    )
    return list((over if all_overdue else over.filter(auto_cleanup=True)).order_by("window_ends_at"))


def _ask(engine: Engine, job: FailoverJob, asked: _Asked) -> str:
    if windows.is_being_left(job):
        raise CannotCleanUp(job, BEING_LEFT)
    now = engine.clock.now()
    plan = job.plans.filter(state__in=[PlanState.RUNNING, PlanState.STOPPING]).first()
    if job.state == JobState.WINDOW_OPEN:
        if job.cleanup_requested_at is None:
            _note(engine, job, asked)
        FailoverJob.objects.filter(pk=job.pk).update(cleanup_requested_at=now, next_look_at=now)
        return Phase.CLEANUP
    if plan is not None and plan.kind != PlanKind.FORWARD:
        return Phase.CLEANUP if plan.kind == PlanKind.CLEANUP else Phase.REVERTING  # It is being cleaned already.
    if plan is not None:
        if job.cancel_requested_at is None:
            _note(engine, job, asked)
        FailoverJob.objects.filter(pk=job.pk, cancel_requested_at=None).update(
            cancel_requested_at=now, cancel_requested_by=asked.by, cleanup_requested_at=now, next_look_at=now
        )
        return Phase.VALIDATING
    return _again(engine, job, asked)


def _again(engine: Engine, job: FailoverJob, asked: _Asked) -> str:
    """Clean up what a test left that has ended; what is left may be a replica's place, so the VM is taken for it.

    Replicas that a later failover has worked on are left to that one.
    """
    left: Plan | None = windows.left_by(job)
    if left is None:
        raise CannotCleanUp(job)
    another = FailoverJob.objects.filter(vm=job.vm, job_type=job.job_type).exclude(state=JobState.FINISHED).first()
    if another is not None:
        raise ActiveJob(vm_id=job.source_vm_id, kind="failover", reference=another.job_id)
    hold_vm(job.vm, job_id=job.job_id, now=engine.clock.now())
    _note(engine, job, asked)
    return windows.resume_cleanup(engine, job=job, left=_rest(engine, job, left))[0]


def _rest(engine: Engine, job: FailoverJob, left: Plan) -> PlannedSteps:
    taken_up = was_taken_up(job)
    return windows.rest_of_cleanup(
        engine, planned_from=left, keeps=lambda step: not (taken_up and is_about_a_replica(step))
    )


def _note(engine: Engine, job: FailoverJob, asked: _Asked) -> None:
    words = f"{asked.by or 'Somebody'} asked for the cleanup."
    record(engine, job, "cleanup_requested", words, actor=asked.by, reason=asked.reason)
