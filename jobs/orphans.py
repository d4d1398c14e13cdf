"""This will find what jobs left in a cloud and nobody owns, and prove by the journal whose it is; it removes nothing.

An orphan carries the marker of a job (in its name or tag) or is named by a journal, and no job works on it any more.
It may be removed only when the journal of that very job proves that the job made it, and when nothing hangs on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from cloudstack import Gateway, Snapshot, VirtualMachine, Volume
from inventory.models import Appliance, ReplicaState, ReplicaVolume, TargetCloud
from jobs.engine import windows
from jobs.made import GONE, Kind, made_by
from jobs.models import FailoverJob, JobState, JobType, Outcome, PlanKind, Step
from jobs.plans.specification import Strategy
from jobs.sight import Sight, look_at

TAG = "failover-job"
_AT_REST = {
    Kind.MACHINE: frozenset({"Stopped", "Error"}),
    Kind.VOLUME: frozenset({"Ready", "Allocated"}),
    Kind.SNAPSHOT: frozenset({"BackedUp", "Error"}),
}
# The names that our plans give to volumes and snapshots; names of VMs have no shape of their own.
_SHAPE = re.compile(r"(?P<marker>[0-9a-f]{8})-(clone|test|rollback)-disk\d+")
_IN_SERVICE = frozenset({Outcome.SUCCEEDED, Outcome.COMMITTED})
_NAMES = {
    "deploy_target": (Kind.MACHINE, "vm_name"),
    "take_snapshot": (Kind.SNAPSHOT, "snapshot_name"),
    "create_clone": (Kind.VOLUME, "clone_name"),
}


@dataclass(frozen=True)
class Orphan:
    """One thing in the cloud. `proof` says how the journal proves it ours; `obstacle` why it is not removed."""

    kind: Kind
    id: str
    name: str
    job: FailoverJob | None
    proof: str = ""
    obstacle: str = ""

    @property
    def may_go(self) -> bool:
        """Whether it is proved ours and nothing stands against its removal."""
        return bool(self.proof) and not self.obstacle

    def __str__(self) -> str:
        of = f" of job {self.job.job_id}" if self.job is not None else ""
        return f"{self.kind.replace('_', ' ')} {self.name} ({self.id}){of}"


@dataclass(frozen=True)
class _Claim:
    """What a journal says that its job made, or tried to make (then without an id)."""

    job: FailoverJob
    step_key: str
    volume_id: str = ""


@dataclass(frozen=True)
class _Journals:
    """The journals of all jobs of one cloud, by what they name."""

    by_id: Mapping[tuple[Kind, str], _Claim]
    by_name: Mapping[tuple[Kind, str], _Claim]
    by_marker: Mapping[str, FailoverJob]


def find_orphans(*, gateway: Gateway, cloud: TargetCloud, sight: Sight | None = None) -> list[Orphan]:
    """Give the orphans of a cloud in the order in which they may go: volumes, VMs, snapshots. Raises CloudError.

    `sight` is what was read of the cloud already; without it the cloud is read here.
    """
    seen = sight or look_at(gateway)
    # After the cloud: whatever a job made by then, its journal held the intention before.
    journals = _read_journals(cloud)
    found: list[Orphan] = []
    for volume in seen.volumes.values():
        found += _judged(gateway, journals, Kind.VOLUME, volume)
    for machine in seen.machines.values():
        found += _judged(gateway, journals, Kind.MACHINE, machine)
    for snapshot in seen.snapshots.values():
        found += _judged(gateway, journals, Kind.SNAPSHOT, snapshot)
    return found


def look_again(orphan: Orphan, *, gateway: Gateway) -> Orphan:
    """Read the thing and its job a second time, just before it goes; raises CloudError, FailoverJob.DoesNotExist."""
    thing = read(gateway, kind=orphan.kind, id=orphan.id)
    if thing is None or orphan.job is None:
        return orphan
    job = FailoverJob.objects.select_related("vm").get(pk=orphan.job.pk)
    if job.state != JobState.FINISHED:
        return replace(orphan, obstacle="its job works on it again")
    return replace(orphan, obstacle=_obstacle(gateway, thing, job))


def read(gateway: Gateway, *, kind: Kind, id: str) -> Volume | VirtualMachine | Snapshot | None:
    """Give the thing as the cloud shows it now, None when it is gone."""
    match kind:
        case Kind.VOLUME:
            found: Volume | VirtualMachine | Snapshot | None = gateway.volume(id)
        case Kind.MACHINE:
            found = gateway.virtual_machine(id)
        case Kind.SNAPSHOT:
            found = gateway.snapshot(id)
    return None if found is None or found.state in GONE[kind] else found


def _read_journals(cloud: TargetCloud) -> _Journals:
    jobs = {job.pk: job for job in FailoverJob.objects.filter(endpoint=str(cloud.uuid)).select_related("vm")}
    steps = Step.objects.filter(
        plan__job__in=jobs, plan__kind=PlanKind.FORWARD, command__in=_NAMES, attempts_made__gt=0
    )
    by_id: dict[tuple[Kind, str], _Claim] = {}
    by_name: dict[tuple[Kind, str], _Claim] = {}
    for step in steps.select_related("plan"):
        job = jobs[step.plan.job_id]
        kind, name = _NAMES[step.command]
        by_name[kind, step.arguments[name].casefold()] = _Claim(job, step.key, step.arguments.get("volume_id", ""))
        by_id |= {(made.kind, made.id): _Claim(job, step.key, made.volume_id) for made in made_by([step])}
    return _Journals(by_id=by_id, by_name=by_name, by_marker={job.marker: job for job in jobs.values()})


def _judged(
    gateway: Gateway, journals: _Journals, kind: Kind, thing: Volume | VirtualMachine | Snapshot
) -> Iterable[Orphan]:
    """Give nothing for what is gone, owned, in service or none of ours; else what it is and whether it may go."""
    if thing.state in GONE[kind]:
        return
    claim = journals.by_id.get((kind, thing.id))
    proof = f"step {claim.step_key} made it" if claim is not None else ""
    if claim is None:
        claim = journals.by_name.get((kind, thing.name.casefold()))
        if claim is not None and isinstance(thing, Snapshot) and thing.volume_id != claim.volume_id:
            claim = None
        proof = f"step {claim.step_key} was to make it under this name" if claim is not None else ""
    if claim is None:
        yield from _unproved(journals, kind, thing)
        return
    if _is_owned(claim.job) or _goes_with_its_machine(thing, proof):
        return
    obstacle = _obstacle(gateway, thing, claim.job)
    yield Orphan(kind, thing.id, thing.name, claim.job, proof=proof, obstacle=obstacle)


def _unproved(journals: _Journals, kind: Kind, thing: Volume | VirtualMachine | Snapshot) -> Iterable[Orphan]:
    marker, is_ours_by_shape = _marker_of(thing)
    job = journals.by_marker.get(marker)
    if job is not None and not _is_owned(job):
        words = "it carries the job's marker, but the job's journal does not hold it"
        yield Orphan(kind, thing.id, thing.name, job, obstacle=words)
    elif job is None and is_ours_by_shape:
        yield Orphan(kind, thing.id, thing.name, None, obstacle=f"no job of this database has the marker {marker}")


def _marker_of(thing: Volume | VirtualMachine | Snapshot) -> tuple[str, bool]:
    """Give the marker that the thing carries, and whether only things of ours look so."""
    tags = getattr(thing, "tags", None) or {}
    if TAG in tags:
        return str(tags[TAG]), True
    match = _SHAPE.fullmatch(thing.name)
    if match is not None and not isinstance(thing, VirtualMachine):
        return match["marker"], True
    return thing.name.rpartition("-")[2], False


def _is_owned(job: FailoverJob) -> bool:
    """Whether a job still works, or its things are in service: a failed-over VM and its way back are no orphans."""
    return job.state != JobState.FINISHED or (job.job_type == JobType.LIVE and job.outcome in _IN_SERVICE)


def _goes_with_its_machine(thing: Volume | VirtualMachine | Snapshot, proof: str) -> bool:
    """Whether it is a placeholder on its VM: it is removed with the VM, which is listed itself."""
    return isinstance(thing, Volume) and proof == "step deploy made it" and thing.virtual_machine_id is not None


def _obstacle(gateway: Gateway, thing: Volume | VirtualMachine | Snapshot, job: FailoverJob) -> str:
    """Say why a thing that is ours must stay; nothing when it may go."""
    match thing:
        case Volume():
            return _obstacle_of_volume(thing) or _unrest(Kind.VOLUME, thing.state)
        case VirtualMachine():
            return _obstacle_of_machine(gateway, thing, job) or _unrest(Kind.MACHINE, thing.state)
        case Snapshot():
            return _obstacle_of_snapshot(gateway, thing, job) or _unrest(Kind.SNAPSHOT, thing.state)


def _unrest(kind: Kind, state: str) -> str:
    return "" if state in _AT_REST[kind] else f"it is {state}"


def _obstacle_of_volume(volume: Volume) -> str:
    if ReplicaVolume.objects.filter(volume_id=volume.id).exists():
        return "it is a replica; replicas are never deleted"
    if volume.virtual_machine_id is not None:
        return f"it hangs on VM {volume.virtual_machine_id}"
    return ""


def _obstacle_of_machine(gateway: Gateway, machine: VirtualMachine, job: FailoverJob) -> str:
    if Appliance.objects.filter(virtual_machine_id=machine.id).exists():
        return "it is an appliance; appliances are never removed"
    placeholders = Step.objects.filter(plan__job=job, command="deploy_target").values_list("result", flat=True)
    own = {result.get("root_volume_id") for result in placeholders}
    strange = [volume.name for volume in gateway.volumes_of(machine.id) if volume.id not in own]
    return f"disks hang on it: {', '.join(strange)}" if strange else ""


def _obstacle_of_snapshot(gateway: Gateway, snapshot: Snapshot, job: FailoverJob) -> str:
    """Keep what may be the last good copy: a snapshot of a replica that was booted, or is not at its place."""
    if job.specification["strategy"] in {Strategy.CLONE, Strategy.DETACHED_CLONE}:
        return ""
    left = windows.left_by(job)
    if left is not None and left.kind == PlanKind.FORWARD:
        return "an operator chose to leave everything of this job where it is"
    replica = ReplicaVolume.objects.filter(volume_id=snapshot.volume_id or "").select_related("appliance").first()
    if replica is None:
        return "its disk is no replica of the inventory, so that it cannot be told whether it is still needed"
    if replica.state != ReplicaState.GOOD:
        return f"it is kept until its replica is verified ({replica.state})"
    volume = gateway.volume(replica.volume_id)
    if volume is None or volume.virtual_machine_id != replica.appliance.virtual_machine_id:
        return "its replica does not hang on its appliance"
    return ""
