"""This will work out how long a plan takes when nothing but the cloud takes time: the limit of every measurement."""

from __future__ import annotations

from jobs.engine.contracts import Command, PlannedStep, PlannedSteps

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
# CloudStack works on one job of a VM at a time, and rule 5 on one hot attach or detach of an appliance.
_QUEUES = ("vm:", "hot-plug:")


def critical_path_seconds(planned: PlannedSteps, *, job_seconds: float) -> float:
    """Give the seconds of a plan in cloud time: its `after` edges, and the queues of VMs and appliance.

    Of the steps that could start next the one that can start first does, in the plan's order between equals.
    """
    ends: dict[str, float] = {}
    free: dict[str, float] = {}
    waiting = list(planned.steps)
    while waiting:
        ready = [step for step in waiting if ends.keys() >= set(step.after)]
        step = min(ready, key=lambda candidate: _earliest(candidate, ends, free))
        waiting.remove(step)
        end = _earliest(step, ends, free) + (job_seconds if step.command.name in ASYNCHRONOUS else 0.0)
        ends[step.key] = end
        free |= dict.fromkeys(_queues(step.command), end)
    return max(ends.values(), default=0.0)


def _earliest(step: PlannedStep, ends: dict[str, float], free: dict[str, float]) -> float:
    needed = [ends[key] for key in step.after]
    queued = [free.get(queue, 0.0) for queue in _queues(step.command)]
    return max([*needed, *queued], default=0.0)


def _queues(command: Command) -> list[str]:
    if command.name not in ASYNCHRONOUS:
        return []
    return [resource for resource in command.touches() if resource.startswith(_QUEUES)]
