"""A failover is left where it was, and a later one works on its replica: from then on it is that one's."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from inventory.models import ReplicaState, ReplicaVolume
from jobs import verbs
from jobs.cleanup import clean_up, cleanup_preview
from jobs.models import FailoverJob, JobState, JobType
from tests.support.choices import by_hand, disk_of
from tests.support.scenes import Scene, scene
from tests.support.service import describe
from tests.support.telling import answer, carry_on, for_seconds
from tests.support.worlds import Before, assert_waits_for_operator, remember

pytestmark = pytest.mark.django_db


def _left_with_its_replica(stage: Scene, job_type: JobType) -> FailoverJob:
    """Leave a failover whose target VM holds the replica."""
    if job_type == JobType.LIVE:
        stage.simulator.faults.add(Fault("startVirtualMachine", "fail", times=3))
        job = stage.service.start_live("vm-one")
    else:
        stage.simulator.faults.add(Fault("startVirtualMachine", "own_id"))
        job = stage.service.start_test("vm-one", custom_config={"test_strategy": "boot_and_revert"})
    carry_on(stage)
    answer(stage, job, "leave")
    carry_on(stage)
    for_seconds(stage, 60.0)
    return job


def _target_of(job: FailoverJob) -> str:
    """Give the VM that the job made."""
    return str(job.plans.get().steps.get(key="deploy").result["vm_id"])


def _bring_home_and_replicate(stage: Scene, replica: str, before: Before) -> None:
    volume = stage.simulator.volume(replica)
    assert volume is not None
    by_hand(stage, "stopVirtualMachine", id=volume.vm_id, forced="true")
    stage.service.clock.stepped.advance(10.0)
    by_hand(stage, "detachVolume", id=replica)
    appliance, device = before.places[replica]
    by_hand(stage, "attachVolume", id=replica, virtualmachineid=appliance, deviceid=device)
    assert stage.simulator.appliance_writes(replica, "full-2")
    ReplicaVolume.objects.filter(volume_id=replica).update(state=ReplicaState.GOOD)


@pytest.mark.parametrize("job_type", JobType.values)
def test_a_replica_that_a_later_failover_has_detached_is_not_reverted_by_an_older_one(job_type: JobType) -> None:
    stage = scene()
    before = remember(stage.simulator)
    older = _left_with_its_replica(stage, job_type)
    replica = disk_of(older, 0)
    target = _target_of(older)
    _bring_home_and_replicate(stage, replica, before)
    stage.simulator.faults.add(Fault("createSnapshot", "own_id"))
    later = stage.service.start_live("vm-one")
    carry_on(stage)
    assert_waits_for_operator(later, kind="foreign_job_id")
    answer(stage, later, "leave")
    carry_on(stage)

    if job_type == JobType.LIVE:
        verbs.roll_back(engine=stage.service.engine, job_id=older.job_id, typed_name=older.vm_name, actor="olga")
    else:
        shown = cleanup_preview(engine=stage.service.engine, job=older)
        assert not [title for title in shown["steps"] if "Revert" in title or "appliance" in title], shown
        clean_up(engine=stage.service.engine, job=older, actor="olga")
    carry_on(stage)

    older.refresh_from_db()
    assert older.state == JobState.FINISHED, describe(older)
    volume = stage.simulator.volume(replica)
    assert volume is not None
    assert (volume.content, volume.vm_id) == (("appliance:full-2",), None), describe(older)
    assert stage.simulator.vm(target) is None, "what the older one made is removed all the same"
