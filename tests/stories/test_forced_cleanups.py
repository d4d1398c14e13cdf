"""A forced cleanup asks nothing about what a test made: it leaves what can't be removed, and lists it."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from inventory.models import HoldMethod
from jobs.cleanup import force_cleanup
from jobs.commands import COMMANDS
from jobs.leftovers import RESOURCES, left_behind
from jobs.models import FailoverJob, JobState, Outcome, Question, Step
from tests.support.ends_of_tests import assert_removed, ours
from tests.support.scenes import Scene, scene
from tests.support.service import describe
from tests.support.telling import answer, carry_on, until_called
from tests.support.worlds import assert_others_untouched, assert_released, assert_waits_for_operator, remember

pytestmark = pytest.mark.django_db


def _forced(stage: Scene, job: FailoverJob) -> list[str]:
    """Force the cleanup, carry on, and give the ids of what was left by the time of the answer."""
    forced = force_cleanup(engine=stage.service.engine, job=job, actor="olga", reason="the lab closes")
    carry_on(stage)
    job.refresh_from_db()
    return [entry["id"] for entry in forced.left]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "step", "resource_type"),
    [
        ("destroyVirtualMachine", "undo-deploy", "virtual_machine"),
        ("deleteVolume", "undo-clone-disk0", "volume"),
        ("deleteSnapshot", "undo-snapshot-disk0", "snapshot"),
    ],
)
def test_what_cannot_be_removed_is_left_listed_told_of_and_goes_with_a_later_cleanup(
    command: str, step: str, resource_type: str
) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-one")
    carry_on(stage)
    stage.simulator.faults.add(Fault(command, "refuse", times=1000, text="it is in use"))

    assert _forced(stage, job) == []

    assert (job.state, job.outcome) == (JobState.FINISHED, Outcome.SUCCEEDED), describe(job)
    (left,) = left_behind(job)
    assert (left["step"], left["resource_type"], left["is_replica"]) == (step, resource_type, False)
    assert {left["name"]} == ours(stage, job)
    assert "it is in use" in left["reason"] and "olga" in left["reason"] and left["to_do"]
    assert job.events.get(kind="left_behind").fields["left"] == left
    assert job.events.get(kind="cleanup_forced").fields["reason"] == "the lab closes"
    assert_others_untouched(stage.simulator, before, but=())
    assert_released(job)
    stage.simulator.faults.clear()
    stage.service.clean_up(job)
    carry_on(stage)
    assert_removed(stage, job, before, outcome=Outcome.SUCCEEDED)
    assert left_behind(job) == []


def test_a_question_that_waits_already_is_answered_and_what_it_leaves_is_in_the_answer() -> None:
    stage = scene()
    job = stage.service.start_test("vm-one")
    carry_on(stage)
    stage.simulator.faults.add(Fault("deleteSnapshot", "refuse", times=1000))
    stage.service.clean_up(job)
    carry_on(stage)
    assert_waits_for_operator(job, kind="undo_step")
    snapshot = next(point.id for point in stage.simulator.snapshots())

    assert _forced(stage, job) == [snapshot]

    assert job.state == JobState.FINISHED, describe(job)


@pytest.mark.slow
def test_a_later_cleanup_that_nobody_forces_asks_again() -> None:
    stage = scene()
    job = stage.service.start_test("vm-one")
    carry_on(stage)
    stage.simulator.faults.add(Fault("deleteSnapshot", "refuse", times=1000))
    _forced(stage, job)
    assert job.state == JobState.FINISHED

    stage.service.clean_up(job)
    carry_on(stage)

    assert_waits_for_operator(job, kind="undo_step")


@pytest.mark.slow
def test_a_half_made_test_is_undone_as_far_as_it_goes() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-two")
    until_called(stage, "attachVolume")
    stage.simulator.faults.add(Fault("deleteVolume", "refuse", times=1000))

    _forced(stage, job)

    assert (job.state, job.outcome) == (JobState.FINISHED, Outcome.CANCELLED), describe(job)
    assert {entry["step"] for entry in left_behind(job)} == {"undo-clone-disk0", "undo-clone-disk1"}
    assert_others_untouched(stage.simulator, before, but=())


def test_nothing_about_a_replica_is_left_unasked() -> None:
    stage = scene()
    job = stage.service.start_test("vm-one", custom_config={"test_strategy": "boot_and_revert"})
    carry_on(stage)
    stage.simulator.faults.add(Fault("attachVolume", "refuse", times=1000))

    _forced(stage, job)

    assert_waits_for_operator(job, kind="undo_step")
    assert left_behind(job) == []


@pytest.mark.slow
def test_a_call_that_may_still_be_at_work_is_asked_about_all_the_same() -> None:
    stage = scene()
    job = stage.service.start_test("vm-one")
    carry_on(stage)
    stage.simulator.faults.add(Fault("stopVirtualMachine", "hang"))

    _forced(stage, job)

    assert_waits_for_operator(job, kind="endless_job")


@pytest.mark.slow
def test_where_nothing_is_in_the_way_a_forced_cleanup_is_a_cleanup() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-two")
    carry_on(stage)

    assert _forced(stage, job) == []

    assert_removed(stage, job, before, outcome=Outcome.SUCCEEDED)
    assert left_behind(job) == []
    assert not Question.objects.exists()


@pytest.mark.slow
def test_a_job_that_was_left_where_it_was_lists_all_it_made_and_every_replica_off_its_appliance() -> None:
    stage = scene()
    stage.simulator.faults.add(Fault("startVirtualMachine", "fail", times=3))
    job = stage.service.start_live("vm-two")
    carry_on(stage)
    answer(stage, job, "leave")
    carry_on(stage)

    job.refresh_from_db()
    left = left_behind(job)

    assert {entry["id"] for entry in left if entry["is_replica"]} == {
        disk["volume_id"] for disk in FailoverJob.objects.get().specification["disks"]
    }
    others = [entry["resource_type"] for entry in left if not entry["is_replica"]]
    assert sorted(others) == ["snapshot", "snapshot", "virtual_machine"]
    assert all(entry["to_do"] and entry["reason"] for entry in left)


@pytest.mark.slow
def test_every_step_that_an_undo_may_hold_names_its_resource() -> None:
    stage = scene()
    for custom in ({}, {"test_strategy": "boot_and_revert"}):
        job = stage.service.start_test("vm-one", custom_config=custom)
        carry_on(stage)
        stage.service.clean_up(job)
        carry_on(stage)

    undone = set(Step.objects.exclude(plan__kind="forward").values_list("command", flat=True))
    assert undone <= set(RESOURCES)
    assert set(RESOURCES) <= {command.name for command in COMMANDS}
