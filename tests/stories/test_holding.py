"""How replication is held while the copies of a test are cut: exactly so long, and through trouble with the hook."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from inventory.models import HoldMethod
from jobs import services
from jobs.models import JobState, Outcome, Phase
from jobs.plans.specification import FailoverSpecification
from tests.support.ends_of_tests import assert_in_window, assert_removed
from tests.support.first_everywhere import first_everywhere
from tests.support.hook import Trouble
from tests.support.scenes import scene
from tests.support.service import describe
from tests.support.telling import answer, carry_on, for_seconds, until_called, until_done
from tests.support.worlds import assert_waits_for_operator, remember

pytestmark = pytest.mark.django_db


@pytest.mark.slow
def test_a_sync_waits_while_the_set_is_cut_and_goes_on_right_after() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-two")

    until_called(stage, "createSnapshot")
    assert stage.hook.begin_run("vm-two") is None
    until_done(stage, job, "release")
    run = stage.hook.begin_run("vm-two")
    assert run is not None
    stage.hook.end_run("vm-two", run)
    carry_on(stage)

    job.refresh_from_db()
    assert job.state == JobState.WINDOW_OPEN, describe(job)
    # What is written after the cut is on the replica and not on the test's copies.
    spec = FailoverSpecification.from_json(job.specification)
    target = stage.simulator.vm(job.destination_vm_id)
    assert target is not None
    for disk in spec.disks:
        copy, replica = (
            stage.simulator.volume(target.volumes[disk.target_device_id]),
            stage.simulator.volume(disk.volume_id),
        )
        assert copy is not None
        assert replica is not None
        assert copy.content == (*before.contents[disk.volume_id], f"boot:{target.id}:1")
        assert replica.content[-1] == f"appliance:{run}"


def test_replication_is_held_no_longer_than_the_snapshots_need() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    job = stage.service.start_test("vm-two")
    until_called(stage, "createVolume")

    assert stage.hook.held == {}
    steps = {step.key: step for step in job.plans.get(kind="forward").steps.all()}
    cut = max(steps[key].finished_at for key in ("snapshot-disk0", "snapshot-disk1"))  # type: ignore[type-var]
    assert steps["release"].started_at is not None
    assert cut is not None
    assert (steps["release"].started_at - cut).total_seconds() < 0.5


@pytest.mark.slow
def test_a_hook_that_falls_silent_while_it_is_told_to_hold_becomes_a_question() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    stage.hook.misbehave("silent", nth=2)
    job = stage.service.start_test("vm-one")
    for_seconds(stage, 1800.0)
    assert_waits_for_operator(job, kind="unclear")

    services.cancel(engine=stage.service.engine, job_id=job.job_id, actor="olga")
    for_seconds(stage, 600.0)
    job.refresh_from_db()
    # Whether it holds is not known, so the job does not say that it has ended.
    assert job.state != JobState.FINISHED
    stage.hook.behave()
    answer(stage, job, "look_again")
    carry_on(stage)

    assert_removed(stage, job, before, outcome=Outcome.CANCELLED)


ONCE: tuple[Trouble, ...] = ("silent", "lost", "error", "nonsense", "killed_before", "killed_after")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["clone", "boot_and_revert"])
@pytest.mark.parametrize("action", ["hold", "release", "state"])
@pytest.mark.parametrize("trouble", first_everywhere(ONCE))
def test_one_trouble_with_the_hook_changes_nothing(strategy: str, action: str, trouble: Trouble) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    stage.hook.misbehave(trouble, action=action, times=1)
    job = stage.service.start_test("vm-one", custom_config={"test_strategy": strategy})
    carry_on(stage)
    assert_in_window(stage, job, before)
    stage.service.clean_up(job)
    carry_on(stage)

    assert stage.hook.troubled == [trouble]
    assert_removed(stage, job, before, outcome=Outcome.SUCCEEDED)


def test_a_snapshot_that_the_cloud_forbids_after_the_start_undoes_the_test_and_is_told() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("createSnapshot", "refuse", nth=2, error_code=530, times=10))

    job = stage.service.start_test("vm-two")
    carry_on(stage)

    assert_removed(stage, job, before, outcome=Outcome.FAILED)
    assert "530" in job.error_message


@pytest.mark.slow
def test_a_cloud_without_snapshots_of_running_vms_gets_detached_copies_by_itself() -> None:
    stage = scene("no-running-snapshots", hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    name = next(iter(stage.inventory.vms.values())).vm_id

    job = stage.service.start_test(name)
    carry_on(stage)

    assert job.specification["strategy"] == "detached_clone"
    assert_in_window(stage, job, before)
    stage.service.clean_up(job)
    carry_on(stage)
    assert_removed(stage, job, before, outcome=Outcome.SUCCEEDED)


@pytest.mark.slow
def test_a_cut_that_hangs_waits_with_a_question_and_replication_stays_held() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    stage.simulator.faults.add(Fault("createSnapshot", "hang"))
    job = stage.service.start_test("vm-one")

    carry_on(stage)

    assert_waits_for_operator(job, kind="endless_job")
    assert stage.hook.held == {"vm-one": job.job_id}
    assert job.status == Phase.SNAPSHOTTING


def test_an_engine_that_calls_a_vm_held_in_the_midst_of_a_sync_is_waited_for() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    # Between the safety checks and the hold, which comes late since the hook was silent once.
    stage.hook.misbehave("silent", action="state", times=1)
    job = stage.service.start_live("vm-one")
    until_called(stage, "deployVirtualMachine")
    run = stage.hook.begin_run("vm-one")
    assert run is not None
    for_seconds(stage, 20.0)

    job.refresh_from_db()
    assert stage.simulator.calls.count("createSnapshot") == 0, describe(job)
    stage.hook.end_run("vm-one", run)
    carry_on(stage)

    job.refresh_from_db()
    assert job.outcome == Outcome.SUCCEEDED, describe(job)
    assert [snapshot.torn for snapshot in stage.simulator.snapshots()] == [False]


def test_replication_is_not_called_released_because_a_run_is_reported_beside_the_hold() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    job = stage.service.start_live("vm-one")
    until_called(stage, "createSnapshot")
    # A run that was reported and never ended: its engine goes on to hold the VM.
    stage.hook.tell("vm-one", "run-9", status="replicating", percentage=10)
    services.cancel(engine=stage.service.engine, job_id=job.job_id, actor="olga")
    stage.hook.misbehave("lie", action="release", times=1)
    carry_on(stage)

    release = job.plans.get(kind="compensate").steps.get(command="release_replication")
    assert stage.hook.held != {}
    assert release.state != "done", describe(job)


def test_replication_goes_on_though_its_engine_was_wrong_about_itself() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    job = stage.service.start_test("vm-one")
    until_called(stage, "createSnapshot")
    stage.hook.misbehave("lie", action="state", times=1)
    carry_on(stage)

    job.refresh_from_db()
    assert job.state == JobState.WINDOW_OPEN, describe(job)
    assert stage.hook.held == {}
