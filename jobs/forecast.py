"""This will forecast how long a plan takes, step by step, from how long its commands took before on the same cloud."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jobs.engine.contracts import Command, PlannedStep, PlannedSteps
from jobs.engine.timings import usual_seconds
from jobs.prepared_starts import PreparedStart

# A command that this cloud was never seen doing is taken to need so long.
GUESSED_SECONDS = 5.0
# What is answered at once: reads, words to the replication engine, settings, and the two kinds of deleteVolume.
_AT_ONCE = frozenset(
    {
        "check_safety",
        "check_set",
        "delete_clone",
        "delete_placeholder",
        "hold_replication",
        "mark_replication",
        "promise_revert",
        "protect_target",
        "release_replication",
        "set_os_type",
    }
)
# CloudStack works on one job of a VM at a time, and rule 5 on one hot attach or detach of an appliance.
_QUEUES = ("vm:", "hot-plug:")


@dataclass(frozen=True)
class Expected:
    """When a step is expected to begin and end, in seconds from the start; `is_learned`: seen before on this cloud."""

    begins: float
    ends: float
    is_learned: bool


def plan_body(prepared: PreparedStart, *, endpoint: str) -> dict[str, Any]:
    """Give a plan that was not started in the API's words."""
    spec = prepared.spec
    expected = forecast(prepared.planned, endpoint=endpoint)
    return {
        "strategy": spec.strategy,
        "target_name": spec.target_name,
        "service_offering_id": spec.service_offering_id,
        "target_details": dict(spec.details),
        "disks": [
            {
                "position": disk.position,
                "label": disk.label,
                "volume_id": disk.volume_id,
                "size_bytes": disk.size_bytes,
                "target_device_id": disk.target_device_id,
            }
            for disk in spec.disks
        ],
        "networks": [
            {"source_network": nic.source_network, "network_id": nic.network_id, "mac": nic.mac, "ip": nic.ip}
            for nic in spec.nics
        ],
        "expected_seconds": round(max((times.ends for times in expected.values()), default=0.0), 1),
        "expected_is_guess": not all(times.is_learned for times in expected.values()),
        "steps": [_step(step, expected[step.key]) for step in prepared.planned.steps],
    }


def _step(step: PlannedStep, times: Expected) -> dict[str, Any]:
    return {
        "key": step.key,
        "phase": step.phase,
        "title": step.command.title(),
        "command": step.command.name,
        "after": list(step.after),
        "is_point_of_no_return": step.is_point_of_no_return,
        "expected_begin_seconds": round(times.begins, 1),
        "expected_seconds": round(times.ends - times.begins, 1) if times.is_learned else None,
    }


def forecast(planned: PlannedSteps, *, endpoint: str) -> dict[str, Expected]:
    """Give what is expected of every step, by its key."""
    learned = usual_seconds(endpoint=endpoint)

    def seconds_of(command: Command) -> float:
        return 0.0 if command.name in _AT_ONCE else learned.get(command.name, GUESSED_SECONDS)

    times = schedule(planned, seconds_of=seconds_of)
    names = {step.key: step.command.name for step in planned.steps}
    return {
        key: Expected(begins, ends, is_learned=names[key] in learned or names[key] in _AT_ONCE)
        for key, (begins, ends) in times.items()
    }


def schedule(planned: PlannedSteps, *, seconds_of: Callable[[Command], float]) -> dict[str, tuple[float, float]]:
    """Give begin and end of every step: after the steps it needs, and behind others in the queues of VM and appliance.

    Of the steps that could start next the one that can start first does, in the plan's order between equals.
    """
    times: dict[str, tuple[float, float]] = {}
    free: dict[str, float] = {}
    waiting = list(planned.steps)

    def earliest(step: PlannedStep) -> float:
        needed = [times[key][1] for key in step.after]
        return max([*needed, *(free.get(queue, 0.0) for queue in _queues(step, seconds_of))], default=0.0)

    while waiting:
        step = min((step for step in waiting if times.keys() >= set(step.after)), key=earliest)
        waiting.remove(step)
        begins = earliest(step)
        ends = begins + seconds_of(step.command)
        times[step.key] = (begins, ends)
        free |= dict.fromkeys(_queues(step, seconds_of), ends)
    return times


def _queues(step: PlannedStep, seconds_of: Callable[[Command], float]) -> list[str]:
    if not seconds_of(step.command):
        return []
    return [resource for resource in step.command.touches() if resource.startswith(_QUEUES)]
