"""This will map plan and phase to the status and progress that people see: the one table for it."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.models import FailoverJob, JobState, JobStatus, Phase, Plan, PlanKind, Step, StepState

# The phases in the order in which the status shows them: the first unfinished one is shown.
_ORDER = (
    Phase.VALIDATING,
    Phase.SNAPSHOTTING,
    Phase.CREATING_VM,
    Phase.SWITCHING_VOLUME,
    Phase.POWERING_ON,
)

_OF_UNDOING = {
    PlanKind.COMPENSATE: JobStatus.REVERTING,
    PlanKind.ROLLBACK: JobStatus.REVERTING,
    PlanKind.CLEANUP: JobStatus.CLEANUP,
    PlanKind.COMMIT: JobStatus.CLEANUP,
}


@dataclass(frozen=True)
class Shown:
    """What is shown of a job: the contract's status word, and per cent done of the steps that were planned."""

    status: JobStatus
    progress: float


def shown(*, job: FailoverJob, plan: Plan, steps: list[Step]) -> Shown:
    """Give status and progress of a job that is in the given plan."""
    done = sum(1 for step in steps if step.state in {StepState.DONE, StepState.SKIPPED})
    progress = round(100.0 * done / len(steps), 1) if steps else 0.0
    if job.state == JobState.QUEUED:
        return Shown(JobStatus.PENDING, 0.0)
    if plan.kind in _OF_UNDOING:
        return Shown(_OF_UNDOING[PlanKind(plan.kind)], progress)
    unfinished = {step.phase for step in steps if step.state not in {StepState.DONE, StepState.SKIPPED}}
    phase = next((phase for phase in _ORDER if phase in unfinished), Phase.POWERING_ON)
    return Shown(JobStatus(phase.value), progress)
