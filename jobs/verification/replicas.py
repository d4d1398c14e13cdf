"""This will say which appliances and replicas are not where the inventory and the journal have them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cloudstack import Volume
from inventory.models import Appliance, ReplicaVolume, TargetCloud
from jobs.made import GONE, Kind
from jobs.models import FailoverJob, JobState, JobType, Outcome
from jobs.plans.specification import Strategy
from jobs.sight import Sight
from jobs.verification.findings import Drift, Finding

IN_SERVICE = (Outcome.SUCCEEDED, Outcome.COMMITTED)


@dataclass(frozen=True)
class _Places:
    """Where a replica may be: VM ids, and None for detached. `job` is why."""

    allowed: frozenset[str | None]
    job: FailoverJob | None = None


@dataclass
class _Books:
    """The jobs that move replicas, newest last, by the volume that they name."""

    moving: dict[str, FailoverJob] = field(default_factory=dict)
    in_service: dict[str, FailoverJob] = field(default_factory=dict)


def appliance_findings(cloud: TargetCloud, sight: Sight) -> Iterator[Finding]:
    """Compare the appliances of a cloud."""
    for appliance in Appliance.objects.filter(cloud=cloud):
        seen = sight.machines.get(appliance.virtual_machine_id)
        if seen is None or seen.state in GONE[Kind.MACHINE]:
            words = f"Appliance {appliance.name} is not in the cloud" + (f": it is {seen.state}" if seen else "")
            yield Finding(Drift.APPLIANCE_MISSING, "appliance", appliance.virtual_machine_id, appliance.name, words)
        elif seen.state != "Running":
            words = f"Appliance {appliance.name} is {seen.state}"
            yield Finding(Drift.APPLIANCE_STOPPED, "appliance", seen.id, appliance.name, words)


def replica_findings(cloud: TargetCloud, sight: Sight) -> Iterator[Finding]:
    """Compare the replicas of a cloud."""
    books = _read_books(cloud)
    replicas = ReplicaVolume.objects.filter(appliance__cloud=cloud).select_related("appliance", "disk__vm")
    for replica in replicas:
        volume = sight.volumes.get(replica.volume_id)
        if volume is None or volume.state in GONE[Kind.VOLUME]:
            yield _missing(replica, volume)
        else:
            yield from _misplaced(replica, volume, _places_of(replica, books), sight)


def _read_books(cloud: TargetCloud) -> _Books:
    books = _Books()
    jobs = FailoverJob.objects.filter(endpoint=str(cloud.uuid)).order_by("id")
    for job in jobs.exclude(state=JobState.FINISHED) | jobs.filter(job_type=JobType.LIVE, outcome__in=IN_SERVICE):
        holds = job.state != JobState.WINDOW_OPEN or job.specification.get("strategy") == Strategy.BOOT_AND_REVERT
        for disk in job.specification.get("disks", []):
            if job.state == JobState.FINISHED:
                books.in_service[disk["volume_id"]] = job
            elif holds:
                books.moving[disk["volume_id"]] = job
    return books


def _places_of(replica: ReplicaVolume, books: _Books) -> _Places:
    home = replica.appliance.virtual_machine_id
    if (job := books.moving.get(replica.volume_id)) is not None:
        return _Places(frozenset({home, None, job.destination_vm_id or None}), job)
    if (job := books.in_service.get(replica.volume_id)) is not None:
        # What was committed belongs to its VM's owner, who may also protect it anew.
        also = {home} if job.outcome == Outcome.COMMITTED else set()
        return _Places(frozenset({job.destination_vm_id, *also}), job)
    return _Places(frozenset({home}))


def _missing(replica: ReplicaVolume, volume: Volume | None) -> Finding:
    state = f" (it is {volume.state})" if volume is not None else ""
    words = f"The replica of {replica.disk} is not in the cloud{state}"
    name = volume.name if volume is not None else str(replica.disk)
    return Finding(Drift.VOLUME_MISSING, "volume", replica.volume_id, name, words)


def _misplaced(replica: ReplicaVolume, volume: Volume, places: _Places, sight: Sight) -> Iterator[Finding]:
    holder = volume.virtual_machine_id
    if holder in places.allowed:
        return
    job_id = places.job.job_id if places.job is not None else ""
    of = f"The replica of {replica.disk}"
    if holder is None:
        yield Finding(Drift.VOLUME_DETACHED, "volume", volume.id, volume.name, f"{of} hangs on no VM", job_id)
        return
    if holder == replica.appliance.virtual_machine_id:
        words = f"{of} is the disk of a failed-over VM, and hangs on its appliance"
        yield Finding(Drift.VOLUME_ON_APPLIANCE, "volume", volume.id, volume.name, words, job_id)
        return
    machine = sight.machines.get(holder)
    name = f"{machine.name} ({holder})" if machine is not None else holder
    words = f"{of} hangs on VM {name}, which has no business with it"
    yield Finding(Drift.FOREIGN_ATTACH, "volume", volume.id, volume.name, words, job_id)
