"""This will show protected VMs in the words of the inventory document."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from inventory.models import ProtectedVM, Replication, ReplicaVolume, VMDisk, VMNic

OWN = (
    "vm_id",
    "name",
    "power_state",
    "cpus",
    "memory_mb",
    "firmware",
    "secure_boot",
    "guest_os",
    "target_os_type",
    "service_offering_id",
)


def vm_summary(vm: ProtectedVM) -> dict[str, Any]:
    """This will show a VM without what belongs to it."""
    own = {name: getattr(vm, name) for name in OWN}
    return {**own, "cloud": vm.cloud.name, "appliance": vm.appliance.name}


def vm_document(vm: ProtectedVM) -> dict[str, Any]:
    """This will show a VM as its inventory document, which a PUT would take unchanged."""
    return {
        **vm_summary(vm),
        "disks": [_disk(disk) for disk in vm.disks.select_related("replica")],
        "nics": [_nic(nic) for nic in vm.nics.all()],
        "replications": [_replication(run) for run in vm.replications.all()],
    }


def _disk(disk: VMDisk) -> dict[str, Any]:
    return {
        "position": disk.position,
        "label": disk.label,
        "size_bytes": disk.size_bytes,
        "controller": disk.controller,
        "replica": _replica(disk.replica) if hasattr(disk, "replica") else None,
    }


def _replica(replica: ReplicaVolume) -> dict[str, Any]:
    return {
        "volume_id": replica.volume_id,
        "change_id": replica.change_id,
        "last_sync_at": _time(replica.last_sync_at),
        "state": replica.state,
    }


def _nic(nic: VMNic) -> dict[str, Any]:
    return {name: getattr(nic, name) for name in ("position", "mac", "network_name", "adapter", "addresses")}


def _replication(run: Replication) -> dict[str, Any]:
    own = {name: getattr(run, name) for name in ("replication_id", "kind", "status", "percentage", "message")}
    times = {name: _time(getattr(run, name)) for name in ("started_at", "finished_at", "last_word_at")}
    return {**own, **times}


def _time(moment: datetime | None) -> str | None:
    return timezone.localtime(moment).isoformat() if moment else None
