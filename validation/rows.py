"""This will read what the database holds of VMs, each table once for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import OuterRef, Q, QuerySet, Subquery

from database.statements import PreparedAmong
from inventory.models import (
    UNFINISHED_REPLICATION,
    ProtectedVM,
    Replication,
    ReplicationStatus,
    ReplicaVolume,
    VMDisk,
    VMNic,
    VMReservation,
)
from networks.designations import purposes_of
from networks.models import NetworkMapping

R = TypeVar("R", VMDisk, VMNic, NetworkMapping, Replication)


def _newest_of(ids: Sequence[int], runs: QuerySet[Replication]) -> QuerySet[Any, Any]:
    """Query the key of the newest of the runs for each VM, so that the database looks for it once a VM."""
    newest = runs.order_by("-started_at", "-id").values("pk")[:1]
    return ProtectedVM.objects.filter(pk__in=ids).order_by().annotate(run=Subquery(newest)).values("run")


def _replications(ids: Sequence[int]) -> QuerySet[Replication]:
    """Query the runs that matter, the newest first: a VM may have years of them."""
    newest = _newest_of(ids, Replication.objects.filter(vm=OuterRef("pk")))
    completed = _newest_of(ids, Replication.objects.filter(vm=OuterRef("pk"), status=ReplicationStatus.COMPLETED))
    matter = Q(status__in=UNFINISHED_REPLICATION) | Q(pk__in=newest) | Q(pk__in=completed)
    return Replication.objects.filter(matter, vm__in=ids).order_by("-started_at", "-id")


_HOLDERS = PreparedAmong(lambda ids: VMReservation.objects.filter(vm__in=ids).order_by(), integers=True)
_DISKS = PreparedAmong(lambda ids: VMDisk.objects.filter(vm__in=ids).order_by("position"), integers=True)
_REPLICAS = PreparedAmong(lambda ids: ReplicaVolume.objects.filter(disk__vm__in=ids).order_by(), integers=True)
_NICS = PreparedAmong(lambda ids: VMNic.objects.filter(vm__in=ids).order_by("position"), integers=True)
_MAPPINGS = PreparedAmong(lambda ids: NetworkMapping.objects.filter(vm__in=ids), integers=True)
_REPLICATIONS = PreparedAmong(_replications, integers=True)


@dataclass(frozen=True)
class Rows:
    """This will hold the rows of one VM; of its replications those under way, the newest, and the newest completed.

    `replicas` are by the key of their disk.
    """

    holder: VMReservation | None
    disks: tuple[VMDisk, ...]
    replicas: Mapping[int, ReplicaVolume]
    nics: tuple[VMNic, ...]
    mappings: tuple[NetworkMapping, ...]
    replications: tuple[Replication, ...]


def rows_of(vms: Sequence[ProtectedVM]) -> dict[int, Rows]:
    """Give the rows of each VM by its key, as the database has them now; six statements, however many VMs."""
    ids = [vm.pk for vm in vms]
    holders = {row.vm_id: row for row in _HOLDERS.rows(ids)}
    disks = _by_vm(_DISKS.rows(ids))
    replicas = {row.disk_id: row for row in _REPLICAS.rows(ids)}
    nics = _by_vm(_NICS.rows(ids))
    mappings = _by_vm(_MAPPINGS.rows(ids))
    replications = _by_vm(_REPLICATIONS.rows(ids))
    return {
        id: Rows(
            holder=holders.get(id),
            disks=tuple(disks[id]),
            replicas={disk.pk: replicas[disk.pk] for disk in disks[id] if disk.pk in replicas},
            nics=tuple(nics[id]),
            mappings=tuple(mappings[id]),
            replications=tuple(replications[id]),
        )
        for id in ids
    }


def designations(rows: Iterable[Rows], overrides: Iterable[Mapping[str, str]]) -> Mapping[str, bool]:
    """Say of every network that mappings and overrides name whether it is a test network; unknown ones are left out."""
    mapped = [mapping.destination_network_id for of_vm in rows for mapping in of_vm.mappings]
    return purposes_of([*mapped, *(network_id for some in overrides for network_id in some.values())])


def _by_vm(rows: Iterable[R]) -> dict[int, list[R]]:
    found: dict[int, list[R]] = defaultdict(list)
    for row in rows:
        found[row.vm_id].append(row)
    return found
