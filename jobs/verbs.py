"""This will end or undo what a failover achieved: roll a live failover back, commit it, extend a test's window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from jobs.durations import NANOSECONDS, format_duration, parse_duration
from jobs.engine.contracts import PlannedSteps
from jobs.engine.journal import record, results_of
from jobs.engine.ports import Engine
from jobs.engine.reopening import reopen
from jobs.errors import BadDuration, CannotCommit, CannotExtend, CannotRollBack, NameNotConfirmed
from jobs.holding import hold_vm
from jobs.models import FailoverJob, JobState, JobStatus, JobType, Outcome, Phase, PlanKind
from jobs.plans import rollback as plans
from jobs.plans.specification import FailoverSpecification
from jobs.rollback_points import rollback_points
from jobs.rollback_windows import LONGEST_SECONDS
from jobs.runtime import ring_on_commit
from jobs.services import job_of


def roll_back(
    *,
    engine: Engine,
    job_id: str,
    typed_name: str,
    actor: str,
    reason: str = "",
    unless: Callable[[FailoverJob], str] = lambda _: "",
) -> FailoverJob:
    """Undo a live failover that succeeded: the disks go back to the appliance as they were before the first start.

    All that the VM wrote since then is lost, so its name must be typed. The cloud is read first: without every rollback
    point nothing is stopped. Pressing it twice changes nothing. `unless` says of the locked row why not after all.
    Raises CannotRollBack, NameNotConfirmed, ActiveJob, CloudNotUsable.
    """
    job = job_of(job_id)
    if _is_in(job, PlanKind.ROLLBACK):
        return job
    if typed_name != job.vm_name:
        raise NameNotConfirmed(job)
    if obstacle := obstacle_to_rollback(job):
        raise CannotRollBack(job, obstacle)
    # Refuses where one is missing.
    rollback_points(engine=engine, job=job, results=results_of(job.pk))
    words = f"{actor or 'Somebody'} asked to roll back; writes since {job.point_of_no_return_at} are lost."
    return _go_on(engine, job, _BACK, words=words, actor=actor, reason=reason, unless=unless)


def commit(
    *,
    engine: Engine,
    job_id: str,
    actor: str,
    reason: str = "",
    unless: Callable[[FailoverJob], str] = lambda _: "",
) -> FailoverJob:
    """End the way back of a live failover: its rollback points are removed. Pressing it twice changes nothing.

    `unless` says of the locked row why not after all. Raises CannotCommit, ActiveJob.
    """
    words = f"{actor or 'Somebody'} committed the failover."
    return _go_on(engine, job_of(job_id), _STAY, words=words, actor=actor, reason=reason, unless=unless)


def extend(*, engine: Engine, job_id: str, duration: str, actor: str, reason: str = "") -> FailoverJob:
    """Let the window of a test, or of a live failover's way back, end later by `duration` (as Go writes it).

    One that is over already counts from now.

    Raises BadDuration, and CannotExtend outside the window.
    """
    job = job_of(job_id)
    try:
        seconds = parse_duration(duration) // NANOSECONDS
    except ValueError as error:
        raise BadDuration(str(error)) from error
    if seconds <= 0:
        raise BadDuration("A window is extended by more than nothing")
    with transaction.atomic():
        job = FailoverJob.objects.select_for_update().get(pk=job.pk)
        if obstacle := obstacle_to_extension(job):
            raise CannotExtend(job, obstacle)
        is_test = job.job_type == JobType.TEST
        ends = (_extend_test if is_test else _extend_way_back)(job, seconds=seconds, now=engine.clock.now())
        words = f"{actor or 'Somebody'} extended the window; it ends at {ends:%Y-%m-%d %H:%M:%S} UTC."
        record(engine, job, "window_extended", words, actor=actor, reason=reason)
    return job_of(job_id)


def _extend_test(job: FailoverJob, *, seconds: int, now: datetime) -> datetime:
    opened, ends = job.window_opened_at or now, max(job.window_ends_at or now, now) + timedelta(seconds=seconds)
    whole = int((ends - opened).total_seconds())
    if whole > settings.MAX_TEST_SECONDS:
        longest = format_duration(settings.MAX_TEST_SECONDS * NANOSECONDS)
        raise BadDuration(f"A test lasts at most {longest} in all")
    FailoverJob.objects.filter(pk=job.pk).update(
        window_ends_at=ends, window_seconds=whole, overdue_since=None, next_look_at=ends
    )
    return ends


def _extend_way_back(job: FailoverJob, *, seconds: int, now: datetime) -> datetime:
    ends = max(job.rollback_window_ends_at or now, now) + timedelta(seconds=seconds)
    if (ends - (job.completed_at or now)).total_seconds() > LONGEST_SECONDS:
        raise BadDuration(f"A rollback window lasts at most {LONGEST_SECONDS // 86400} days in all")
    FailoverJob.objects.filter(pk=job.pk).update(
        rollback_window_ends_at=ends, rollback_window_over_at=None, next_look_at=None
    )
    return ends


def obstacle_to_rollback(job: FailoverJob) -> str:
    """Say why there is no way back now (and so nothing to commit), nothing when there is one."""
    if job.job_type != JobType.LIVE:
        return "Only a live failover is rolled back or committed; a cleanup ends a test."
    if job.outcome == Outcome.ROLLED_BACK:
        return "It was rolled back already."
    if job.outcome == Outcome.COMMITTED:
        return "It was committed: its rollback points are gone."
    if job.state != JobState.FINISHED:
        return "It has not ended yet."
    if job.outcome != Outcome.SUCCEEDED:
        return "It did not succeed, and was undone or left by itself."
    return ""


def obstacle_to_extension(job: FailoverJob) -> str:
    """Say why a window cannot be extended now, nothing when it can."""
    if job.job_type != JobType.TEST:
        no_window = "" if job.rollback_window_ends_at is not None else "It has no rollback window."
        return obstacle_to_rollback(job) or no_window
    if job.state != JobState.WINDOW_OPEN:
        return "Its window is not open."
    if job.cleanup_requested_at is not None:
        return "Its cleanup was asked for already."
    return ""


def rollback_preview(*, engine: Engine, job: FailoverJob) -> dict[str, Any]:
    """Say what a rollback would do and lose, without doing it; raises CannotRollBack, CloudNotUsable."""
    if obstacle := obstacle_to_rollback(job):
        raise CannotRollBack(job, obstacle)
    results = results_of(job.pk)
    points = rollback_points(engine=engine, job=job, results=results)
    planned = plans.rollback(FailoverSpecification.from_json(job.specification), results)
    since = job.point_of_no_return_at or job.completed_at
    lost = (engine.clock.now() - since).total_seconds() if since else 0.0
    return {
        "vm_name": job.vm_name,
        "writes_lost_since": since,
        "writes_lost_seconds": round(lost, 1),
        "steps": [step.command.title() for step in planned.steps],
        "rollback_points": points,
        "after_it": "The replicas are unverified until the replication engine has confirmed or resynchronised them.",
    }


@dataclass(frozen=True)
class _Way:
    """One of the two ways on from a live failover that succeeded: its plan, how it is shown, and its refusal."""

    kind: PlanKind
    plan: Callable[[FailoverSpecification, plans.Results], PlannedSteps]
    status: JobStatus
    phase: Phase
    event: str
    refusal: type[CannotRollBack | CannotCommit]


_BACK = _Way(
    PlanKind.ROLLBACK, plans.rollback, JobStatus.REVERTING, Phase.REVERTING, "rollback_requested", CannotRollBack
)
_STAY = _Way(PlanKind.COMMIT, plans.commit, JobStatus.CLEANUP, Phase.CLEANUP, "commit_requested", CannotCommit)


def _go_on(
    engine: Engine,
    job: FailoverJob,
    way: _Way,
    *,
    words: str,
    actor: str,
    reason: str,
    unless: Callable[[FailoverJob], str],
) -> FailoverJob:
    """Write the way's plan once, with the VM held again; whoever presses twice finds it under way."""
    with transaction.atomic():
        job = FailoverJob.objects.select_for_update().get(pk=job.pk)
        if not _is_in(job, way.kind):
            if obstacle := obstacle_to_rollback(job) or unless(job):
                raise way.refusal(job, obstacle)
            hold_vm(job.vm, job_id=job.job_id, now=engine.clock.now())
            planned = way.plan(FailoverSpecification.from_json(job.specification), results_of(job.pk))
            reopen(engine, job=job, kind=way.kind, planned=planned, status=way.status)
            record(engine, job, way.event, words, actor=actor, reason=reason)
            ring_on_commit(engine, job_id=job.pk, phase=way.phase)
    return job_of(job.job_id)


def _is_in(job: FailoverJob, kind: PlanKind) -> bool:
    return job.state != JobState.FINISHED and job.plans.filter(kind=kind, finished_at__isnull=True).exists()
