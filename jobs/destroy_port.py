"""This will decide what the gateway may destroy: only what a job of this system made, and never a replica (rule 4)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from django.db.models.fields.json import KT
from django.db.models.lookups import Exact

from database.statements import Prepared
from jobs.known import is_appliance, is_replica
from jobs.models import FailoverJob, JobType, Outcome, PlanKind, PlanState, Step, StepState
from jobs.models.plan import REPLICA_COMMANDS

_MADE_BY = {
    "virtual_machine": (("deploy_target", "vm_id"),),
    "volume": (("deploy_target", "root_volume_id"), ("create_clone", "volume_id")),
    "snapshot": (("take_snapshot", "snapshot_id"),),
}


def _makers(command: str, name: str) -> Prepared[Step]:
    return Prepared(
        lambda id: (
            Step.objects.filter(Exact(KT(f"result__{name}"), id), command=command)
            .order_by()
            .values_list("plan__job_id", "state", "left_behind")
        ),
        texts=frozenset({"id"}),
    )


# Each is served by an index of the step's model.
_MAKERS = {made: _makers(*made) for kind in _MADE_BY.values() for made in kind}
_HANDLED = Prepared(
    lambda volume_id: (
        Step.objects.filter(Exact(KT("arguments__volume_id"), volume_id), command__in=REPLICA_COMMANDS)
        .order_by()
        .values_list("pk")[:1]
    ),
    texts=frozenset({"volume_id"}),
)


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
        if is_appliance(id):
            return f"VM {id} is an appliance; appliances are never removed."
        for command, name in _MADE_BY[kind]:
            made_by = [
                job_id
                for job_id, state, left_behind in _MAKERS[command, name].values(id=id)
                if state == StepState.DONE or left_behind
            ]
            if made_by:
                job = FailoverJob.objects.get(pk=made_by[0]) if kind == "virtual_machine" else None
                return None if job is None else _service_of(job)
        if (kind, id) in self._proved:
            return None
        return f"No job of this system made the {kind.replace('_', ' ')} {id}."


def was_ever_replica(volume_id: str) -> bool:
    """Whether inventory or any journal knows the volume as a replica: an import may have forgotten it since."""
    return is_replica(volume_id) or bool(_HANDLED.values(volume_id=volume_id))


def _service_of(job: FailoverJob) -> str | None:
    """Say that a VM is in service, or being made; None when its job undoes it, or never got it so far."""
    is_live = job.job_type == JobType.LIVE
    kinds = [PlanKind.COMPENSATE, PlanKind.ROLLBACK if is_live else PlanKind.CLEANUP]
    undoes = job.plans.filter(state__in=[PlanState.RUNNING, PlanState.STOPPING], kind__in=kinds)
    if job.outcome is None and not undoes.exists():
        return f"{job.job_id} works with VM {job.destination_vm_id}: only its undo removes it."
    if is_live and job.outcome in {Outcome.SUCCEEDED, Outcome.COMMITTED}:
        return f"VM {job.destination_vm_id} is what {job.job_id} failed over to: only its rollback removes it."
    return None
