"""This will show the truth of the simulated cloud to tests: both layers of every row, as frozen snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cloudstack_simulator.records import Machine, Snapshot, Volume
from cloudstack_simulator.world import World


@dataclass(frozen=True)
class NicTruth:
    """This will be a network card."""

    network_id: str
    mac: str
    ip: str | None


@dataclass(frozen=True)
class VmTruth:
    """This will be a VM: what the record says, and whether its domain runs."""

    id: str
    name: str
    display_name: str
    state: str
    running_on_hypervisor: bool
    nics: tuple[NicTruth, ...]
    details: Mapping[str, str]
    volumes: Mapping[int, str]
    delete_protection: bool
    os_type_id: str
    tags: Mapping[str, str]
    boot_type: str | None
    boot_mode: str | None
    cpu: int
    memory: int
    account: str


@dataclass(frozen=True)
class VolumeTruth:
    """This will be a volume: the record, who holds the disk, and what was written to it."""

    id: str
    name: str
    state: str
    type: str
    device_id: int | None
    vm_id: str | None
    size: int
    account: str
    holders: frozenset[str]
    content: tuple[str, ...]
    torn: bool
    written_by: frozenset[str]
    replica: bool
    deleted_by: str
    tags: Mapping[str, str]
    delete_protection: bool


@dataclass(frozen=True)
class SnapshotTruth:
    """This will be a snapshot and the content it holds."""

    id: str
    name: str
    volume_id: str
    state: str
    content: tuple[str, ...]
    torn: bool
    tags: Mapping[str, str]


def _tags(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in tags}


def truth_of_machine(world: World, machine: Machine) -> VmTruth:
    """This will freeze a VM."""
    attached = {row.device_id: row.id for row in world.volumes_of(machine.id) if row.device_id is not None}
    return VmTruth(
        id=machine.id,
        name=machine.name,
        display_name=machine.display_name,
        state=machine.state,
        running_on_hypervisor=machine.running,
        nics=tuple(NicTruth(nic.network_id, nic.mac, nic.ip) for nic in machine.nics),
        details=dict(machine.details),
        volumes=dict(sorted(attached.items())),
        delete_protection=machine.delete_protection,
        os_type_id=machine.os_type_id,
        tags=_tags(machine.tags),
        boot_type=machine.boot_type,
        boot_mode=machine.boot_mode,
        cpu=machine.cpu,
        memory=machine.memory,
        account=machine.account,
    )


def truth_of_volume(volume: Volume) -> VolumeTruth:
    """This will freeze a volume."""
    return VolumeTruth(
        id=volume.id,
        name=volume.name,
        state=volume.state,
        type=volume.type,
        device_id=volume.device_id,
        vm_id=volume.vm_id,
        size=volume.size,
        account=volume.account,
        holders=frozenset(volume.holders),
        content=tuple(volume.content),
        torn=volume.torn,
        written_by=frozenset(volume.writers),
        replica=volume.replica,
        deleted_by=volume.deleted_by,
        tags=_tags(volume.tags),
        delete_protection=volume.delete_protection,
    )


def truth_of_snapshot(snapshot: Snapshot) -> SnapshotTruth:
    """This will freeze a snapshot."""
    return SnapshotTruth(
        id=snapshot.id,
        name=snapshot.name,
        volume_id=snapshot.volume_id,
        state=snapshot.state,
        content=tuple(snapshot.content),
        torn=snapshot.torn,
        tags=_tags(snapshot.tags),
    )
