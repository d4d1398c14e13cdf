"""This will show that one piece of work at a time holds a VM, and what an import may do meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from inventory.models import ProtectedVM, Replication, ReplicaVolume, ReservationKind, VMReservation
from inventory.reservations import VMBusy, holder_of, keep_free, release, reserve, take_kept
from inventory.services import ImportReport, import_inventory, upsert_vm
from tests.inventory import documents as doc

NOW = datetime(2025, 9, 1, tzinfo=UTC)


@pytest.fixture
def vm(db: None) -> ProtectedVM:
    import_inventory(document=doc.inventory(), source="test", now=NOW)
    return ProtectedVM.objects.get()


def take(vm: ProtectedVM, reference: str, kind: ReservationKind = ReservationKind.FAILOVER) -> VMReservation:
    return reserve(vm=vm, kind=kind, reference=reference, now=NOW)


def push(**changes: Any) -> ImportReport:
    return upsert_vm(vm_id="vm-1", document=doc.vm(**changes), now=NOW)


def test_a_vm_that_is_held_is_refused_to_others_with_its_holder(vm: ProtectedVM) -> None:
    take(vm, "job-1")

    with pytest.raises(VMBusy, match="failover job-1") as busy:
        take(vm, "sync-7", ReservationKind.REPLICATION)

    assert busy.value.holder is not None
    assert busy.value.holder.reference == "job-1"
    assert VMReservation.objects.count() == 1


def test_a_refused_reservation_leaves_the_callers_transaction_usable(vm: ProtectedVM) -> None:
    take(vm, "job-1")
    with transaction.atomic():
        with pytest.raises(VMBusy):
            take(vm, "job-2")
        vm.name = "renamed"
        vm.save(update_fields=["name"])
    assert ProtectedVM.objects.get().name == "renamed"


def test_of_several_the_free_ones_are_kept_and_whoever_has_another_keeps_it(vm: ProtectedVM) -> None:
    other = ProtectedVM.objects.get()
    other.pk, other.vm_id = None, "vm-2"
    other.save(force_insert=True)
    take(vm, "sync-7", ReservationKind.REPLICATION)

    with transaction.atomic():
        free = keep_free([vm.pk, other.pk])
        take_kept(dict.fromkeys(free, "job-1"), kind=ReservationKind.FAILOVER, now=NOW)

    assert free == {other.pk}
    held = {row.vm_id: (row.kind, row.reference) for row in VMReservation.objects.all()}
    assert held == {vm.pk: ("replication", "sync-7"), other.pk: ("failover", "job-1")}


def test_only_the_holder_releases(vm: ProtectedVM) -> None:
    take(vm, "job-1")

    assert release(vm=vm, reference="job-2") is False
    assert holder_of(vm) is not None
    assert release(vm=vm, reference="job-1") is True
    assert release(vm=vm, reference="job-1") is False
    assert holder_of(vm) is None


def test_while_a_failover_holds_the_vm_its_syncs_go_on(vm: ProtectedVM) -> None:
    take(vm, "job-1")
    later = doc.replica(0, change_id="52 3c/9", last_sync_at="2025-09-02T00:00:00Z")
    going = doc.run(replication_id="next", kind="incremental", status="replicating", finished_at=None, percentage=40)

    report = push(disks=[doc.disk(0, replica=later), doc.disk(1)], replications=[going], cpus=4)

    assert report.changed
    assert ReplicaVolume.objects.get(volume_id=doc.VOLUMES[0]).change_id == "52 3c/9"
    assert Replication.objects.get(replication_id="next").percentage == 40


@pytest.mark.parametrize(
    "changes",
    [
        {"disks": [doc.disk(0, size_bytes=1), doc.disk(1)]},
        {"disks": [doc.disk(0), doc.disk(1), doc.disk(2)]},
        {"disks": [doc.disk(0), doc.disk(1, replica=doc.replica(4))]},
        {"disks": [doc.disk(0), doc.disk(1, replica=None)]},
        {"disks": [doc.disk(0, replica=doc.replica(1)), doc.disk(1, replica=doc.replica(0))]},
        {"disks": [doc.disk(0), doc.disk(1, replica=doc.replica(1, state="unverified"))]},
        {"appliance": "oma2"},
    ],
)
def test_while_a_failover_holds_the_vm_its_disks_replicas_and_appliance_stay(
    vm: ProtectedVM, changes: dict[str, Any]
) -> None:
    second = doc.appliance(name="oma2", virtual_machine_id=f"{doc.CLOUD_ID}11")
    import_inventory(document={"appliances": [second]}, source="test", now=NOW)
    before = list(ReplicaVolume.objects.values())
    take(vm, "job-1")

    held = push(**changes)

    assert any("while failover job-1 works on PGWINTESTBIOS" in str(refusal) for refusal in held.refused)
    assert all(refusal.busy for refusal in held.refused)
    assert list(ReplicaVolume.objects.values()) == before
    release(vm=vm, reference="job-1")
    assert push(**changes).changed


def test_while_replication_holds_the_vm_its_disks_may_change(vm: ProtectedVM) -> None:
    take(vm, "sync-1", ReservationKind.REPLICATION)
    assert push(disks=[doc.disk(0), doc.disk(1), doc.disk(2)]).changed


def test_the_database_refuses_a_kind_that_is_not_known(vm: ProtectedVM) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        VMReservation.objects.create(vm=vm, kind="cleaning", reference="x", taken_at=NOW)
