"""This will work out how long a plan takes when nothing but the cloud takes time: the limit of every measurement."""

from __future__ import annotations

from jobs.engine.contracts import Command, PlannedSteps
from jobs.forecast import schedule

# Commands that CloudStack carries out as an async job; all others answer at once.
ASYNCHRONOUS = frozenset(
    {
        "deploy_target",
        "start_target",
        "stop_target",
        "destroy_target",
        "detach_from_appliance",
        "attach_to_appliance",
        "detach_placeholder",
        "attach_to_target",
        "detach_from_target",
        "take_snapshot",
        "delete_snapshot",
    }
)


def critical_path_seconds(planned: PlannedSteps, *, job_seconds: float) -> float:
    """Give the seconds of a plan in cloud time: its `after` edges, and the queues of VMs and appliance."""

    def seconds_of(command: Command) -> float:
        return job_seconds if command.name in ASYNCHRONOUS else 0.0

    return max((ends for _, ends in schedule(planned, seconds_of=seconds_of).values()), default=0.0)
