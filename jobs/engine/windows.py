"""This will keep the window of a test: open it when the VM was seen running, end it by request or by the clock.

The timer is a moment in the database: it survives restarts, and a clock that jumps only makes the look come late.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.db.models import Q

from jobs.engine import undo
from jobs.engine.contracts import PlannedStep, PlannedSteps
from jobs.engine.journal import record, write_plan
from jobs.engine.ports import Engine
from jobs.engine.reopening import reopen
from jobs.models import FailoverJob, JobState, JobStatus, Phase, Plan, PlanKind, PlanState, StepState

# The reason with which a plan stops when an operator chose to leave everything where it is.
LEFT = "left"


def open_window(engine: Engine, *, job: FailoverJob) -> None:
    """Open the window of a job whose forward plan is done; it runs from the moment the VM was seen running."""
    opened = engine.clock.now()
    ends = opened + timedelta(seconds=job.window_seconds or 0)
    job.status, job.state, job.progress = JobStatus.EXECUTING, JobState.WINDOW_OPEN, 100.0
    job.window_opened_at, job.window_ends_at, job.next_look_at = opened, ends, ends
    job.save(
        update_fields=["status", "state", "progress", "window_opened_at", "window_ends_at", "next_look_at"],
    )
    what = "is cleaned up then" if job.auto_cleanup else "waits for a cleanup by request then"
    record(
        engine, job, "window_opened", f"The test VM runs; the window ends at {ends:%Y-%m-%d %H:%M:%S} UTC and {what}."
    )
    engine.ledger.window_opened(job=job)


def heed_clock(engine: Engine, *, job: FailoverJob) -> list[str]:
    """Act on a request for cleanup, or on the end of the window; the job's row is locked by the caller."""
    now = engine.clock.now()
    over = job.window_ends_at is not None and now >= job.window_ends_at
    if job.cleanup_requested_at is not None or (over and job.auto_cleanup):
        return begin_cleanup(engine, job=job)
    if over and job.overdue_since is None:
        FailoverJob.objects.filter(pk=job.pk).update(overdue_since=now, next_look_at=None)
        words = "The test window is over and nothing was cleaned up: the test VM still runs."
        record(engine, job, "overdue", words)
        engine.ledger.overdue(job=job, words=words)
    return []


def begin_cleanup(engine: Engine, *, job: FailoverJob) -> list[str]:
    """Write the cleanup plan: the inverses of everything that the forward plan did; give the phases with work."""
    forward = job.plans.get(kind=PlanKind.FORWARD)
    planned = undo.inverse_of(engine, plan=forward, phase=Phase.CLEANUP)
    write_plan(engine, job=job, kind=PlanKind.CLEANUP, planned=planned)
    job.status, job.state, job.progress = JobStatus.CLEANUP, JobState.RUNNING, 0.0
    job.next_look_at = engine.later(engine.rules.patience_with_bell)
    job.save(update_fields=["status", "state", "progress", "next_look_at"])
    record(engine, job, "cleanup", "The cleanup began.", steps=len(planned.steps))
    return [Phase.CLEANUP]


def rest_of_cleanup(engine: Engine, *, planned_from: Plan, keeps: Callable[[PlannedStep], bool]) -> PlannedSteps:
    """Plan what an ended job left: what its undo or cleanup skipped, or the undo of a plan that was left where it was.

    Of that only the steps to keep.
    """
    if planned_from.kind == PlanKind.FORWARD:
        left = undo.inverse_of(engine, plan=planned_from, phase=Phase.CLEANUP)
    else:
        left = undo.skipped_of(engine, plan=planned_from)
    return undo.some_of(left, keeps)


def resume_cleanup(engine: Engine, *, job: FailoverJob, left: PlannedSteps) -> list[str]:
    """Try again to remove what an ended job left; call it with the job's row locked."""
    reopen(engine, job=job, kind=PlanKind.CLEANUP, planned=left, status=JobStatus.CLEANUP)
    record(engine, job, "cleanup", "The cleanup of what was left behind began.", steps=len(left.steps))
    return [Phase.CLEANUP]


def is_being_left(job: FailoverJob) -> bool:
    """Say whether an operator had everything left where it is, and the job only waits for its last calls to end."""
    return job.is_moving and job.plans.filter(state=PlanState.STOPPING, stop_reason=LEFT).exists()


def left_by(job: FailoverJob) -> Plan | None:
    """Give the plan of an ended job that did not put back or remove everything; None when nothing is left.

    That is the newest undo or cleanup with a step that was skipped, or a plan whose end was to leave all as it was.
    """
    last = job.plans.exclude(state__in=[PlanState.RUNNING, PlanState.STOPPING]).order_by("-number").first()
    if last is None:
        return None
    if last.kind == PlanKind.FORWARD:
        acted = Q(state=StepState.DONE) | Q(left_behind=True)
        return last if last.stop_reason == LEFT and last.steps.filter(acted).exists() else None
    return last if last.steps.filter(state=StepState.SKIPPED).exists() else None
