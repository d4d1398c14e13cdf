"""This will tell which older snapshots of a VM's disks this service knows: whole sets that one of its jobs cut.

They are what is left to go on from when the replica itself was torn by a sync that never ended. The journal names them;
whether they are still good the cloud is asked just before they are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cloudstack import CloudError, Gateway
from inventory.models import ProtectedVM, ReplicaVolume
from jobs.errors import CloudNotUsable, ContradictoryOptions
from jobs.made import REMOVED_EVENT, End, Kind, end_of, made_by
from jobs.models import FailoverJob, JobEvent, JobState, JobType, Outcome, PlanKind, Step, StepState
from jobs.plans.specification import FailoverSpecification
from validation.facts import OlderPoint

FIELD = "from_snapshots_of"
# The event of a test that was made of older snapshots.
CHOSEN = "older_snapshots_chosen"
_GOOD = "BackedUp"
_MOST_JOBS = 20


@dataclass(frozen=True)
class SnapshotSet:
    """One snapshot of each disk, of one point: the snapshot's id by the volume's, and who cut them when."""

    job_id: str
    taken_at: datetime
    snapshots: Mapping[str, str]
    change_ids: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """Give it as an event and a status show it."""
        return {
            "job_id": self.job_id,
            "taken_at": self.taken_at.isoformat(),
            "disks": [
                {"volume_id": volume, "snapshot_id": snapshot, "change_id": self.change_ids.get(volume) or None}
                for volume, snapshot in self.snapshots.items()
            ],
        }


def sets_of(vm: ProtectedVM) -> list[SnapshotSet]:
    """Give the sets that cover every disk of the VM as it is now, the newest first; asks no cloud."""
    volumes = set(ReplicaVolume.objects.filter(disk__vm=vm).values_list("volume_id", flat=True))
    at_rest = FailoverJob.objects.filter(vm=vm, state__in=[JobState.FINISHED, JobState.WINDOW_OPEN])
    jobs = at_rest.exclude(outcome=Outcome.COMMITTED).order_by("-created_at", "-id")[:_MOST_JOBS]
    found = [_set_of(job) for job in jobs]
    return [one for one in found if one is not None and volumes and set(one.snapshots) == volumes]


def older_points_of(vm: ProtectedVM) -> tuple[OlderPoint, ...]:
    """Tell validation, which knows no jobs, from which older points a test may go on."""
    return tuple(OlderPoint(job_id=one.job_id, taken_at=one.taken_at) for one in sets_of(vm))


def chosen_set(vm: ProtectedVM, *, job_id: str, gateway: Gateway) -> SnapshotSet:
    """Give the set of that job, after the cloud showed each snapshot of it as good; reads the cloud.

    Raises ContradictoryOptions where there is no such set or it is not whole any more, CloudNotUsable.
    """
    known = {one.job_id: one for one in sets_of(vm)}
    if job_id not in known:
        others = ", ".join(known) or "none"
        raise ContradictoryOptions(
            field=f"custom_config.{FIELD}",
            why=f"Job {job_id} left no whole set of snapshots of this VM's disks.",
            to_do=f"Name a job that did: {others}",
        )
    chosen = known[job_id]
    try:
        bad = [snapshot for volume, snapshot in chosen.snapshots.items() if not _is_good(gateway, snapshot, volume)]
    except CloudError as error:
        raise CloudNotUsable(f"It can't be read whether the snapshots of {job_id} exist: {error}") from error
    if bad:
        raise ContradictoryOptions(
            field=f"custom_config.{FIELD}",
            why=f"Snapshots of job {job_id} are gone or not {_GOOD} in the cloud: {', '.join(bad)}.",
            to_do="Name another set: all disks must be of one point",
        )
    return chosen


def with_snapshots(spec: FailoverSpecification, chosen: SnapshotSet) -> FailoverSpecification:
    """Give the specification of a test that copies these snapshots instead of fresh ones."""
    disks = tuple(replace(disk, snapshot_id=chosen.snapshots[disk.volume_id]) for disk in spec.disks)
    taken_at = f"{chosen.taken_at:%Y-%m-%d %H:%M:%S} UTC"
    return replace(spec, disks=disks, snapshots_by=chosen.job_id, snapshots_at=taken_at)


def _is_good(gateway: Gateway, snapshot_id: str, volume_id: str) -> bool:
    snapshot = gateway.snapshot(snapshot_id)
    return snapshot is not None and snapshot.state == _GOOD and snapshot.volume_id in {None, volume_id}


def _set_of(job: FailoverJob) -> SnapshotSet | None:
    """Give what the job cut and nobody removed; None when that is not a whole set of one point (rule 7)."""
    steps = list(Step.objects.filter(plan__job=job).select_related("plan").order_by("plan__number", "position"))
    forward = [step for step in steps if step.plan.kind == PlanKind.FORWARD]
    cuts = [step for step in forward if step.command == "take_snapshot"]
    if not cuts or any(step.state != StepState.DONE for step in cuts) or not _is_of_one_point(job, forward):
        return None
    gone = set(JobEvent.objects.filter(job=job, kind=REMOVED_EVENT).values_list("fields__id", flat=True))
    standing = [
        made
        for made in made_by(cuts)
        if made.kind == Kind.SNAPSHOT
        and made.id not in gone
        and end_of(made, job=job, steps=steps).end not in {End.REMOVED, End.BEING_REMOVED}
    ]
    if len(standing) != len(cuts):
        return None
    taken = [step.finished_at for step in cuts if step.finished_at is not None]
    return SnapshotSet(
        job_id=job.job_id,
        taken_at=max(taken),
        snapshots={made.volume_id: made.id for made in standing},
        change_ids={str(disk["volume_id"]): str(disk["change_id"]) for disk in job.specification.get("disks", [])},
    )


def _is_of_one_point(job: FailoverJob, forward: Sequence[Step]) -> bool:
    """A live failover cuts detached disks of a held replica; a test proves that no sync ran in between."""
    if job.job_type == JobType.LIVE or any(step.command == "promise_revert" for step in forward):
        return True
    return any(step.command == "check_set" and step.state == StepState.DONE for step in forward)
