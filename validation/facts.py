"""This will gather, once per validation, everything the checks judge: rows of the database and reads of the cloud."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

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
from inventory.stalls import is_stalled
from networks.errors import PlacementRefused
from networks.models import Purpose
from networks.placement import NicPlacement, place_nics
from validation.cloud_facts import EVERYTHING, CloudFacts, CloudQuestions, CloudReads, read_cloud


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
class OpenFailover:
    """This will hold a failover of the VM that has not ended, as the app that runs failovers tells it.

    `is_moving` is False for a test whose VM runs in its window: it is in the way of another test, and of nothing else.
    """

    job_id: str
    job_type: Purpose
    status: str
    state: str
    progress: float
    is_moving: bool
    created_at: datetime
    started_at: datetime | None


@dataclass(frozen=True)
class Facts:
    """This will hold all that the checks of one VM and purpose may look at."""

    vm: ProtectedVM
    purpose: Purpose
    cloud_row: TargetCloud
    appliance: Appliance
    disks: tuple[DiskFacts, ...]
    holder: VMReservation | None
    unfinished_replications: tuple[Replication, ...]
    completed_replication: Replication | None
    newest_replication: Replication | None
    placements: tuple[NicPlacement, ...]
    placement_refusal: PlacementRefused | None
    cloud: CloudFacts
    # Whether the failover makes copies of the disks, which count against the account's limits.
    copies_disks: bool = False
    open_failovers: tuple[OpenFailover, ...] = ()
    # Runs that say they are under way and were not heard of for longer than their heartbeat.
    stalled_replications: tuple[Replication, ...] = ()
    # Whether somebody asked to go on from what is there, in spite of a stalled run.
    accepts_stalled: bool = False
    # Target VMs that failovers of the VM made, with the job that made each.
    target_vms: Mapping[str, str] = field(default_factory=dict)

    @property
    def unfinished_replication(self) -> Replication | None:
        """Give the newest replication that is under way."""
        return next(iter(self.unfinished_replications), None)


def gather(
    *,
    vm: ProtectedVM,
    purposes: Sequence[Purpose],
    reads: CloudReads | None,
    clock: Clock,
    overrides: Mapping[str, str] | None = None,
    own_reference: str = "",
    copies_disks: bool = True,
    open_failovers: Sequence[OpenFailover] = (),
    target_vms: Mapping[str, str] | None = None,
    accepts_stalled: bool = False,
    from_cloud: Collection[str] = EVERYTHING,
) -> tuple[Facts, ...]:
    """Gather the facts for each purpose, reading the cloud once; a cloud that cannot be reached is one of them.

    A job that checks its own VM again passes `own_reference`: its own reservation is no obstacle to itself.
    `copies_disks` says whether a test makes copies. `from_cloud` names what is read: nothing in it, no call.
    """
    holder = holder_of(vm)
    disks = _disks(vm)
    placed = {purpose: _placements(vm=vm, purpose=purpose, overrides=overrides or {}) for purpose in purposes}
    placements = [nic for nics, _ in placed.values() for nic in nics]
    questions = _questions(vm=vm, disks=disks, placements=placements)
    cloud = read_cloud(reads=reads, questions=questions, clock=clock, names=from_cloud)
    replications = vm.replications.order_by("-started_at", "-id")
    now = datetime.fromtimestamp(clock.now(), tz=UTC)
    open_runs = tuple(replications.filter(status__in=UNFINISHED_REPLICATION))
    stalled = tuple(run for run in open_runs if is_stalled(run, now=now))
    unfinished = tuple(run for run in open_runs if run not in stalled)
    completed = replications.filter(status=ReplicationStatus.COMPLETED).first()
    newest = replications.first()
    return tuple(
        Facts(
            vm=vm,
            purpose=purpose,
            cloud_row=vm.cloud,
            appliance=vm.appliance,
            disks=disks,
            holder=None if holder is not None and holder.reference == own_reference else holder,
            unfinished_replications=unfinished,
            completed_replication=completed,
            newest_replication=newest,
            placements=nics,
            placement_refusal=refusal,
            cloud=cloud,
            copies_disks=copies_disks and purpose.is_test,
            open_failovers=tuple(job for job in open_failovers if job.job_id != own_reference),
            target_vms=target_vms or {},
            stalled_replications=stalled,
            accepts_stalled=accepts_stalled,
        )
        for purpose, (nics, refusal) in placed.items()
    )


def _disks(vm: ProtectedVM) -> tuple[DiskFacts, ...]:
    rows = vm.disks.select_related("replica").order_by("position")
    return tuple(DiskFacts(disk=disk, replica=getattr(disk, "replica", None)) for disk in rows)


def _placements(
    *, vm: ProtectedVM, purpose: Purpose, overrides: Mapping[str, str]
) -> tuple[tuple[NicPlacement, ...], PlacementRefused | None]:
    try:
        return place_nics(vm=vm, purpose=purpose, overrides=overrides), None
    except PlacementRefused as refusal:
        return (), refusal


def _questions(*, vm: ProtectedVM, disks: tuple[DiskFacts, ...], placements: Sequence[NicPlacement]) -> CloudQuestions:
    return CloudQuestions(
        appliance_vm_id=vm.appliance.virtual_machine_id,
        volume_ids=tuple(facts.replica.volume_id for facts in disks if facts.replica is not None),
        network_ids=tuple(dict.fromkeys(placement.network_id for placement in placements)),
        zone_id=vm.cloud.zone_id,
        offering_id=vm.service_offering_id or vm.cloud.default_offering_id,
        template_id=vm.cloud.placeholder_template_id,
        os_type=vm.target_os_type,
    )
