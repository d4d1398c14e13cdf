"""This will prove which differences between books and cloud are told, and that looking changes nothing."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from cloudstack_simulator.records import Machine, Volume
from inventory.models import ReplicaVolume
from jobs.models import FailoverJob, JobState, Step
from jobs.verification.findings import Drift, Finding, Weight
from jobs.verification.world import verify_cloud
from networks.models import NetworkMapping
from tests.support.scenes import Scene, scene

pytestmark = pytest.mark.django_db

VM = "vm-one"


def _found(stage: Scene) -> list[Finding]:
    cloud = stage.inventory.cloud
    calls = len(stage.simulator.calls.mutating())
    found = verify_cloud(gateway=stage.service.gateway(cloud), cloud=cloud)
    assert len(stage.simulator.calls.mutating()) == calls, "looking must change nothing"
    return found


def _only(stage: Scene) -> Finding:
    (finding,) = _found(stage)
    assert finding.words and finding.what_to_do
    return finding


def _live(stage: Scene) -> FailoverJob:
    job = stage.service.start_live(VM)
    stage.service.run()
    job.refresh_from_db()
    return job


def _in_window(stage: Scene, vm_id: str = VM) -> FailoverJob:
    job = stage.service.start_test(vm_id)
    stage.service.run(until=lambda: FailoverJob.objects.filter(pk=job.pk, state=JobState.WINDOW_OPEN).exists())
    job.refresh_from_db()
    return job


def _replica(stage: Scene) -> Volume:
    row = ReplicaVolume.objects.get(disk__vm__vm_id=VM)
    return stage.simulator.cloud.world.volumes[row.volume_id]


def _machine(stage: Scene, job: FailoverJob) -> Machine:
    return stage.simulator.cloud.world.machines[job.destination_vm_id]


def test_an_untouched_world_agrees() -> None:
    assert _found(scene()) == []


def test_a_failed_over_vm_a_test_in_its_window_and_a_cleaned_up_test_agree() -> None:
    stage = scene()
    job = _in_window(stage)
    assert _found(stage) == []
    stage.service.clean_up(job)
    stage.service.run()
    assert _found(stage) == []
    _live(stage)
    assert _found(stage) == []


def test_at_no_moment_of_a_failover_is_there_drift() -> None:
    stage = scene()
    stage.service.start_live(VM)
    seen: list[Finding] = []
    stage.service.run(at_each_step=lambda: seen.extend(_found(stage)))
    assert seen == []


def test_at_no_moment_of_a_test_and_its_cleanup_is_there_drift() -> None:
    stage = scene()
    seen: list[Finding] = []
    job = _in_window(stage)
    stage.service.clean_up(job)
    stage.service.run(at_each_step=lambda: seen.extend(_found(stage)))
    assert seen == []


def test_a_replica_that_is_gone_is_an_alarm() -> None:
    stage = scene()
    _replica(stage).removed = True

    finding = _only(stage)

    assert (finding.drift, finding.weight) == (Drift.VOLUME_MISSING, Weight.ALARM)


def test_a_replica_on_a_strange_vm_names_the_vm() -> None:
    stage = scene()
    stranger = _in_window(stage, "vm-two")
    volume = _replica(stage)
    volume.vm_id = stranger.destination_vm_id

    finding = _only(stage)

    assert (finding.drift, finding.id) == (Drift.FOREIGN_ATTACH, volume.id)
    assert stranger.destination_vm_id in finding.words


def test_a_replica_that_hangs_nowhere_is_told() -> None:
    stage = scene()
    _replica(stage).vm_id = None

    assert _only(stage).drift == Drift.VOLUME_DETACHED


@pytest.mark.slow
def test_a_disk_that_was_taken_from_a_failed_over_vm_is_an_alarm() -> None:
    stage = scene()
    job = _live(stage)
    _replica(stage).vm_id = stage.inventory.vms["one"].appliance.virtual_machine_id

    finding = _only(stage)

    assert (finding.drift, finding.job_id) == (Drift.VOLUME_ON_APPLIANCE, job.job_id)


@pytest.mark.parametrize(("state", "drift"), [("Stopped", Drift.APPLIANCE_STOPPED), (None, Drift.APPLIANCE_MISSING)])
def test_an_appliance_that_is_stopped_or_gone_is_told(state: str | None, drift: Drift) -> None:
    stage = scene()
    machine = stage.simulator.cloud.world.machines[stage.inventory.vms["one"].appliance.virtual_machine_id]
    if state is None:
        machine.removed = True
    else:
        machine.state = state

    assert _only(stage).drift == drift


def test_a_failed_over_vm_that_lost_its_protection_its_name_or_its_way_back_is_told() -> None:
    stage = scene()
    job = _live(stage)
    machine = _machine(stage, job)
    machine.delete_protection = False
    machine.name = "somebody-renamed-me"
    stage.simulator.cloud.world.snapshots[job.snapshot_id].removed = True

    found = {finding.drift: finding for finding in _found(stage)}

    assert set(found) == {Drift.VM_UNPROTECTED, Drift.RENAMED, Drift.SNAPSHOT_MISSING}
    assert {finding.job_id for finding in found.values()} == {job.job_id}


def test_a_test_vm_that_somebody_destroyed_is_told() -> None:
    stage = scene()
    job = _in_window(stage)
    _machine(stage, job).removed = True

    assert Drift.VM_MISSING in {finding.drift for finding in _found(stage)}


def test_a_network_that_mappings_name_and_nobody_has_is_told_once() -> None:
    stage = scene()
    NetworkMapping.objects.filter(is_test_network=True).update(destination_network_id="gone")

    finding = _only(stage)

    assert (finding.drift, finding.id) == (Drift.NETWORK_MISSING, "gone")


def test_an_orphan_is_told_with_its_proof_and_one_in_doubt_with_its_obstacle() -> None:
    stage = scene()
    job = _in_window(stage)
    FailoverJob.objects.filter(pk=job.pk).update(state="finished", outcome="failed", status="failed")

    found = {finding.subject: finding.drift for finding in _found(stage)}

    assert found == {
        "snapshot": Drift.ORPHAN,
        "volume": Drift.LEFTOVER_IN_DOUBT,
        "virtual machine": Drift.LEFTOVER_IN_DOUBT,
    }


def test_what_no_job_of_this_database_made_is_told_and_never_called_ours() -> None:
    stage = scene()
    job = _in_window(stage)
    Step.objects.filter(plan__job=job).delete()
    FailoverJob.objects.filter(pk=job.pk).update(endpoint="another cloud")

    assert {finding.drift for finding in _found(stage)} == {Drift.UNKNOWN_MARKER}


def test_the_worst_comes_first() -> None:
    stage = scene()
    job = _in_window(stage)
    FailoverJob.objects.filter(pk=job.pk).update(state="finished", outcome="failed", status="failed")
    _replica(stage).removed = True

    assert next(finding.weight for finding in _found(stage)) == Weight.ALARM


def test_a_failover_that_undid_itself_leaves_no_drift() -> None:
    stage = scene()
    stage.simulator.faults.add(Fault("attachVolume", "refuse", times=5))
    stage.service.start_live(VM)
    stage.service.run()

    assert _found(stage) == []
