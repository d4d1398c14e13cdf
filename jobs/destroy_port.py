"""This will decide what the gateway may destroy: only what a job of this system made, and never a replica (rule 4)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from inventory.models import Appliance, ReplicaVolume
from jobs.models import Step
from jobs.models.plan import StepState

_MADE_BY = {
    "virtual_machine": (("deploy_target", "vm_id"),),
    "volume": (("deploy_target", "root_volume_id"), ("create_clone", "volume_id")),
    "snapshot": (("take_snapshot", "snapshot_id"),),
}


class LedgerOfDestruction:
    """Answers the gateway's question before anything is destroyed; what is in doubt is refused.

    `proved` are (kind, id) of what the journal proves ours by its name, where no answer ever told the id.
    """

    def __init__(self, proved: Collection[tuple[str, str]] = ()) -> None:
        self._proved = frozenset(proved)

    def refusal(self, *, kind: Literal["volume", "virtual_machine", "snapshot"], id: str) -> str | None:
        """Give the sentence that forbids it, or None when the journal proves that it is ours to remove."""
        if ReplicaVolume.objects.filter(volume_id=id).exists():
            return f"Volume {id} is a replica; replicas are never deleted."
        if Appliance.objects.filter(virtual_machine_id=id).exists():
            return f"VM {id} is an appliance; appliances are never removed."
        if (kind, id) in self._proved:
            return None
        for command, name in _MADE_BY[kind]:
            made = Step.objects.filter(command=command, **{f"result__{name}": id})
            if made.filter(state=StepState.DONE).exists() or made.filter(left_behind=True).exists():
                return None
        return f"No job of this system made the {kind.replace('_', ' ')} {id}."
