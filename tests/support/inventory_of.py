"""This will build the inventory of a simulator's scenario by the real intake, so that tests share it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cloudstack_simulator import Simulator
from inventory.models import Appliance, HoldMethod, ProtectedVM, TargetCloud
from inventory.services import import_inventory
from tests.support.simulator_line import SIMULATOR_URL

VM_NETWORK = "VM Network"
STORAGE_NETWORK = "Storage Network"
HOOK_SECRET = "hook-secret"
WINDOWS = {"firmware": "bios", "guest_os": "Microsoft Windows Server 2019 (64-bit)"}
LINUX = {"firmware": "uefi", "guest_os": "Red Hat Enterprise Linux 9 (64-bit)"}


@dataclass(frozen=True)
class ScenarioInventory:
    """This will hold the rows of a scenario; `vms` are by name, in `small`: "one", "two", "three" (so many disks)."""

    cloud: TargetCloud
    appliances: Mapping[str, Appliance]
    vms: Mapping[str, ProtectedVM]

    @property
    def appliance(self) -> Appliance:
        """Give the first appliance, the only one but in a fleet."""
        return next(iter(self.appliances.values()))


def inventory_from_scenario(
    simulator: Simulator, *, endpoint: str = SIMULATOR_URL, hold_method: HoldMethod = HoldMethod.NONE
) -> ScenarioInventory:
    """Build the rows: every replica synced five minutes ago, three-disk VMs as UEFI Linux with two NICs."""
    now = datetime.fromtimestamp(simulator.clock.now(), tz=UTC)
    document = inventory_document(simulator, endpoint=endpoint, hold_method=hold_method)
    report = import_inventory(document=document, source="scenario", now=now)
    assert not report.refused, [str(refusal) for refusal in report.refused]
    return ScenarioInventory(
        cloud=TargetCloud.objects.get(name="simulated"),
        appliances={row.name: row for row in Appliance.objects.filter(cloud__name="simulated")},
        vms={vm.name: vm for vm in ProtectedVM.objects.select_related("cloud", "appliance__cloud")},
    )


def inventory_document(simulator: Simulator, *, endpoint: str, hold_method: HoldMethod) -> dict[str, Any]:
    """Describe a scenario as an inventory document."""
    disks_of: dict[str, list[Any]] = {}
    for volume in simulator.volumes():
        if volume.replica:
            disks_of.setdefault(_vm_name(volume.name), []).append(volume)
    holders = {volumes[0].vm_id for volumes in disks_of.values()}
    machines = {vm.id: vm.name for vm in simulator.vms() if vm.id in holders}
    hook = {"hook_url": "http://hook.invalid/", "hook_secret": HOOK_SECRET} if hold_method == HoldMethod.HOOK else {}
    return {
        "clouds": [_cloud(simulator, endpoint=endpoint)],
        "appliances": [
            {"name": name, "cloud": "simulated", "virtual_machine_id": id, "hold_method": hold_method.value, **hook}
            for id, name in machines.items()
        ],
        "vms": [
            _vm(name, sorted(volumes, key=lambda row: row.device_id), number, machines, synced=_synced(simulator))
            for number, (name, volumes) in enumerate(disks_of.items())
        ],
    }


def _cloud(simulator: Simulator, *, endpoint: str) -> dict[str, Any]:
    offerings = _rows(simulator, "listServiceOfferings", "serviceoffering")
    templates = _rows(simulator, "listTemplates", "template", templatefilter="executable")
    return {
        "name": "simulated",
        "endpoint": endpoint,
        "api_key": simulator.api_key,
        "secret_key": simulator.secret_key,
        "zone_id": _rows(simulator, "listZones", "zone")[0]["id"],
        "default_offering_id": next(row["id"] for row in offerings if row["iscustomized"]),
        "placeholder_template_id": templates[0]["id"],
    }


def _rows(simulator: Simulator, command: str, key: str, **params: str) -> list[dict[str, Any]]:
    answer = json.loads(simulator.call(command, **params).body)
    rows: list[dict[str, Any]] = answer[f"{command.lower()}response"][key]
    return rows


def _vm(name: str, volumes: list[Any], number: int, machines: Mapping[str, str], *, synced: str) -> dict[str, Any]:
    is_linux = len(volumes) == 3
    networks = [VM_NETWORK, STORAGE_NETWORK] if is_linux else [VM_NETWORK]
    return {
        "vm_id": f"vm-{name}",
        "name": name,
        "cloud": "simulated",
        "appliance": machines[volumes[0].vm_id],
        "power_state": "poweredOn",
        "cpus": 2,
        "memory_mb": 4096,
        **(LINUX if is_linux else WINDOWS),
        "disks": [
            {
                "position": position,
                "label": f"Hard disk {position + 1}",
                "size_bytes": volume.size,
                "controller": "paravirtual" if is_linux else "scsi",
                "replica": {"volume_id": volume.id, "change_id": f"52 3c/{position}", "last_sync_at": synced},
            }
            for position, volume in enumerate(volumes)
        ],
        "nics": [
            {
                "position": position,
                "mac": f"00:50:56:{number >> 8:02x}:{number & 255:02x}:{position:02x}",
                "network_name": network,
                "adapter": "vmxnet3" if is_linux else "e1000e",
            }
            for position, network in enumerate(networks)
        ],
    }


def _synced(simulator: Simulator) -> str:
    return datetime.fromtimestamp(simulator.clock.now() - 300, tz=UTC).isoformat()


def _vm_name(volume_name: str) -> str:
    # migration-VM-VM-disk-0 (the demo), replica-one-disk-0 (small), replica-7 (a fleet)
    name = re.sub(r"-disk-\d+$", "", re.sub(r"^(migration|replica)-", "", volume_name))
    half = name[: len(name) // 2]
    return half if name == f"{half}-{half}" else name
