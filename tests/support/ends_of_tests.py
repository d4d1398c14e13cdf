"""Judge how a test failover stands or ended: in its window, removed, undone, or waiting; by rule, world and journal."""

from __future__ import annotations

from inventory.models import ReplicaState, ReplicaVolume, VMReservation
from jobs.models import FailoverJob, JobState, Outcome, StepAttempt
from jobs.plans.specification import FailoverSpecification, Strategy
from tests.support.scenes import Scene
from tests.support.service import describe
from tests.support.worlds import Before, assert_all_back, assert_others_untouched, assert_released


def assert_in_window(stage: Scene, job: FailoverJob, before: Before) -> None:
    """The test VM runs in its test networks, on disks that hold what the replicas held; nothing else was made."""
    job.refresh_from_db()
    assert job.state == JobState.WINDOW_OPEN, describe(job)
    spec = FailoverSpecification.from_json(job.specification)
    target = stage.simulator.vm(job.destination_vm_id)
    assert target is not None, describe(job)
    assert (target.state, target.running_on_hypervisor) == ("Running", True), describe(job)
    assert [nic.network_id for nic in target.nics] == [nic.network_id for nic in spec.nics]
    for disk in spec.disks:
        runs_on = stage.simulator.volume(target.volumes[disk.target_device_id])
        assert runs_on is not None, describe(job)
        assert (runs_on.id == disk.volume_id) == spec.boots_replicas, describe(job)
        assert runs_on.holders == {target.id}, describe(job)
        assert runs_on.content == (*before.contents[disk.volume_id], f"boot:{target.id}:1"), describe(job)
    _assert_cut(stage, job, before)
    _assert_made(stage, job, before, machines={target.id}, volumes=set(target.volumes.values()))
    booted = {disk.volume_id for disk in spec.disks} if spec.boots_replicas else set()
    assert_others_untouched(stage.simulator, before, but=booted)
    assert (job.vm.vm_id in stage.hook.held) == (spec.boots_replicas and _is_hooked(job)), describe(job)
    assert VMReservation.objects.filter(reference=job.job_id).exists() == spec.boots_replicas, describe(job)


def assert_removed(stage: Scene, job: FailoverJob, before: Before, *, outcome: Outcome) -> None:
    """Nothing of the test is left, the replicas are as they were; booted ones are unverified and keep a snapshot."""
    job.refresh_from_db()
    spec = FailoverSpecification.from_json(job.specification)
    assert stage.hook.held == {}, describe(job)
    states = set(ReplicaVolume.objects.filter(disk__vm=job.vm).values_list("state", flat=True))
    if spec.strategy == Strategy.BOOT_AND_REVERT and _may_have_run(job):
        assert job.outcome == outcome, describe(job)
        assert_others_untouched(stage.simulator, before, but=())
        assert states == {ReplicaState.UNVERIFIED}, describe(job)
        _assert_cut(stage, job, before)
        _assert_made(stage, job, before, machines=set(), volumes=set())
        assert_released(job)
        return
    assert states == {ReplicaState.GOOD}, describe(job)
    assert_all_back(stage.simulator, job, before, outcome=outcome)


def ours(stage: Scene, job: FailoverJob) -> set[str]:
    """Give the names of everything in the cloud that carries the job's marker."""
    named = [(vm.name, vm.state) for vm in stage.simulator.vms()]
    named += [(volume.name, volume.state) for volume in stage.simulator.volumes()]
    named += [(point.name, point.state) for point in stage.simulator.snapshots()]
    return {name for name, state in named if job.marker in name and state not in {"Destroyed", "Expunging"}}


def _may_have_run(job: FailoverJob) -> bool:
    """Whether the test VM was told to start and this was not refused."""
    starts = StepAttempt.objects.filter(step__plan__job=job, step__command="start_target")
    return any(attempt.answer.get("kind") not in {"refused", "not_sent"} for attempt in starts)


def _is_hooked(job: FailoverJob) -> bool:
    return bool(job.vm.appliance.hook_url)


def _assert_cut(stage: Scene, job: FailoverJob, before: Before) -> None:
    """Each disk has exactly one good snapshot of the job, with what the replica held."""
    spec = FailoverSpecification.from_json(job.specification)
    cut = [point for point in stage.simulator.snapshots() if point.name.startswith(job.marker)]
    assert sorted((point.volume_id, point.state, point.content, point.torn) for point in cut) == sorted(
        (disk.volume_id, "BackedUp", before.contents[disk.volume_id], False) for disk in spec.disks
    ), describe(job)


def _assert_made(stage: Scene, job: FailoverJob, before: Before, *, machines: set[str], volumes: set[str]) -> None:
    """Of VMs and volumes that were not there before, exactly these are there now."""
    there = {vm.id for vm in stage.simulator.vms() if vm.state not in {"Destroyed", "Expunging"}}
    assert there - before.machines == machines, describe(job)
    copies = {
        volume.id for volume in stage.simulator.volumes() if not volume.replica and volume.vm_id not in before.machines
    }
    replicas = set(before.places)
    assert copies == volumes - replicas, describe(job)
