"""This will let one piece of work at a time hold a VM."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import IntegrityError, transaction

from database.statements import Prepared, PreparedAmong, insert, insert_all, remove
from inventory.models import ProtectedVM, ReservationKind, VMReservation

_HOLDER = Prepared(lambda vm_id: VMReservation.objects.filter(vm_id=vm_id).order_by())
_HELD = PreparedAmong(
    lambda ids: VMReservation.objects.filter(vm__in=ids).order_by().values_list("vm_id"), integers=True
)
_LOCK = Prepared(
    lambda pk: ProtectedVM.objects.select_for_update(no_key=True).filter(pk=pk).order_by().values_list("pk")
)
_LOCKED = PreparedAmong(
    lambda ids: (
        ProtectedVM.objects.select_for_update(no_key=True, skip_locked=True)
        .filter(pk__in=ids)
        .order_by("pk")
        .values_list("pk")
    ),
    integers=True,
)


class VMBusy(Exception):
    """This will be raised when a VM is held already; `holder` is None when it was released in the same moment."""

    error_code = "ACTIVE_JOBS"

    def __init__(self, *, vm: ProtectedVM, holder: VMReservation | None) -> None:
        self.vm = vm
        self.holder = holder
        by = f"{holder.kind} {holder.reference}" if holder else "work that has just ended"
        super().__init__(f"VM {vm.name} ({vm.vm_id}) is being worked on by {by}: wait for it, or end it first.")


def reserve(*, vm: ProtectedVM, kind: ReservationKind, reference: str, now: datetime) -> VMReservation:
    """This will take the VM for the work `reference`, or raise VMBusy with its holder.

    The insert itself decides, by the unique key: two that look first and then insert would both see a free VM.
    What the work relies on is read after this, in the same transaction: until it ends no import changes the VM.
    """
    try:
        with transaction.atomic():
            _keep_imports_out(vm)
            return insert(VMReservation(vm=vm, kind=kind, reference=reference, taken_at=now))
    except IntegrityError:
        raise VMBusy(vm=vm, holder=holder_of(vm)) from None


def keep_free(vm_ids: Collection[int]) -> frozenset[int]:
    """This will keep others from taking or importing those of the VMs that are free, until the transaction ends.

    Gives which they are. One that somebody has, or works on in this moment, is left out: nobody is waited for, so that
    two that want several VMs cannot wait for each other.
    """
    ours = sorted(pk for (pk,) in _LOCKED.values(sorted(vm_ids)))
    # Read after the lock: whoever had the VM before it has committed what he wrote.
    return frozenset(ours) - {vm_id for (vm_id,) in _HELD.values(ours)}


def take_kept(references: Mapping[int, str], *, kind: ReservationKind, now: datetime) -> None:
    """This will take VMs, by key, that `keep_free` keeps, each for the work of its reference."""
    insert_all(
        [
            VMReservation(vm_id=vm_id, kind=kind, reference=reference, taken_at=now)
            for vm_id, reference in references.items()
        ]
    )


def release(*, vm: ProtectedVM, reference: str) -> bool:
    """This will give the VM back and say whether `reference` held it; a reservation of other work stays."""
    return remove(VMReservation, vm=vm.pk, reference=reference) == 1


def holder_of(vm: ProtectedVM) -> VMReservation | None:
    """This will give the reservation of the VM as the database has it now, or None when it is free."""
    return _HOLDER.row(vm_id=vm.pk)


def _keep_imports_out(vm: ProtectedVM) -> None:
    # The insert alone would lock the VM's row only at commit, where PostgreSQL checks deferred foreign keys.
    _LOCK.values(pk=vm.pk)
