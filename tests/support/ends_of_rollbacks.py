"""Judge how a live failover ended that was rolled back or committed: world, inventory and journal."""

from __future__ import annotations

from inventory.models import ReplicaState, ReplicaVolume
from jobs.models import FailoverJob, JobStatus, Outcome
from jobs.plans.specification import FailoverSpecification
from tests.support.scenes import Scene
from tests.support.service import describe
from tests.support.worlds import Before, assert_others_untouched, assert_released


def assert_rolled_back(stage: Scene, job: FailoverJob, before: Before) -> None:
    """Every replica hangs where it hung with what it held, unverified; the VM is gone; the rollback points stay."""
    job.refresh_from_db()
    assert (job.outcome, job.status) == (Outcome.ROLLED_BACK, JobStatus.FAILED), describe(job)
    assert_others_untouched(stage.simulator, before, but=())
    assert _machines(stage) == before.machines, describe(job)
    states = set(ReplicaVolume.objects.filter(disk__vm=job.vm).values_list("state", flat=True))
    assert states == {ReplicaState.UNVERIFIED}, describe(job)
    assert len(_points(stage, job)) == len(FailoverSpecification.from_json(job.specification).disks), describe(job)
    assert stage.hook.held == {}, describe(job)
    assert_released(job)


def assert_committed(stage: Scene, job: FailoverJob) -> None:
    """The VM runs on its disks, and nothing is left of the way back."""
    job.refresh_from_db()
    assert (job.outcome, job.status) == (Outcome.COMMITTED, JobStatus.COMPLETED), describe(job)
    target = stage.simulator.vm(job.destination_vm_id)
    assert target is not None, describe(job)
    assert target.state == "Running", describe(job)
    spec = FailoverSpecification.from_json(job.specification)
    assert dict(target.volumes) == {disk.target_device_id: disk.volume_id for disk in spec.disks}, describe(job)
    assert _points(stage, job) == [], describe(job)
    states = set(ReplicaVolume.objects.filter(disk__vm=job.vm).values_list("state", flat=True))
    assert states == {ReplicaState.HANDED_OVER}, describe(job)
    assert_released(job)


def _machines(stage: Scene) -> frozenset[str]:
    return frozenset(vm.id for vm in stage.simulator.vms() if vm.state not in {"Destroyed", "Expunging"})


def _points(stage: Scene, job: FailoverJob) -> list[str]:
    return [point.name for point in stage.simulator.snapshots() if point.name.startswith(job.marker)]
