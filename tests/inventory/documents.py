"""This will make inventory documents for tests, whole and valid, to be bent by each test."""

from __future__ import annotations

import copy
from typing import Any

CLOUD_ID = "0c1f4dd4-6f3e-4a0e-8a55-0000000000"
VOLUMES = [f"a0000000-0000-4000-8000-00000000000{n}" for n in range(6)]


def cloud(**changes: Any) -> dict[str, Any]:
    """This will describe a cloud with literal keys."""
    return {
        "name": "north",
        "endpoint": "https://cloud.example.net/client/api",
        "api_key": "api-key-canary",
        "secret_key": "secret-key-canary",
        "zone_id": f"{CLOUD_ID}01",
        "default_offering_id": f"{CLOUD_ID}02",
        "placeholder_template_id": f"{CLOUD_ID}03",
        **changes,
    }


def appliance(**changes: Any) -> dict[str, Any]:
    """This will describe an appliance without a hook."""
    return {"name": "oma1", "cloud": "north", "virtual_machine_id": f"{CLOUD_ID}10", **changes}


def replica(number: int = 0, **changes: Any) -> dict[str, Any]:
    """This will describe a replica that was synced."""
    return {
        "volume_id": VOLUMES[number],
        "change_id": f"52 3c/{number}",
        "last_sync_at": "2025-08-18T15:35:21+01:00",
        **changes,
    }


def disk(position: int = 0, **changes: Any) -> dict[str, Any]:
    """This will describe a disk whose replica is VOLUMES[position]."""
    return {
        "position": position,
        "label": f"Hard disk {position + 1}",
        "size_bytes": 54 * 1024**3,
        "controller": "scsi",
        "replica": replica(position),
        **changes,
    }


def nic(position: int = 0, **changes: Any) -> dict[str, Any]:
    """This will describe a NIC on the VM Network."""
    mac = f"00:50:56:AB:CD:0{position}"
    return {"position": position, "mac": mac, "network_name": "VM Network", "adapter": "vmxnet3", **changes}


def run(**changes: Any) -> dict[str, Any]:
    """This will describe a full replication that is done."""
    return {
        "replication_id": "job-20250818-153521",
        "kind": "full",
        "status": "completed",
        "percentage": 100,
        "started_at": "2025-08-18T14:00:00+01:00",
        "finished_at": "2025-08-18T15:35:21+01:00",
        **changes,
    }


def vm(**changes: Any) -> dict[str, Any]:
    """This will describe a VM of two disks and one NIC."""
    return {
        "vm_id": "vm-1",
        "name": "PGWINTESTBIOS",
        "cloud": "north",
        "appliance": "oma1",
        "power_state": "poweredOn",
        "cpus": 2,
        "memory_mb": 4096,
        "firmware": "bios",
        "guest_os": "Microsoft Windows Server 2019 (64-bit)",
        "disks": [disk(0), disk(1)],
        "nics": [nic()],
        "replications": [run()],
        **changes,
    }


def inventory(*vms: dict[str, Any]) -> dict[str, Any]:
    """This will describe a cloud, its appliance, and the VMs (one, when none is given)."""
    whole = {"clouds": [cloud()], "appliances": [appliance()], "vms": list(vms) or [vm()]}
    return copy.deepcopy(whole)
