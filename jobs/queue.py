"""This will say which queued failovers may begin: so many run at once as cloud and appliance allow.

Of those that wait the more urgent goes first, then the earlier. A job whose appliance is full keeps nobody of another
appliance from going. Cleanups and undos are never queued: they free what others wait for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import QuerySet

from inventory.models import Appliance, ProtectedVM, TargetCloud
from jobs.engine.ports import Bell
from jobs.known import appliance_of, cloud_of, has_limited_appliance, vm_of
from jobs.models import FailoverJob, JobState, Phase


@dataclass(frozen=True)
class Place:
    """Where a job stands in the queue of its cloud (1 goes next), and which limit it waits for."""

    position: int
    reason: str


@dataclass
class _Room:
    """How many more failovers cloud and appliances take; None stands for any number."""

    cloud: int | None
    appliances: dict[int, int | None]

    def takes(self, appliance_id: int) -> bool:
        left = self.appliances.get(appliance_id)
        return (self.cloud is None or self.cloud > 0) and (left is None or left > 0)

    def take(self, appliance_id: int) -> None:
        if self.cloud is not None:
            self.cloud -= 1
        left = self.appliances.get(appliance_id)
        if left is not None:
            self.appliances[appliance_id] = left - 1


def has_limits(cloud: TargetCloud) -> bool:
    """Whether any number of failovers may run on this cloud at once."""
    return cloud.most_running is not None or has_limited_appliance(cloud)


def place_of(job: FailoverJob, *, vm: ProtectedVM) -> Place | None:
    """Give the place of a queued job, None when it may begin now."""
    if not has_limits(vm.cloud):
        return None
    room = _room(vm.cloud)
    waiting = 0
    for job_id, appliance_id in _queue(vm.cloud):
        fits = room.takes(appliance_id)
        if fits:
            room.take(appliance_id)
        if job_id == job.pk:
            return None if fits else Place(position=waiting + 1, reason=_reason(vm, waiting + 1, room))
        waiting += not fits
    return None


def place_under_lock(job: FailoverJob) -> Place | None:
    """Give the place while nobody else can begin on this cloud; for the transaction in which the job begins."""
    vm = _placed(job)
    if not has_limits(vm.cloud):
        return None
    vm.appliance = appliance_of(vm.appliance_id)
    if connection.features.has_select_for_update:
        list(TargetCloud.objects.select_for_update(no_key=True).filter(pk=vm.cloud_id).values_list("pk", flat=True))
    return place_of(job, vm=vm)


def ring_next(bell: Bell, *, job: FailoverJob) -> None:
    """Ring, once the transaction has committed, for the queued jobs that may begin since this one no longer runs."""
    vm = _placed(job)
    if not has_limits(vm.cloud):
        return
    transaction.on_commit(lambda: _ring(bell, vm.cloud))


def _placed(job: FailoverJob) -> ProtectedVM:
    """Give the VM of a job with its cloud, both as the database has them now."""
    vm = vm_of(job.vm_id)
    vm.cloud = cloud_of(vm.cloud_id)
    return vm


def _ring(bell: Bell, cloud: TargetCloud) -> None:
    room = _room(cloud)
    for job_id, appliance_id in _queue(cloud):
        if room.takes(appliance_id):
            room.take(appliance_id)
            bell.ring(job_id=job_id, phase=Phase.VALIDATING)


def _queue(cloud: TargetCloud) -> Iterator[tuple[int, int]]:
    rows = _jobs_of(cloud).filter(state=JobState.QUEUED).order_by("-priority", "created_at", "pk")
    return iter(rows.values_list("pk", "vm__appliance_id"))


def _room(cloud: TargetCloud) -> _Room:
    running = Counter(
        _jobs_of(cloud).filter(state=JobState.RUNNING).order_by().values_list("vm__appliance_id", flat=True)
    )
    limits = dict(Appliance.objects.filter(cloud=cloud).values_list("pk", "most_running"))
    return _Room(
        cloud=None if cloud.most_running is None else cloud.most_running - running.total(),
        appliances={pk: None if limit is None else limit - running[pk] for pk, limit in limits.items()},
    )


def _jobs_of(cloud: TargetCloud) -> QuerySet[FailoverJob]:
    return FailoverJob.objects.filter(endpoint=str(cloud.uuid))


def _reason(vm: ProtectedVM, position: int, room: _Room) -> str:
    full, limit = (
        (f"cloud {vm.cloud.name}", vm.cloud.most_running)
        if room.cloud is not None and room.cloud <= 0
        else (f"appliance {vm.appliance.name}", vm.appliance.most_running)
    )
    return f"Number {position} in the queue: {limit} failovers at once are allowed on {full}."
