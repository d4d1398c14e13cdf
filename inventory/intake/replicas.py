"""This will bring the replicas of one VM's disks to what a document says, without forgetting one by accident."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from inventory.intake.reports import DocumentPath, ImportReport
from inventory.intake.rows import instant
from inventory.models import ProtectedVM, Replication, ReplicaVolume, VMDisk
from inventory.trust import TrustNotEarned, settle_state

PROGRESS = ("change_id", "last_sync_at")


@dataclass
class ReplicaOutcome:
    """This will say whether any replica changed, and in words what changed beyond the progress of syncs."""

    is_changed: bool = False
    identity_changes: list[str] = field(default_factory=list)


def bring_replicas(
    *,
    vm: ProtectedVM,
    is_new: bool,
    disks: Mapping[int, VMDisk],
    documents: list[Mapping[str, Any]],
    path: DocumentPath,
    now: datetime,
    report: ImportReport,
) -> ReplicaOutcome:
    """This will make, change, move or drop replicas; a disk whose document has no key `replica` keeps what it has."""
    outcome = ReplicaOutcome()
    spoken_for = {document["position"]: document["replica"] for document in documents if "replica" in document}
    known = {} if is_new else {replica.volume_id: replica for replica in _replicas_of(vm)}
    _take_off(known, spoken_for, outcome=outcome)
    replications = list(Replication.objects.filter(vm=vm))
    elsewhere = _elsewhere(vm, [row["volume_id"] for row in spoken_for.values() if row])
    for index, document in enumerate(documents):
        wanted = document.get("replica")
        if not wanted:
            continue
        place = (*path, "disks", index, "replica")
        if wanted["volume_id"] in elsewhere:
            report.refuse((*place, "volume_id"), "is the replica of another VM's disk already")
            continue
        replica = known.get(wanted["volume_id"]) or ReplicaVolume(volume_id=wanted["volume_id"])
        replica.disk = disks[document["position"]]
        try:
            _bring(replica, wanted, vm=vm, replications=replications, now=now, outcome=outcome)
        except TrustNotEarned as reason:
            report.refuse((*place, "state"), str(reason))
    return outcome


def _replicas_of(vm: ProtectedVM) -> list[ReplicaVolume]:
    return list(ReplicaVolume.objects.filter(disk__vm=vm).select_related("disk"))


def _take_off(
    known: Mapping[str, ReplicaVolume],
    spoken_for: Mapping[int, Mapping[str, Any] | None],
    *,
    outcome: ReplicaOutcome,
) -> None:
    """This will delete the rows that stand in the way: of volumes that move to another disk, are replaced or dropped.

    The objects stay in `known`, so that a volume that moves takes its state along.
    """
    home = {wanted["volume_id"]: position for position, wanted in spoken_for.items() if wanted}
    for volume_id, replica in known.items():
        position = replica.disk.position
        is_named_here = home.get(volume_id) == position
        is_spoken_for = position in spoken_for or volume_id in home
        if is_named_here or not is_spoken_for:
            continue
        outcome.is_changed = True
        outcome.identity_changes.append(f"the replica {volume_id} of disk {position}")
        replica.delete()


def _elsewhere(vm: ProtectedVM, volume_ids: list[str]) -> set[str]:
    """This will give those of the volumes that are the replicas of another VM's disks."""
    others = ReplicaVolume.objects.filter(volume_id__in=volume_ids).exclude(disk__vm=vm)
    return set(others.values_list("volume_id", flat=True))


def _bring(
    replica: ReplicaVolume,
    wanted: Mapping[str, Any],
    *,
    vm: ProtectedVM,
    replications: list[Replication],
    now: datetime,
    outcome: ReplicaOutcome,
) -> None:
    before = _facts(replica) if replica.pk else None
    # What the document leaves out stays: a document that only names the volume does not undo its syncs.
    replica.change_id = wanted.get("change_id", replica.change_id)
    replica.last_sync_at = instant(wanted["last_sync_at"]) if "last_sync_at" in wanted else replica.last_sync_at
    replica.appliance = vm.appliance
    settle_state(replica=replica, asked=wanted.get("state"), replications=replications, now=now)
    after = _facts(replica)
    if before == after:
        return
    outcome.is_changed = True
    if before is None or _identity(before) != _identity(after):
        outcome.identity_changes.append(f"the replica {replica.volume_id} of disk {replica.disk.position}")
    if replica.pk is None:
        replica.save(force_insert=True)
    else:
        replica.save(update_fields=[*after, "updated_at"])


def _facts(replica: ReplicaVolume) -> dict[str, Any]:
    names = ("appliance_id", "change_id", "last_sync_at", "state", "state_since")
    return {name: getattr(replica, name) for name in names}


def _identity(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in PROGRESS}
