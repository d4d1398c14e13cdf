"""This will gather, once per validation, everything the checks judge: rows of the database and reads of the cloud."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cloudstack.endpoint import Clock
from inventory.models import (
    UNFINISHED_REPLICATION,
    Appliance,
    ProtectedVM,
    ReplicaState,
    Replication,
    ReplicationStatus,
    ReplicaVolume,
    TargetCloud,
    VMDisk,
    VMNic,
    VMReservation,
)
from inventory.stalls import is_stalled
from networks.errors import PlacementRefused
from networks.models import Purpose
from networks.placement import NicPlacement, placed
from validation.cloud_facts import EVERYTHING, CloudFacts, CloudQuestions, CloudReads, read_for_each
from validation.rows import Rows, designations, rows_of


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
class OlderPoint:
    """This will hold a whole set of older snapshots of a VM's disks, as the app that runs failovers tells it."""

    job_id: str
    taken_at: datetime


@dataclass(frozen=True)
class Facts:
    """This will hold all that the checks of one VM and purpose may look at."""

    vm: ProtectedVM
    purpose: Purpose
    cloud_row: TargetCloud
    appliance: Appliance
    disks: tuple[DiskFacts, ...]
    nics: tuple[VMNic, ...]
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
    # Older snapshots that a test may be made of, the newest first, and whether this one is: then no replica is read.
    older_points: tuple[OlderPoint, ...] = ()
    from_older_point: bool = False
    # Target VMs that failovers of the VM made, with the job that made each.
    target_vms: Mapping[str, str] = field(default_factory=dict)

    @property
    def unfinished_replication(self) -> Replication | None:
        """Give the newest replication that is under way."""
        return next(iter(self.unfinished_replications), None)


@dataclass(frozen=True)
class Subject:
    """This will say which VM facts are wanted of, for which purposes, and what the caller knows about it.

    A job that checks its own VM again passes `own_reference`: its own reservation is no obstacle to itself.
    `copies_disks` says whether a test makes copies of the disks, `accepts_stalled` that a replication which fell silent
    is no obstacle, `from_older_point` that the test is made of one of the `older_points` (asked for only where the
    replica is in doubt) and not of the replica as it is.
    """

    vm: ProtectedVM
    purposes: Sequence[Purpose]
    overrides: Mapping[str, str] = field(default_factory=dict)
    own_reference: str = ""
    copies_disks: bool = True
    open_failovers: Sequence[OpenFailover] = ()
    target_vms: Mapping[str, str] = field(default_factory=dict)
    accepts_stalled: bool = False
    older_points: Callable[[ProtectedVM], Sequence[OlderPoint]] | None = None
    from_older_point: bool = False


def gather(
    subject: Subject, *, reads: CloudReads | None, clock: Clock, from_cloud: Collection[str] = EVERYTHING
) -> tuple[Facts, ...]:
    """Gather the facts for each purpose, reading the cloud once; a cloud that cannot be reached is one of them.

    `from_cloud` names what is read: nothing in it, no call.
    """
    (facts,) = gather_each([subject], reads=reads, clock=clock, from_cloud=from_cloud)
    return facts


def gather_each(
    subjects: Sequence[Subject],
    *,
    reads: CloudReads | None,
    clock: Clock,
    from_cloud: Collection[str] = EVERYTHING,
) -> list[tuple[Facts, ...]]:
    """Gather the facts of several VMs of one cloud: each table is read once for all, and so are their replicas."""
    rows = rows_of([subject.vm for subject in subjects])
    known = designations(rows.values(), [subject.overrides for subject in subjects])
    placements = [_placements(subject, rows=rows[subject.vm.pk], known=known) for subject in subjects]
    questions = [
        _questions(subject.vm, rows=rows[subject.vm.pk], placements=places)
        for subject, places in zip(subjects, placements, strict=True)
    ]
    answers = read_for_each(reads=reads, questions=questions, clock=clock, names=from_cloud)
    now = datetime.fromtimestamp(clock.now(), tz=UTC)
    return [
        _facts(subject, rows=rows[subject.vm.pk], placements=places, cloud=cloud, now=now)
        for subject, places, cloud in zip(subjects, placements, answers, strict=True)
    ]


Placements = Mapping[Purpose, tuple[tuple[NicPlacement, ...], PlacementRefused | None]]


def _facts(
    subject: Subject, *, rows: Rows, placements: Placements, cloud: CloudFacts, now: datetime
) -> tuple[Facts, ...]:
    open_runs = tuple(run for run in rows.replications if run.status in UNFINISHED_REPLICATION)
    stalled = tuple(run for run in open_runs if is_stalled(run, now=now))
    completed = (run for run in rows.replications if run.status == ReplicationStatus.COMPLETED)
    holder = rows.holder
    shared: dict[str, Any] = {
        "vm": subject.vm,
        "cloud_row": subject.vm.cloud,
        "appliance": subject.vm.appliance,
        "disks": tuple(DiskFacts(disk=disk, replica=rows.replicas.get(disk.pk)) for disk in rows.disks),
        "nics": rows.nics,
        "holder": None if holder is not None and holder.reference == subject.own_reference else holder,
        "unfinished_replications": tuple(run for run in open_runs if run not in stalled),
        "completed_replication": next(completed, None),
        "newest_replication": next(iter(rows.replications), None),
        "cloud": cloud,
        "open_failovers": tuple(job for job in subject.open_failovers if job.job_id != subject.own_reference),
        "target_vms": subject.target_vms,
        "stalled_replications": stalled,
        "accepts_stalled": subject.accepts_stalled,
        "older_points": _older_points(subject, rows=rows, is_stalled=bool(stalled)),
        "from_older_point": subject.from_older_point,
    }
    return tuple(
        Facts(
            purpose=purpose,
            placements=nics,
            placement_refusal=refusal,
            copies_disks=subject.copies_disks and purpose.is_test,
            **shared,
        )
        for purpose, (nics, refusal) in placements.items()
    )


def _older_points(subject: Subject, *, rows: Rows, is_stalled: bool) -> tuple[OlderPoint, ...]:
    replicas = [rows.replicas.get(disk.pk) for disk in rows.disks]
    is_doubtful = is_stalled or any(replica and replica.state != ReplicaState.GOOD for replica in replicas)
    return tuple(subject.older_points(subject.vm)) if subject.older_points is not None and is_doubtful else ()


def _placements(subject: Subject, *, rows: Rows, known: Mapping[str, bool]) -> Placements:
    found: dict[Purpose, tuple[tuple[NicPlacement, ...], PlacementRefused | None]] = {}
    for purpose in subject.purposes:
        try:
            nics = placed(
                nics=rows.nics,
                mappings=rows.mappings,
                designations=known,
                purpose=purpose,
                overrides=subject.overrides,
            )
            found[purpose] = (nics, None)
        except PlacementRefused as refusal:
            found[purpose] = ((), refusal)
    return found


def _questions(vm: ProtectedVM, *, rows: Rows, placements: Placements) -> CloudQuestions:
    replicas = [rows.replicas.get(disk.pk) for disk in rows.disks]
    networks = [nic.network_id for nics, _ in placements.values() for nic in nics]
    return CloudQuestions(
        appliance_vm_id=vm.appliance.virtual_machine_id,
        volume_ids=tuple(replica.volume_id for replica in replicas if replica is not None),
        network_ids=tuple(dict.fromkeys(networks)),
        zone_id=vm.cloud.zone_id,
        offering_id=vm.service_offering_id or vm.cloud.default_offering_id,
        template_id=vm.cloud.placeholder_template_id,
        os_type=vm.target_os_type,
    )
