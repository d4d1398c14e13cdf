"""Ask CloudStack to change something: one call each, sent at most once, its outcome returned and never raised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cloudstack import decoders
from cloudstack.answers import Body, UnusableAnswer
from cloudstack.arguments import (
    address_parameter,
    checked_device_id,
    checked_id,
    checked_ids,
    checked_mac,
    detail_parameters,
    tag_parameters,
)
from cloudstack.decoding import Fields
from cloudstack.destroy import Destroyable, DestroyForbidden, DestroyPort
from cloudstack.endpoint import Ticket
from cloudstack.outcomes import Completion, Submission
from cloudstack.results import Deployment, NicRequest, VirtualMachine
from cloudstack.sending import Sender


class Writes:
    """Change the cloud; bad arguments raise ValueError, a forbidden end DestroyForbidden, before anything is sent."""

    _sender: Sender
    _destroy_port: DestroyPort

    def deploy_virtual_machine(self, request: Deployment, *, ticket: Ticket) -> Submission:
        """Deploy the VM stopped. It is never started here: a failed first start would destroy its volumes."""
        return self._sender.submit("deployVirtualMachine", deployment_parameters(request), ticket=ticket, slow=True)

    def start_virtual_machine(self, vm_id: str, *, ticket: Ticket) -> Submission:
        """Start the VM."""
        return self._sender.submit("startVirtualMachine", {"id": checked_id("id", vm_id)}, ticket=ticket)

    def stop_virtual_machine(self, vm_id: str, *, forced: bool = False, ticket: Ticket) -> Submission:
        """Stop the VM; `forced` pulls the plug."""
        asked = {"id": checked_id("id", vm_id), "forced": _flag(forced)}
        return self._sender.submit("stopVirtualMachine", asked, ticket=ticket)

    def destroy_virtual_machine(self, vm_id: str, *, expunge: bool, ticket: Ticket) -> Submission:
        """Destroy the VM, if the destroy port allows it. Whatever is its ROOT goes with it when it is expunged."""
        asked = {"id": checked_id("id", vm_id)}
        self._ask_to_destroy("virtual_machine", vm_id)
        # An ordinary key may be refused for naming the parameter at all, so it is named only when it is wanted.
        expunged = {"expunge": "true"} if expunge else {}
        return self._sender.submit("destroyVirtualMachine", {**asked, **expunged}, ticket=ticket)

    def set_delete_protection(self, vm_id: str, *, protected: bool, os_type_id: str = "", ticket: Ticket) -> Completion:
        """Protect the VM from destruction, or no longer; and say in the same call which guest OS it runs, if told."""
        asked = {"id": checked_id("id", vm_id), "deleteprotection": _flag(protected)}
        if os_type_id:
            asked["ostypeid"] = checked_id("ostypeid", os_type_id)
        return self._sender.complete("updateVirtualMachine", asked, _updated_machine, ticket=ticket)

    def set_os_type(self, vm_id: str, os_type_id: str, *, ticket: Ticket) -> Completion:
        """Say which guest OS the stopped VM runs: it decides which virtual hardware the guest sees."""
        asked = {"id": checked_id("id", vm_id), "ostypeid": checked_id("ostypeid", os_type_id)}
        return self._sender.complete("updateVirtualMachine", asked, _updated_machine, ticket=ticket)

    def attach_volume(self, volume_id: str, vm_id: str, *, device_id: int, ticket: Ticket) -> Submission:
        """Attach the volume; as device 0 it becomes the VM's ROOT and shares its fate."""
        asked = {
            "id": checked_id("id", volume_id),
            "virtualmachineid": checked_id("virtualmachineid", vm_id),
            "deviceid": str(checked_device_id(device_id)),
        }
        return self._sender.submit("attachVolume", asked, ticket=ticket)

    def detach_volume(self, volume_id: str, *, ticket: Ticket) -> Submission:
        """Detach the volume from whatever VM holds it when the job runs."""
        return self._sender.submit("detachVolume", {"id": checked_id("id", volume_id)}, ticket=ticket)

    def create_volume_from_snapshot(self, snapshot_id: str, name: str, *, zone_id: str, ticket: Ticket) -> Submission:
        """Make a volume that holds what the snapshot holds."""
        asked = {
            "snapshotid": checked_id("snapshotid", snapshot_id),
            "name": name,
            "zoneid": checked_id("zoneid", zone_id),
        }
        return self._sender.submit("createVolume", asked, ticket=ticket)

    def delete_volume(self, volume_id: str, *, ticket: Ticket) -> Completion:
        """Delete the detached volume, if the destroy port allows it."""
        asked = {"id": checked_id("id", volume_id)}
        self._ask_to_destroy("volume", volume_id)
        return self._sender.complete("deleteVolume", asked, _success, ticket=ticket, slow=True)

    def create_snapshot(self, volume_id: str, name: str, *, tags: Mapping[str, str], ticket: Ticket) -> Submission:
        """Take a snapshot of the volume."""
        asked = {"volumeid": checked_id("volumeid", volume_id), "name": name, **tag_parameters(tags)}
        return self._sender.submit("createSnapshot", asked, ticket=ticket)

    def delete_snapshot(self, snapshot_id: str, *, ticket: Ticket) -> Submission:
        """Delete the snapshot, if the destroy port allows it."""
        asked = {"id": checked_id("id", snapshot_id)}
        self._ask_to_destroy("snapshot", snapshot_id)
        return self._sender.submit("deleteSnapshot", asked, ticket=ticket)

    def revert_snapshot(self, snapshot_id: str, *, ticket: Ticket) -> Submission:
        """Put the snapshot's content back onto its volume; a job that succeeded does not prove it."""
        return self._sender.submit("revertSnapshot", {"id": checked_id("id", snapshot_id)}, ticket=ticket)

    def create_tags(
        self, resource_type: str, resource_ids: Sequence[str], tags: Mapping[str, str], *, ticket: Ticket
    ) -> Submission:
        """Tag the resources (`resource_type` as CloudStack names it: UserVm, Volume, Snapshot)."""
        asked = _tagging(resource_type, resource_ids, tags)
        return self._sender.submit("createTags", asked, ticket=ticket)

    def delete_tags(
        self, resource_type: str, resource_ids: Sequence[str], tags: Mapping[str, str], *, ticket: Ticket
    ) -> Submission:
        """Take these tags, key and value, off the resources."""
        asked = _tagging(resource_type, resource_ids, tags)
        return self._sender.submit("deleteTags", asked, ticket=ticket)

    def _ask_to_destroy(self, kind: Destroyable, id: str) -> None:
        refusal = self._destroy_port.refusal(kind=kind, id=id)
        if refusal is not None:
            raise DestroyForbidden(refusal)


def deployment_parameters(request: Deployment) -> dict[str, str]:
    """Spell a deployment as CloudStack takes it."""
    return {
        "zoneid": checked_id("zoneid", request.zone_id),
        "serviceofferingid": checked_id("serviceofferingid", request.service_offering_id),
        "templateid": checked_id("templateid", request.template_id),
        "name": request.name,
        "displayname": request.display_name,
        "startvm": "false",
        **_nic_parameters(request.nics),
        **_boot_parameters(request),
        **detail_parameters(request.details),
    }


def _nic_parameters(nics: Sequence[NicRequest]) -> dict[str, str]:
    """Name the networks in order. CloudStack keeps one NIC a network, so a second one there would be lost unsaid."""
    network_ids = [checked_id("networkid", nic.network_id) for nic in nics]
    if len(set(network_ids)) < len(network_ids):
        raise ValueError(f"two NICs on one network can't be deployed at once: {network_ids}")
    if not any(nic.mac or nic.ip for nic in nics):
        return {"networkids": ",".join(network_ids)} if nics else {}
    # networkids and iptonetworklist exclude each other, so one NIC with a wish moves all of them.
    return {
        f"iptonetworklist[{index}].{name}": value
        for index, nic in enumerate(nics)
        for name, value in _nic_wishes(nic).items()
    }


def _nic_wishes(nic: NicRequest) -> dict[str, str]:
    wishes = {"networkid": nic.network_id}
    if nic.ip:
        wishes[address_parameter(nic.ip)] = nic.ip
    if nic.mac:
        wishes["mac"] = checked_mac("mac", nic.mac)
    return wishes


def _boot_parameters(request: Deployment) -> dict[str, str]:
    """Send both or neither: a boot type without its mode is a null pointer in the server."""
    if (request.boot_type is None) != (request.boot_mode is None):
        raise ValueError(f"boot_type {request.boot_type} and boot_mode {request.boot_mode} go together or not at all")
    if request.boot_type is None or request.boot_mode is None:
        return {}
    return {"boottype": request.boot_type, "bootmode": request.boot_mode}


def _tagging(resource_type: str, resource_ids: Sequence[str], tags: Mapping[str, str]) -> dict[str, str]:
    return {
        "resourcetype": resource_type,
        "resourceids": checked_ids("resourceids", resource_ids),
        **tag_parameters(tags),
    }


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _updated_machine(body: Body) -> VirtualMachine:
    return decoders.virtual_machine(body.get("virtualmachine"))


def _success(body: Body) -> None:
    if not Fields("answer", body).flag("success"):
        raise UnusableAnswer(f"the answer does not say success: {dict(body)!r}"[:200])
