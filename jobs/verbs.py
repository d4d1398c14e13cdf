"""This will end or undo what a failover achieved: roll a live failover back, commit it, extend a test's window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from jobs.durations import NANOSECONDS, format_duration, parse_duration
from jobs.engine import undo, windows
from jobs.engine.contracts import PlannedSteps
from jobs.engine.journal import record, results_of
from jobs.engine.ports import Engine
from jobs.engine.reopening import reopen
from jobs.errors import BadDuration, CannotCommit, CannotExtend, CannotRollBack, NameNotConfirmed
from jobs.holding import hold_vm
from jobs.left_undone import WayBack, left_undone, way_back
from jobs.models import FailoverJob, JobState, JobStatus, JobType, Outcome, Phase, PlanKind
from jobs.plans import rollback as plans
from jobs.plans.specification import FailoverSpecification
from jobs.rollback_points import rollback_points
from jobs.rollback_windows import LONGEST_SECONDS
from jobs.runtime import ring_on_commit
from jobs.services import job_of

_REVERT = "revert_snapshot"


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
    point nothing is stopped. Where an undo or an earlier rollback left something undone, or an operator left the whole
    failover where it was, it goes on with that. Pressing it twice changes nothing. `unless` says of the locked row why
    not after all. Raises CannotRollBack, NameNotConfirmed, ActiveJob, CloudNotUsable.
    """
    job = job_of(job_id)
    if _is_rolled_back_now(job):
        return job
    if typed_name != job.vm_name:
        raise NameNotConfirmed(job)
    if obstacle := obstacle_to_rollback(job):
        raise CannotRollBack(job, obstacle)
    since = job.point_of_no_return_at
    lost = f"; writes since {since} are lost." if since is not None else "."
    if (left := left_undone(job)) is not None:
        words = f"{actor or 'Somebody'} asked to go on with what was left undone{lost}"
        way = _rest(way_back(engine, job, left))
    else:
        # Refuses where one is missing.
        rollback_points(engine=engine, job=job, results=results_of(job.pk))
        words, way = f"{actor or 'Somebody'} asked to roll back{lost}", _BACK
    return _go_on(engine, job, way, words=words, actor=actor, reason=reason, unless=unless)


def commit(
    *,
    engine: Engine,
    job_id: str,
    actor: str,
    reason: str = "",
    unless: Callable[[FailoverJob], str] = lambda _: "",
) -> FailoverJob:
    """End the way back of a live failover: its rollback points are removed. Pressing it twice changes nothing.

    Where an earlier commit left some of them, those are removed. `unless` says of the locked row why not after all.
    Raises CannotCommit, ActiveJob.
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
    """Say why there is no way back now, nothing when there is one."""
    if job.job_type != JobType.LIVE:
        return "Only a live failover is rolled back or committed; a cleanup ends a test."
    if job.state != JobState.FINISHED:
        return "It has not ended yet."
    if job.outcome == Outcome.COMMITTED:
        return "It was committed: its rollback points are gone."
    if job.outcome == Outcome.SUCCEEDED or left_undone(job) is not None:
        return ""
    if job.outcome == Outcome.ROLLED_BACK:
        return "It was rolled back already."
    return "It did not succeed, and was undone: nothing is left to put back."


def obstacle_to_commit(job: FailoverJob) -> str:
    """Say why the way back cannot be ended now, nothing when it can."""
    if job.state == JobState.FINISHED and job.outcome == Outcome.COMMITTED:
        return "" if windows.left_by(job) is not None else "It was committed: its rollback points are gone."
    if job.state == JobState.FINISHED and job.outcome == Outcome.ROLLED_BACK:
        return "It was rolled back already."
    if job.state == JobState.FINISHED and job.outcome != Outcome.SUCCEEDED:
        return "It did not succeed, and was undone or left: there is nothing to commit."
    return obstacle_to_rollback(job)


def obstacle_to_extension(job: FailoverJob) -> str:
    """Say why a window cannot be extended now, nothing when it can."""
    if job.job_type != JobType.TEST:
        no_window = "" if job.rollback_window_ends_at is not None else "It has no rollback window."
        over = "" if job.outcome == Outcome.SUCCEEDED else "Its way back is not open."
        return obstacle_to_rollback(job) or over or no_window
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
    if (left := left_undone(job)) is not None:
        back = way_back(engine, job, left)
        words, planned, since = "It goes on with what was left undone.", back.planned, job.point_of_no_return_at
        points = [step.command.arguments()["snapshot_id"] for step in planned.steps if step.command.name == _REVERT]
    else:
        points = rollback_points(engine=engine, job=job, results=results)
        planned = plans.rollback(FailoverSpecification.from_json(job.specification), results)
        words, since = "Everything is brought back.", job.point_of_no_return_at or job.completed_at
    lost = (engine.clock.now() - since).total_seconds() if since else 0.0
    return {
        "vm_name": job.vm_name,
        "words": words,
        "writes_lost_since": since,
        "writes_lost_seconds": round(lost, 1),
        "steps": [step.command.title() for step in planned.steps],
        "rollback_points": points,
        "after_it": "The replicas are unverified until the replication engine has confirmed or resynchronised them.",
    }


def commit_preview(*, engine: Engine, job: FailoverJob) -> dict[str, Any]:
    """Say what a commit would remove, without doing it; raises CannotCommit."""
    if obstacle := obstacle_to_commit(job):
        raise CannotCommit(job, obstacle)
    commands = [step.command for step in _plan_of_commit(engine, job).steps]
    return {
        "vm_name": job.vm_name,
        "words": f"{job.vm_name} stays, and its {len(commands)} rollback points go: there is no way back after that.",
        "steps": [command.title() for command in commands],
        "rollback_points": [command.arguments()["snapshot_id"] for command in commands],
    }


@dataclass(frozen=True)
class _Way:
    """One of the ways on from a live failover that ended: its plan, how it is shown, and what stands against it."""

    kind: PlanKind
    plan: Callable[[Engine, FailoverJob], PlannedSteps]
    status: JobStatus
    phase: Phase
    event: str
    refusal: type[CannotRollBack | CannotCommit]
    obstacle: Callable[[FailoverJob], str]
    is_under_way: Callable[[FailoverJob], bool]
    # The VM may have written to the replicas, whatever becomes of each revert (rule 8).
    leaves_doubt: bool = False


def _plan_of_rollback(_: Engine, job: FailoverJob) -> PlannedSteps:
    return plans.rollback(FailoverSpecification.from_json(job.specification), results_of(job.pk))


def _plan_of_commit(engine: Engine, job: FailoverJob) -> PlannedSteps:
    left = windows.left_by(job) if job.outcome == Outcome.COMMITTED else None
    if left is not None:
        return undo.skipped_of(engine, plan=left)
    return plans.commit(FailoverSpecification.from_json(job.specification), results_of(job.pk))


def _moves_in(job: FailoverJob, *kinds: PlanKind) -> bool:
    moving = job.plans.filter(kind__in=kinds, finished_at__isnull=True)
    return job.state != JobState.FINISHED and moving.exclude(stop_reason=windows.LEFT).exists()


def _is_rolled_back_now(job: FailoverJob) -> bool:
    return _moves_in(job, PlanKind.ROLLBACK) or (
        _moves_in(job, PlanKind.COMPENSATE) and job.events.filter(kind=_BACK.event).exists()
    )


_BACK = _Way(
    PlanKind.ROLLBACK,
    _plan_of_rollback,
    JobStatus.REVERTING,
    Phase.REVERTING,
    "rollback_requested",
    CannotRollBack,
    obstacle_to_rollback,
    _is_rolled_back_now,
    leaves_doubt=True,
)
_STAY = _Way(
    PlanKind.COMMIT,
    _plan_of_commit,
    JobStatus.CLEANUP,
    Phase.CLEANUP,
    "commit_requested",
    CannotCommit,
    obstacle_to_commit,
    lambda job: _moves_in(job, PlanKind.COMMIT),
)


def _rest(back: WayBack) -> _Way:
    """Give the way on with what was left undone; disks that hung on a VM that nobody watched are in doubt."""
    doubt = any(step.command.name == "detach_from_target" for step in back.planned.steps)
    return replace(_BACK, kind=back.kind, plan=lambda *_: back.planned, leaves_doubt=doubt)


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
        if not way.is_under_way(job):
            if obstacle := way.obstacle(job) or unless(job):
                raise way.refusal(job, obstacle)
            hold_vm(job.vm, job_id=job.job_id, now=engine.clock.now())
            if way.leaves_doubt:
                engine.ledger.content_in_doubt(job=job)
            reopen(engine, job=job, kind=way.kind, planned=way.plan(engine, job), status=way.status)
            record(engine, job, way.event, words, actor=actor, reason=reason)
            ring_on_commit(engine, job_id=job.pk, phase=way.phase)
    return job_of(job.job_id)
