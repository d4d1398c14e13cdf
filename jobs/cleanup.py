"""This will end tests: by request at any moment, by the clock, and again where something was left behind."""

from __future__ import annotations

from django.db import transaction

from jobs.engine import windows
from jobs.engine.journal import record
from jobs.engine.ports import Engine
from jobs.errors import CannotCleanUp
from jobs.models import FailoverJob, JobState, JobType, Phase, PlanKind, PlanState, StepState
from jobs.runtime import ring_on_commit


def clean_up(*, engine: Engine, job: FailoverJob, actor: str) -> FailoverJob:
    """End a test and remove what it made; safe to press twice and at any moment. Raises CannotCleanUp.

    In its window the cleanup begins; while it is still being made, the making stops and what was made is undone; a test
    that ended with something left behind is cleaned once more; one that ended with nothing left is refused.
    """
    if job.job_type != JobType.TEST:
        raise CannotCleanUp(job)
    with transaction.atomic():
        job = FailoverJob.objects.select_for_update().get(pk=job.pk)
        phase = _ask(engine, job, actor)
        ring_on_commit(engine, job_id=job.pk, phase=phase)
    job.refresh_from_db()
    return job


def _ask(engine: Engine, job: FailoverJob, actor: str) -> str:
    now = engine.clock.now()
    plan = job.plans.filter(state__in=[PlanState.RUNNING, PlanState.STOPPING]).first()
    if job.state == JobState.WINDOW_OPEN:
        _note(engine, job, actor)
        FailoverJob.objects.filter(pk=job.pk).update(cleanup_requested_at=now, next_look_at=now)
        return Phase.CLEANUP
    if plan is not None and plan.kind != PlanKind.FORWARD:
        return Phase.CLEANUP if plan.kind == PlanKind.CLEANUP else Phase.REVERTING  # It is being cleaned already.
    if plan is not None:
        if job.cancel_requested_at is None:
            _note(engine, job, actor)
        FailoverJob.objects.filter(pk=job.pk, cancel_requested_at=None).update(
            cancel_requested_at=now, cancel_requested_by=actor, cleanup_requested_at=now, next_look_at=now
        )
        return Phase.VALIDATING
    last = windows.last_undo(job)
    if last is None or not last.steps.filter(state=StepState.SKIPPED).exists():
        raise CannotCleanUp(job)
    _note(engine, job, actor)
    return windows.resume_cleanup(engine, job=job, planned_from=last)[0]


def _note(engine: Engine, job: FailoverJob, actor: str) -> None:
    record(engine, job, "cleanup_requested", f"{actor or 'Somebody'} asked for the cleanup.", actor=actor)
