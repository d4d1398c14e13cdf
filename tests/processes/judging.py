"""This will judge the end of a campaign: the cloud's truth against the journal, every job by the rule for its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.processes.journal import JobRecord
from tests.support.sent_by import SENT_BY

Json = dict[str, Any]
_GONE = frozenset({"Destroyed", "Expunging"})


@dataclass(frozen=True)
class World:
    """What exists in the cloud, found by what the judgement asks for."""

    vms: Mapping[str, Json]
    volumes: Mapping[str, Json]
    snapshots: Mapping[str, Json]
    deleted_volumes: Sequence[Json]
    alarms: Sequence[str]
    unfinished_jobs: Sequence[str]

    @classmethod
    def of(cls, shown: Json) -> World:
        """Read what the simulator's control route shows."""
        return cls(
            vms={vm["id"]: vm for vm in shown["vms"]},
            volumes={volume["id"]: volume for volume in shown["volumes"]},
            snapshots={snapshot["id"]: snapshot for snapshot in shown["snapshots"]},
            deleted_volumes=shown["deleted_volumes"],
            alarms=shown["alarms"],
            unfinished_jobs=shown["unfinished_jobs"],
        )

    def made_by(self, job: JobRecord) -> list[Json]:
        """Give the VMs that carry the job's marker and are not on their way out."""
        return [vm for vm in self.vms.values() if job.marker in vm["name"] and vm["state"] not in _GONE]


def judge(*, before: World, after: World, jobs: Sequence[JobRecord]) -> list[str]:
    """Give a sentence for everything that is not as it must be; nothing when all is right."""
    wrongs = [f"alarm: {alarm}" for alarm in after.alarms]
    wrongs += [f"deleted: the replica {volume['name']}" for volume in after.deleted_volumes if volume["replica"]]
    wrongs += [f"still under way in the cloud: {job}" for job in after.unfinished_jobs]
    wrongs += _doubled_disks(after)
    for job in jobs:
        wrongs += [f"{job.job_id}: {wrong}" for wrong in _wrongs_of(job, after)]
    return wrongs + list(_left_over(before, after, jobs))


def unannounced(*, calls: Mapping[str, int], attempts: Mapping[str, int]) -> list[str]:
    """Name the CloudStack commands that were sent more often than the journal has attempts for (rule 1)."""
    allowed: dict[str, int] = {}
    for command, sent in SENT_BY.items():
        allowed[sent] = allowed.get(sent, 0) + attempts.get(command, 0)
    return [
        f"{calls[sent]} calls of {sent}, but {most} attempts in the journal"
        for sent, most in allowed.items()
        if calls.get(sent, 0) > most
    ]


def _doubled_disks(after: World) -> Iterator[str]:
    for volume in after.volumes.values():
        holders = set(volume["holders"])
        said = {volume["vm_id"]} - {None}
        runs = {id for id in said if id in after.vms and after.vms[id]["running_on_hypervisor"]}
        if len(holders) > 1:
            yield f"{volume['name']} is held by {len(holders)} VMs at once"
        elif holders - said or runs - holders:
            yield f"{volume['name']}: the record says {sorted(said)}, the hypervisor {sorted(holders)}"


def _wrongs_of(job: JobRecord, after: World) -> Iterator[str]:
    if len(after.made_by(job)) > 1:
        yield f"it has {len(after.made_by(job))} VMs"
    if job.defects:
        yield f"a defect of the service: {job.defects}"
    if job.questions and job.state == "waiting_for_operator":
        return
    if job.state != "finished":
        yield f"it is {job.state} at the end"
        return
    yield from _not_given_back(job)
    yield from _succeeded(job, after) if job.outcome == "succeeded" else _undone(job, after)


def _not_given_back(job: JobRecord) -> Iterator[str]:
    for number, what in (
        (job.unfinished, "unfinished attempts"),
        (job.reservations, "reservations"),
        (job.vm_held, "holds of its VM"),
        (job.questions, "open questions"),
    ):
        if number:
            yield f"it is finished with {number} {what}"


def _succeeded(job: JobRecord, after: World) -> Iterator[str]:
    """The target runs with every disk at its place, booted once, and every disk has its rollback point."""
    results = {step.key: step.result for step in job.steps if step.state == "done" and step.plan == "forward"}
    undone = [step.key for step in job.steps if step.state != "done"]
    if undone:
        yield f"it succeeded though these steps are not done: {undone}"
    targets = after.made_by(job)
    if len(targets) != 1:
        yield f"it succeeded with {len(targets)} target VMs"
        return
    target = targets[0]
    if target["state"] != "Running" or not target["running_on_hypervisor"]:
        yield f"its target VM is {target['state']}"
    if {job.destination_vm_id, results.get("deploy", {}).get("vm_id")} != {target["id"]}:
        yield f"the journal names another target VM than {target['id']}"
    wanted = {str(disk["target_device_id"]): disk["volume_id"] for disk in job.specification["disks"]}
    if target["volumes"] != wanted:
        yield f"its target VM has {target['volumes']} instead of {wanted}"
    for disk in job.specification["disks"]:
        yield from _booted_once(after.volumes[disk["volume_id"]], target)
        yield from _rollback_point(results.get(f"snapshot-disk{disk['position']}", {}), disk, after)


def _booted_once(volume: Json, target: Json) -> Iterator[str]:
    boots = [write for write in volume["content"] if write.startswith("boot:")]
    if boots != [f"boot:{target['id']}:1"]:
        yield f"{volume['name']} was booted as {boots}"


def _rollback_point(result: Json, disk: Json, after: World) -> Iterator[str]:
    snapshot = after.snapshots.get(result.get("snapshot_id", ""))
    if snapshot is None:
        yield f"{disk['label']} has no rollback point"
    elif snapshot["volume_id"] != disk["volume_id"] or snapshot["state"] != "BackedUp" or snapshot["torn"]:
        yield f"the rollback point of {disk['label']} is {snapshot}"


def _undone(job: JobRecord, after: World) -> Iterator[str]:
    """Everything is as before the start: no VM, no snapshot, each replica on the appliance at its old place."""
    for vm in after.made_by(job):
        yield f"it was undone, but its VM {vm['name']} is {vm['state']}"
    for snapshot in after.snapshots.values():
        if job.marker in snapshot["name"]:
            yield f"it was undone, but its snapshot {snapshot['name']} is there"
    appliance = job.specification["appliance_vm_id"]
    for disk in job.specification["disks"]:
        volume = after.volumes[disk["volume_id"]]
        if (volume["vm_id"], volume["device_id"]) != (appliance, disk["appliance_device_id"]):
            yield f"{volume['name']} is on {volume['vm_id']} as {volume['device_id']}, not back on the appliance"
        if any(write.startswith("boot:") for write in volume["content"]):
            yield f"{volume['name']} was booted, yet the job says that all was undone"


def _left_over(before: World, after: World, jobs: Sequence[JobRecord]) -> Iterator[str]:
    """What was not there before must be named by a result in the journal, or be nobody's."""
    named = {value for job in jobs for step in job.steps for value in _texts(step.result.values())}
    for kind, old, present in (
        ("VM", before.vms, after.vms),
        ("volume", before.volumes, after.volumes),
        ("snapshot", before.snapshots, after.snapshots),
    ):
        for id in present.keys() - old.keys():
            if present[id]["state"] not in _GONE and id not in named:
                yield f"left over: {kind} {present[id]['name']} ({present[id]['state']}), which no journal names"
    for id in after.volumes.keys() - before.volumes.keys():
        if id in named and after.volumes[id]["vm_id"] is None:
            yield f"left over: volume {after.volumes[id]['name']}, which hangs nowhere"
    for old, present in ((before.vms, after.vms), (before.volumes, after.volumes)):
        for id in old.keys() - present.keys():
            yield f"gone: {old[id]['name']}, which was there before"


def _texts(values: Iterable[Any]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))
