"""This will go on with a job after its end, by a further plan that an operator asked for."""

from __future__ import annotations

from jobs.engine.contracts import PlannedSteps
from jobs.engine.journal import lock, write_plan
from jobs.engine.ports import Engine
from jobs.models import FailoverJob, JobState, JobStatus, PlanKind


def reopen(engine: Engine, *, job: FailoverJob, kind: PlanKind, planned: PlannedSteps, status: JobStatus) -> None:
    """Write the plan and let the finished job run again; call it with the job's row locked."""
    write_plan(engine, job=job, kind=kind, planned=planned)
    lock(engine, job)
    FailoverJob.objects.filter(pk=job.pk, state=JobState.FINISHED).update(
        state=JobState.RUNNING, status=status, outcome=None, completed_at=None, progress=0.0
    )
