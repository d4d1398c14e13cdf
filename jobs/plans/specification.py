"""This will hold the frozen specification of a failover: all is resolved before the start, nothing looked up after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Strategy(StrEnum):
    """How the target gets its disks."""

    LIVE = "live"
    CLONE = "clone"
    DETACHED_CLONE = "detached_clone"
    BOOT_AND_REVERT = "boot_and_revert"
    FROM_SNAPSHOTS = "from_snapshots"


@dataclass(frozen=True)
class DiskSpecification:
    """One disk: `position` 0 boots. Device ids are CloudStack's: 0, 1, 2, 4, … (3 is the CD)."""

    position: int
    label: str
    volume_id: str
    size_bytes: int
    change_id: str
    appliance_device_id: int
    target_device_id: int
    # An older snapshot, by another job, that the copy is made of instead of a fresh one.
    snapshot_id: str = ""


@dataclass(frozen=True)
class NicSpecification:
    """One NIC of the target, in NIC order; CloudStack chooses what is None."""

    network_id: str
    mac: str | None
    ip: str | None
    source_network: str = ""


@dataclass(frozen=True)
class FailoverSpecification:
    """What a plan builder needs. `details` are CloudStack VM details (sizes, controllers, adapters)."""

    job_id: str
    marker: str
    vm_id: str
    appliance_vm_id: str
    zone_id: str
    service_offering_id: str
    template_id: str
    target_name: str
    display_name: str
    details: Mapping[str, str]
    boot_type: str | None
    boot_mode: str | None
    os_type_id: str
    os_type_name: str
    disks: tuple[DiskSpecification, ...]
    nics: tuple[NicSpecification, ...]
    strategy: str = Strategy.LIVE
    # Which job took the older snapshots, and when.
    snapshots_by: str = ""
    snapshots_at: str = ""

    @property
    def boots_replicas(self) -> bool:
        """Whether the target runs on the replicas themselves and not on copies."""
        return self.strategy in {Strategy.LIVE, Strategy.BOOT_AND_REVERT}

    def as_json(self) -> dict[str, Any]:
        """Give the form that the job row keeps; what a release before this one does not know only where it is used."""
        stored = asdict(self)
        if self.strategy != Strategy.FROM_SNAPSHOTS:
            for field in ("snapshots_by", "snapshots_at"):
                del stored[field]
            for disk in stored["disks"]:
                del disk["snapshot_id"]
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> FailoverSpecification:
        """Read what `as_json` gave."""
        values = dict(stored)
        values["disks"] = tuple(DiskSpecification(**disk) for disk in stored["disks"])
        values["nics"] = tuple(NicSpecification(**nic) for nic in stored["nics"])
        return cls(**values)


def device_ids(count: int) -> list[int]:
    """Give the device ids of `count` disks in boot order: 3 is the CD drive's on KVM (facts section 4)."""
    return [position if position < 3 else position + 1 for position in range(count)]
