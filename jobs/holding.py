"""This will hold a VM for a job, or name the work that holds it."""

from __future__ import annotations

from datetime import datetime

from inventory.models import ProtectedVM, ReservationKind
from inventory.reservations import VMBusy, reserve
from jobs.errors import ActiveJob


def hold_vm(vm: ProtectedVM, *, job_id: str, now: datetime) -> None:
    """Take the VM for the job, inside the transaction that needs it; raises ActiveJob with whoever has it."""
    try:
        reserve(vm=vm, kind=ReservationKind.FAILOVER, reference=job_id, now=now)
    except VMBusy as busy:
        holder = busy.holder
        kind, reference = (holder.kind, holder.reference) if holder else ("failover", "?")
        raise ActiveJob(vm_id=vm.vm_id, kind=kind, reference=reference) from busy
