"""This will say where the replica volumes of a VM are and in which state, as the cloud shows them now."""

from __future__ import annotations

from typing import Any

from cloudstack.results import Volume
from validation.checks.cloud import GIB, target_cloud
from validation.checks.replicas import volume_problem
from validation.errors import CloudUnread
from validation.facts import DiskFacts, Facts
from validation.judging import judged_by, passes

_NO_VOLUME: dict[str, Any] = {
    "volume_id": None,
    "volume_name": None,
    "volume_status": "missing",
    "size_gb": 0,
    "volume_type": "ROOT",
    "attachment_status": "detached",
    "is_accessible": False,
}


def volume_status(facts: Facts) -> dict[str, Any]:
    """Give `volume_status`: the boot disk in the contract's fields, all disks in `volumes`; raises CloudUnread."""
    _refuse_unread(facts)
    volumes = [_volume(disk, facts=facts) for disk in facts.disks]
    boot = volumes[0] if volumes else _NO_VOLUME
    (check,) = judged_by(facts, "Volume Status")
    return {
        **{name: boot[name] for name in _NO_VOLUME},
        "is_ready_for_failover": passes(facts, "VM Existence", "Volume Status", "Device Slots"),
        "volumes": volumes,
        "errors": list(check.finding.errors),
        "required_actions": list(check.finding.required_actions),
    }


def _refuse_unread(facts: Facts) -> None:
    reason = facts.cloud.why_unread("volumes")
    if reason is None:
        return
    if facts.cloud.unreachable:
        found = target_cloud(facts)
        raise CloudUnread(reason=found.message, error_code=found.error_code, required_actions=found.required_actions)
    raise CloudUnread(
        reason=f"The volumes cannot be read: {reason}",
        error_code="OSSEA_API_ERROR",
        required_actions=["Allow the API key to listVolumes", "Correct the volume ids of the VM in the inventory"],
    )


def _volume(disk: DiskFacts, *, facts: Facts) -> dict[str, Any]:
    volume = facts.cloud.volumes.get(disk.replica.volume_id) if disk.replica else None
    problem = volume_problem(disk, facts=facts)
    size = volume.size if volume and volume.size is not None else disk.disk.size_bytes
    return {
        "volume_id": disk.replica.volume_id if disk.replica else None,
        "volume_name": volume.name if volume else None,
        "volume_status": _status(volume),
        "size_gb": -(-size // GIB),
        # What the disk is in the source VM: CloudStack's own type follows the device it hangs on at the moment.
        "volume_type": "ROOT" if disk.disk.position == 0 else "DATADISK",
        "attachment_status": _attachment(volume, appliance_vm_id=facts.appliance.virtual_machine_id),
        "is_accessible": volume is not None and volume.state == "Ready",
        "is_ready_for_failover": problem is None,
        "position": disk.disk.position,
        "label": disk.label,
        "cloud_state": volume.state if volume else None,
        "device_id": volume.device_id if volume else None,
        "problem": problem,
    }


def _status(volume: Volume | None) -> str:
    if volume is None:
        return "missing"
    if volume.state != "Ready":
        return volume.state.lower()
    return "attached" if volume.virtual_machine_id else "available"


def _attachment(volume: Volume | None, *, appliance_vm_id: str) -> str:
    if volume is None or volume.virtual_machine_id is None:
        return "detached"
    return "attached_to_oma" if volume.virtual_machine_id == appliance_vm_id else "attached_to_other"
