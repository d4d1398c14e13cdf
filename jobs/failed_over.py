"""This will tell which VMs run in the cloud because a live failover brought them there."""

from __future__ import annotations

from django.db.models import QuerySet

from inventory.models import ReplicaState, ReplicaVolume
from jobs.models import FailoverJob, JobType, Outcome


def ways_back() -> QuerySet[FailoverJob]:
    """Give the live failovers that succeeded and were neither committed nor rolled back."""
    return FailoverJob.objects.filter(job_type=JobType.LIVE, outcome=Outcome.SUCCEEDED)


def brought_by(*, vm_id: int) -> FailoverJob | None:
    """Give the newest live failover by which the VM runs in the cloud; None for one that does not."""
    open_ = ways_back().filter(vm_id=vm_id).order_by("-completed_at").first()
    if (
        open_ is not None
        or not ReplicaVolume.objects.filter(disk__vm_id=vm_id, state=ReplicaState.HANDED_OVER).exists()
    ):
        return open_
    committed = FailoverJob.objects.filter(vm_id=vm_id, job_type=JobType.LIVE, outcome=Outcome.COMMITTED)
    return committed.order_by("-completed_at").first()


def failed_over_vms() -> set[int]:
    """Give the keys of the VMs that run in the cloud, by a failover that may still go back or by a committed one."""
    may_go_back = ways_back().order_by().values_list("vm_id", flat=True)
    committed = ReplicaVolume.objects.filter(state=ReplicaState.HANDED_OVER).order_by()
    return {*may_go_back, *(int(row["disk__vm_id"]) for row in committed.values("disk__vm_id"))}
