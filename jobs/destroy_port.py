"""This will decide what the gateway may destroy: only what a job of this system made, and never a replica (rule 4)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from inventory.models import Appliance, ReplicaVolume
from jobs.models import FailoverJob, JobType, Outcome, PlanKind, PlanState, Step, StepState

_MADE_BY = {
    "virtual_machine": (("deploy_target", "vm_id"),),
    "volume": (("deploy_target", "root_volume_id"), ("create_clone", "volume_id")),
    "snapshot": (("take_snapshot", "snapshot_id"),),
}

# Only replicas are detached from an appliance, hung on one, or snapshot.
_OF_REPLICAS = ("detach_from_appliance", "attach_to_appliance", "return_to_appliance", "take_snapshot")


class LedgerOfDestruction:
    """Answers the gateway's question before anything is destroyed; what is in doubt is refused.

    `proved` are (kind, id) of what the journal proves ours by its name, where no answer ever told the id.
    """

    def __init__(self, proved: Collection[tuple[str, str]] = ()) -> None:
        self._proved = frozenset(proved)

    def refusal(self, *, kind: Literal["volume", "virtual_machine", "snapshot"], id: str) -> str | None:
        """Give the sentence that forbids it, or None when the journal proves that it is ours to remove."""
        if kind == "volume" and was_ever_replica(id):
            return f"Volume {id} is a replica, or was one; replicas are never deleted."
        if Appliance.objects.filter(virtual_machine_id=id).exists():
            return f"VM {id} is an appliance; appliances are never removed."
        if (kind, id) in self._proved:
            return None
        for command, name in _MADE_BY[kind]:
            named = Step.objects.filter(command=command, **{f"result__{name}": id}).select_related("plan__job")
            made = next((step for step in named if step.state == StepState.DONE or step.left_behind), None)
            if made is not None:
                return _service_of(made.plan.job) if kind == "virtual_machine" else None
        return f"No job of this system made the {kind.replace('_', ' ')} {id}."


def was_ever_replica(volume_id: str) -> bool:
    """Whether inventory or any journal knows the volume as a replica: an import may have forgotten it since."""
    if ReplicaVolume.objects.filter(volume_id=volume_id).exists():
        return True
    return Step.objects.filter(command__in=_OF_REPLICAS, arguments__volume_id=volume_id).exists()


def _service_of(job: FailoverJob) -> str | None:
    """Say that a VM is in service; None when its job undoes it, or never got it so far."""
    if job.job_type != JobType.LIVE:
        return None
    undoes = job.plans.filter(
        state__in=[PlanState.RUNNING, PlanState.STOPPING], kind__in=[PlanKind.COMPENSATE, PlanKind.ROLLBACK]
    )
    if job.outcome in {Outcome.SUCCEEDED, Outcome.COMMITTED} or (job.outcome is None and not undoes.exists()):
        return f"VM {job.destination_vm_id} is what {job.job_id} failed over to: only its rollback removes it."
    return None
