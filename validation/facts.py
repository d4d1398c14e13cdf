"""This will gather, once per validation, everything the checks judge: rows of the database and reads of the cloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cloudstack.endpoint import Clock
from inventory.models import (
    UNFINISHED_REPLICATION,
    Appliance,
    ProtectedVM,
    Replication,
    ReplicationStatus,
    ReplicaVolume,
    TargetCloud,
    VMDisk,
    VMReservation,
)
from inventory.reservations import holder_of
from networks.errors import PlacementRefused
from networks.models import Purpose
from networks.placement import NicPlacement, place_nics
from validation.cloud_facts import CloudFacts, CloudQuestions, CloudReads, read_cloud


@dataclass(frozen=True)
class DiskFacts:
    """This will hold one disk of the source with its replica, if it has one."""

    disk: VMDisk
    replica: ReplicaVolume | None

    @property
    def label(self) -> str:
        """Give the name that messages use for the disk."""
        return self.disk.label or f"disk {self.disk.position}"


@dataclass(frozen=True)
class Facts:
    """This will hold all that the checks of one VM and purpose may look at."""

    vm: ProtectedVM
    purpose: Purpose
    cloud_row: TargetCloud
    appliance: Appliance
    disks: tuple[DiskFacts, ...]
    holder: VMReservation | None
    unfinished_replication: Replication | None
    completed_replication: Replication | None
    newest_replication: Replication | None
    placements: tuple[NicPlacement, ...]
    placement_refusal: PlacementRefused | None
    cloud: CloudFacts
    # Whether the failover makes copies of the disks, which count against the account's limits.
    copies_disks: bool = False


def gather(
    *,
    vm: ProtectedVM,
    purpose: Purpose,
    overrides: Mapping[str, str],
    reads: CloudReads | None,
    clock: Clock,
    own_reference: str = "",
    copies_disks: bool = False,
) -> Facts:
    """Gather the facts; a cloud that cannot be reached is one of them.

    A job that checks its own VM again passes `own_reference`: its own reservation is no obstacle to itself.
    """
    holder = holder_of(vm)
    placements, refusal = _placements(vm=vm, purpose=purpose, overrides=overrides)
    disks = tuple(
        DiskFacts(disk=disk, replica=getattr(disk, "replica", None))
        for disk in vm.disks.select_related("replica").order_by("position")
    )
    questions = _questions(vm=vm, disks=disks, placements=placements)
    replications = vm.replications.order_by("-started_at", "-id")
    return Facts(
        vm=vm,
        purpose=purpose,
        cloud_row=vm.cloud,
        appliance=vm.appliance,
        disks=disks,
        holder=None if holder is not None and holder.reference == own_reference else holder,
        unfinished_replication=replications.filter(status__in=UNFINISHED_REPLICATION).first(),
        completed_replication=replications.filter(status=ReplicationStatus.COMPLETED).first(),
        newest_replication=replications.first(),
        placements=placements,
        placement_refusal=refusal,
        cloud=read_cloud(reads=reads, questions=questions, clock=clock),
        copies_disks=copies_disks,
    )


def _placements(
    *, vm: ProtectedVM, purpose: Purpose, overrides: Mapping[str, str]
) -> tuple[tuple[NicPlacement, ...], PlacementRefused | None]:
    try:
        return place_nics(vm=vm, purpose=purpose, overrides=overrides), None
    except PlacementRefused as refusal:
        return (), refusal


def _questions(
    *, vm: ProtectedVM, disks: tuple[DiskFacts, ...], placements: tuple[NicPlacement, ...]
) -> CloudQuestions:
    return CloudQuestions(
        appliance_vm_id=vm.appliance.virtual_machine_id,
        volume_ids=tuple(facts.replica.volume_id for facts in disks if facts.replica is not None),
        network_ids=tuple(dict.fromkeys(placement.network_id for placement in placements)),
        zone_id=vm.cloud.zone_id,
        offering_id=vm.service_offering_id or vm.cloud.default_offering_id,
        template_id=vm.cloud.placeholder_template_id,
        os_type=vm.target_os_type,
    )
