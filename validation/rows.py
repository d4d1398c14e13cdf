"""This will read what the database holds of VMs, each table once for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import OuterRef, Q, QuerySet, Subquery

from inventory.models import (
    UNFINISHED_REPLICATION,
    ProtectedVM,
    Replication,
    ReplicationStatus,
    VMDisk,
    VMNic,
    VMReservation,
)
from networks.designations import purposes_of
from networks.models import NetworkMapping

R = TypeVar("R", VMDisk, VMNic, NetworkMapping, Replication)


@dataclass(frozen=True)
class Rows:
    """This will hold the rows of one VM; of its replications those under way, the newest, and the newest completed."""

    holder: VMReservation | None
    disks: tuple[VMDisk, ...]
    nics: tuple[VMNic, ...]
    mappings: tuple[NetworkMapping, ...]
    replications: tuple[Replication, ...]


def rows_of(vms: Sequence[ProtectedVM]) -> dict[int, Rows]:
    """Give the rows of each VM by its key, as the database has them now; five statements, however many VMs."""
    ids = [vm.pk for vm in vms]
    holders = {row.vm_id: row for row in VMReservation.objects.filter(vm__in=ids).order_by()}
    disks = _by_vm(VMDisk.objects.filter(vm__in=ids).select_related("replica").order_by("position"))
    nics = _by_vm(VMNic.objects.filter(vm__in=ids).order_by("position"))
    mappings = _by_vm(NetworkMapping.objects.filter(vm__in=ids))
    replications = _by_vm(_replications(ids))
    return {
        id: Rows(
            holder=holders.get(id),
            disks=tuple(disks[id]),
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


def _replications(ids: Sequence[int]) -> QuerySet[Replication]:
    """Query the runs that matter, the newest first: a VM may have years of them."""
    newest = _newest_of(ids, Replication.objects.filter(vm=OuterRef("pk")))
    completed = _newest_of(ids, Replication.objects.filter(vm=OuterRef("pk"), status=ReplicationStatus.COMPLETED))
    matter = Q(status__in=UNFINISHED_REPLICATION) | Q(pk__in=newest) | Q(pk__in=completed)
    return Replication.objects.filter(matter, vm__in=ids).order_by("-started_at", "-id")


def _newest_of(ids: Sequence[int], runs: QuerySet[Replication]) -> QuerySet[Any, Any]:
    """Query the key of the newest of the runs for each VM, so that the database looks for it once a VM."""
    newest = runs.order_by("-started_at", "-id").values("pk")[:1]
    return ProtectedVM.objects.filter(pk__in=ids).order_by().annotate(run=Subquery(newest)).values("run")


def _by_vm(rows: QuerySet[R]) -> dict[int, list[R]]:
    found: dict[int, list[R]] = defaultdict(list)
    for row in rows:
        found[row.vm_id].append(row)
    return found
