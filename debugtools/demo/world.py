"""This will read the simulated cloud's truth: both layers, the record that the API shows and what the hypervisor holds.

Nothing of the service is asked: what it says of itself proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Disk:
    """A volume: record (`vm_id`, `device_id`), hypervisor (`holders`), and the lineage of what was written to it."""

    id: str
    name: str
    size: int
    vm_id: str | None
    device_id: int | None
    holders: tuple[str, ...]
    content: tuple[str, ...]
    torn: bool
    replica: bool
    deleted_by: str


@dataclass(frozen=True)
class Machine:
    """A VM: what the record says, and whether its domain runs. `disks` maps device ids to volume ids."""

    id: str
    name: str
    state: str
    runs: bool
    networks: tuple[str, ...]
    disks: Mapping[int, str]
    is_protected: bool


@dataclass(frozen=True)
class Copy:
    """A snapshot and what it holds."""

    id: str
    name: str
    volume_id: str
    state: str
    content: tuple[str, ...]
    torn: bool


@dataclass(frozen=True)
class World:
    """Everything in the cloud at one moment; `alarms` are what must never happen and did."""

    machines: Mapping[str, Machine]
    disks: Mapping[str, Disk]
    snapshots: tuple[Copy, ...]
    deleted: tuple[Disk, ...]
    alarms: tuple[str, ...]
    unfinished_jobs: tuple[str, ...]

    @classmethod
    def from_json(cls, shown: Mapping[str, Any]) -> World:
        """Read what the simulator's control route shows."""
        machines = [_machine(row) for row in shown["vms"]]
        disks = [_disk(row) for row in shown["volumes"]]
        return cls(
            machines={machine.id: machine for machine in machines},
            disks={disk.id: disk for disk in disks},
            snapshots=tuple(_copy(row) for row in shown["snapshots"]),
            deleted=tuple(_disk(row) for row in shown["deleted_volumes"]),
            alarms=tuple(shown["alarms"]),
            unfinished_jobs=tuple(shown["unfinished_jobs"]),
        )

    def name_of(self, machine_id: str | None) -> str:
        """Give the name of a VM."""
        if machine_id is None:
            return "no VM"
        machine = self.machines.get(machine_id)
        return machine.name if machine else f"VM {machine_id}"


def _machine(row: Mapping[str, Any]) -> Machine:
    return Machine(
        id=row["id"],
        name=row["name"],
        state=row["state"],
        runs=row["running_on_hypervisor"],
        networks=tuple(nic["network_id"] for nic in row["nics"]),
        disks={int(device): volume for device, volume in row["volumes"].items()},
        is_protected=row["delete_protection"],
    )


def _disk(row: Mapping[str, Any]) -> Disk:
    return Disk(
        id=row["id"],
        name=row["name"],
        size=row["size"],
        vm_id=row["vm_id"],
        device_id=row["device_id"],
        holders=tuple(row["holders"]),
        content=tuple(row["content"]),
        torn=row["torn"],
        replica=row["replica"],
        deleted_by=row["deleted_by"],
    )


def _copy(row: Mapping[str, Any]) -> Copy:
    return Copy(
        id=row["id"],
        name=row["name"],
        volume_id=row["volume_id"],
        state=row["state"],
        content=tuple(row["content"]),
        torn=row["torn"],
    )
