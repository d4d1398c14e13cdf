"""What may go against a test while it is made: a sync in between, a hook that lies or is silent, a limit, a crowd."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from inventory.models import HoldMethod
from jobs import services
from jobs.models import FailoverJob, JobState, Outcome, Question, Step, StepState
from tests.support.ends_of_tests import assert_in_window, assert_removed
from tests.support.first_everywhere import first_everywhere
from tests.support.scenes import Scene, scene
from tests.support.service import describe
from tests.support.telling import carry_on, count_of, until_done
from tests.support.worlds import assert_never_harmed, assert_others_untouched, assert_released, remember

pytestmark = pytest.mark.django_db

CLONES = ("clone", "detached_clone")


def test_a_sync_that_starts_between_two_snapshots_throws_the_set_away() -> None:
    stage = scene(hold_method=HoldMethod.NONE)
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-two")
    until_done(stage, job, "snapshot-disk0")

    run = stage.hook.begin_run("vm-two")
    assert run is not None
    carry_on(stage)
    stage.hook.end_run("vm-two", run)

    job.refresh_from_db()
    assert job.outcome == Outcome.FAILED, describe(job)
    assert "A sync ran while the snapshots were cut" in job.error_message
    assert [point for point in stage.simulator.snapshots() if point.name.startswith(job.marker)] == []
    assert count_of(stage, "createVolume") == 0
    written = set(job.specification["disks"][number]["volume_id"] for number in (0, 1))
    assert_others_untouched(stage.simulator, before, but=written)
    for volume_id in written:
        replica = stage.simulator.volume(volume_id)
        assert replica is not None
        assert (replica.vm_id, replica.device_id) == before.places[volume_id]
        assert replica.content[-1].endswith(run)
    assert_released(job)


def test_a_sync_that_began_and_ended_between_two_snapshots_is_seen_too() -> None:
    stage = scene(hold_method=HoldMethod.NONE)
    job = stage.service.start_test("vm-two")
    until_done(stage, job, "snapshot-disk0")

    run = stage.hook.begin_run("vm-two")
    assert run is not None
    stage.hook.end_run("vm-two", run)
    carry_on(stage)

    job.refresh_from_db()
    assert (job.outcome, count_of(stage, "createVolume")) == (Outcome.FAILED, 0), describe(job)
    assert "A sync ran while the snapshots were cut" in job.error_message


@pytest.mark.parametrize("strategy", CLONES)
def test_a_held_vm_is_not_synced_between_two_snapshots_and_syncs_again_in_the_window(strategy: str) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-two", custom_config={"test_strategy": strategy})
    until_done(stage, job, "snapshot-disk0")

    assert stage.hook.begin_run("vm-two") is None
    carry_on(stage)

    assert_in_window(stage, job, before)
    run = stage.hook.begin_run("vm-two")
    assert run is not None
    stage.hook.end_run("vm-two", run)
    stage.service.clean_up(job)
    carry_on(stage)
    job.refresh_from_db()
    assert job.outcome == Outcome.SUCCEEDED, describe(job)


@pytest.mark.slow
@pytest.mark.parametrize("trouble", first_everywhere(["silent", "error", "nonsense"]))
def test_a_hook_that_never_answers_keeps_the_job_from_the_cloud_and_a_cancel_ends_it(trouble: str) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    stage.hook.misbehave(trouble)  # type: ignore[arg-type]
    job = stage.service.start_test("vm-one", custom_config={"test_strategy": "detached_clone"})
    _for_an_hour(stage)

    job.refresh_from_db()
    assert job.state in {JobState.RUNNING, JobState.WAITING_FOR_OPERATOR}, describe(job)
    assert "hook" in _said(job), describe(job)
    assert [call.command for call in stage.simulator.calls.mutating() if call.command == "createSnapshot"] == []

    stage.hook.behave()
    services.cancel(engine=stage.service.engine, job_id=job.job_id, actor="olga")
    carry_on(stage)
    assert_removed(stage, job, before, outcome=Outcome.CANCELLED)


def test_a_hook_that_says_held_and_does_not_hold_is_found_out_by_the_change_ids() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    stage.hook.misbehave("lie", action="hold")
    stage.hook.held["vm-two"] = "a stranger"
    job = stage.service.start_test("vm-two")
    until_done(stage, job, "snapshot-disk0")

    stage.hook.held.clear()
    run = stage.hook.begin_run("vm-two")
    assert run is not None
    stage.hook.end_run("vm-two", run)
    carry_on(stage)

    job.refresh_from_db()
    assert (job.outcome, count_of(stage, "createVolume")) == (Outcome.FAILED, 0), describe(job)


def test_an_account_at_its_limit_at_the_second_copy_has_the_test_undone_and_told_why() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    text = "Maximum number of resources of type 'volume' for account opsacct in domain has been exceeded."
    stage.simulator.faults.add(Fault("createVolume", "refuse", nth=2, error_code=535, text=text))
    job = stage.service.start_test("vm-two")

    carry_on(stage)

    assert_removed(stage, job, before, outcome=Outcome.FAILED)
    assert text in job.error_message
    assert count_of(stage, "createVolume") == 2


@pytest.mark.slow
@pytest.mark.any_database
def test_twenty_vms_of_one_appliance_are_tested_at_once() -> None:
    stage = scene("crowded:20", hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    assert len(stage.inventory.appliances) == 1
    jobs = [stage.service.start_test(vm_id) for vm_id in sorted(vm.vm_id for vm in stage.inventory.vms.values())]
    assert len(jobs) == 20

    stage.service.run()

    assert_never_harmed(stage.simulator)
    for job in jobs:
        job.refresh_from_db()
        assert job.state == JobState.WINDOW_OPEN, describe(job)
        stage.service.clean_up(job)
    stage.service.run()
    for job in jobs:
        assert_removed(stage, job, before, outcome=Outcome.SUCCEEDED)


def _for_an_hour(stage: Scene) -> None:
    end = stage.simulator.clock.now() + 3600.0
    stage.service.run(until=lambda: stage.simulator.clock.now() >= end)


def _said(job: FailoverJob) -> str:
    """Give what an operator reads of a job that does not get on."""
    asked = Question.objects.filter(job=job, answered_at=None).values_list("text", flat=True)
    held_up = Step.objects.filter(plan__job=job).exclude(state=StepState.DONE).values_list("reason", flat=True)
    explained = Step.objects.filter(plan__job=job).values_list("attempts__explanation", flat=True)
    return " ".join(str(text) for text in (*asked, *held_up, *explained))
