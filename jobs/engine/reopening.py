"""This will go on with a job after its end, by a further plan or the one it stopped in, as an operator asked for."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.engine.contracts import PlannedSteps
from jobs.engine.journal import lock, write_plan
from jobs.engine.ports import Engine
from jobs.models import FailoverJob, JobState, JobStatus, Plan, PlanKind, PlanState, Step, StepState


def reopen(engine: Engine, *, job: FailoverJob, kind: PlanKind, planned: PlannedSteps, status: JobStatus) -> None:
    """Write the plan and let the finished job run again; call it with the job's row locked."""
    write_plan(engine, job=job, kind=kind, planned=planned)
    lock(engine, job)
    FailoverJob.objects.filter(pk=job.pk, state=JobState.FINISHED).update(
        state=JobState.RUNNING, status=status, outcome=None, completed_at=None, progress=0.0
    )


def carry_on(engine: Engine, *, job: FailoverJob, plan: Plan, again: Sequence[int]) -> None:
    """Let a plan that was left where it was run again; call it with the job's row locked.

    What was not done waits again, and so do the steps `again`: their guards look at the cloud and adopt what is there.
    """
    if not Plan.objects.filter(pk=plan.pk, state=PlanState.FAILED).update(
        state=PlanState.RUNNING, stop_reason="", finished_at=None
    ):
        return
    undone = Step.objects.filter(plan=plan).exclude(state=StepState.DONE) | Step.objects.filter(pk__in=again)
    undone.update(state=StepState.WAITING, reason="", waiting_for="", not_before=None, finished_at=None)
    lock(engine, job)
    FailoverJob.objects.filter(pk=job.pk, state=JobState.FINISHED).update(
        state=JobState.RUNNING,
        status=JobStatus.PENDING,
        outcome=None,
        completed_at=None,
        progress=0.0,
        error_code="",
        error_message="",
        cancel_requested_at=None,
        cancel_requested_by="",
        cleanup_requested_at=None,
    )
