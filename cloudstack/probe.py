"""Find out once per cloud what can be relied on there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cloudstack.endpoint import Ticket
from cloudstack.gateway import Gateway
from cloudstack.outcomes import Accepted, Submission
from cloudstack.results import Capabilities
from cloudstack.sending import MAX_FENCE_SECONDS

LIVE_PLAN_APIS = frozenset(
    {
        "attachVolume",
        "createSnapshot",
        "createTags",
        "deleteSnapshot",
        "deleteTags",
        "deleteVolume",
        "deployVirtualMachine",
        "destroyVirtualMachine",
        "detachVolume",
        "listAsyncJobs",
        "listCapabilities",
        "listNetworks",
        "listOsTypes",
        "listResourceLimits",
        "listServiceOfferings",
        "listSnapshots",
        "listTemplates",
        "listVirtualMachines",
        "listVolumes",
        "listZones",
        "queryAsyncJobResult",
        "startVirtualMachine",
        "stopVirtualMachine",
        "updateVirtualMachine",
    }
)
_PROBE_TAG = {"failover-probe": "customjobid"}


@dataclass(frozen=True)
class Probe:
    """Hold what a cloud turned out to be.

    `job_id_honoured` is True only when a job was seen to bear the id that we chose, False when one bore another, and
    None when no job was seen; `doubt` says why it is not True.
    """

    version: str
    clock_skew: float | None
    capabilities: Capabilities
    allowed_apis: frozenset[str]
    missing_apis: frozenset[str]
    job_id_honoured: bool | None
    doubt: str | None


def probe(gateway: Gateway, *, appliance_vm_id: str, new_id: Callable[[], str]) -> Probe:
    """Ask the cloud what it is and allows, and tag the appliance to see whether the job id is ours.

    It waits for neither tag job: a tag that stays behind does no harm, and a second probe's job then fails
    over it but bears its id all the same. Raises CloudError when the cloud can't be read.
    """
    capabilities = gateway.capabilities()
    allowed = gateway.allowed_apis()
    tagged = gateway.create_tags("UserVm", [appliance_vm_id], _PROBE_TAG, ticket=_ticket(gateway, new_id))
    gateway.delete_tags("UserVm", [appliance_vm_id], _PROBE_TAG, ticket=_ticket(gateway, new_id))
    return Probe(
        version=capabilities.version,
        clock_skew=gateway.clock_skew,
        capabilities=capabilities,
        allowed_apis=allowed,
        missing_apis=LIVE_PLAN_APIS - allowed,
        job_id_honoured=tagged.job_id_honoured if isinstance(tagged, Accepted) else None,
        doubt=_doubt(tagged),
    )


def _ticket(gateway: Gateway, new_id: Callable[[], str]) -> Ticket:
    return Ticket(async_job_id=new_id(), deadline=gateway.clock.now() + MAX_FENCE_SECONDS)


def _doubt(tagged: Submission) -> str | None:
    if not isinstance(tagged, Accepted):
        return f"the appliance could not be tagged, so the job id was not seen: {tagged.error}"
    if not tagged.job_id_honoured:
        return f"this CloudStack does not keep job ids that it is given: it named the job {tagged.async_job_id}"
    return None
