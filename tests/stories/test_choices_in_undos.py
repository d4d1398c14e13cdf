"""Every choice of every question of an undo or cleanup is taken once: what is skipped is listed, the rest goes on."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from jobs import verbs
from jobs.errors import CannotCleanUp
from jobs.leftovers import left_behind
from jobs.models import FailoverJob, JobState, Outcome
from tests.support.choices import Answered, answer_to, assert_left, by_hand, disk_of, hang_the_copy_elsewhere, takes
from tests.support.ends_of_tests import assert_removed
from tests.support.scenes import Scene, scene
from tests.support.service import describe
from tests.support.telling import answer, carry_on, count_of, for_seconds, until_called
from tests.support.worlds import (
    assert_all_back,
    assert_others_untouched,
    assert_released,
    assert_waits_for_operator,
    remember,
)

pytestmark = pytest.mark.django_db


@pytest.mark.slow
@takes("ask_about_long_wait", "skip")
def test_a_test_vm_that_does_not_stop_is_left_behind_and_goes_with_a_later_cleanup() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-two")
    carry_on(stage)
    job.refresh_from_db()
    stage.simulator.faults.add(Fault("stopVirtualMachine", "hang"))
    by_hand(stage, "stopVirtualMachine", id=job.destination_vm_id)
    stage.service.clean_up(job)
    carry_on(stage)
    assert_waits_for_operator(job, kind="guard")

    answer(stage, job, "skip")
    carry_on(stage)
    while (question := job.questions.filter(answered_at=None).first()) is not None:
        if question.kind == "endless_job":
            stage.simulator.restart_management_server()
        answer_to(stage, job, question, "look_again" if question.kind == "endless_job" else "skip")
    job.refresh_from_db()
    assert job.state == JobState.FINISHED, describe(job)
    assert "undo-start" in [entry["step"] for entry in left_behind(job)]
    assert_others_untouched(stage.simulator, before, but=())

    stage.service.clean_up(job)
    carry_on(stage)
    assert_removed(stage, job, before, outcome=Outcome.SUCCEEDED)


@takes("ask_about_unseen_success", "skip")
def test_a_copy_that_somebody_hung_elsewhere_is_skipped_and_the_rest_is_removed() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-one")
    carry_on(stage)
    copy_id, appliance = hang_the_copy_elsewhere(stage, job)

    answer(stage, job, "skip")
    carry_on(stage)
    assert_waits_for_operator(job, kind="undo_step")
    answer(stage, job, "skip")
    carry_on(stage)

    job.refresh_from_db()
    assert (job.state, job.outcome) == (JobState.FINISHED, Outcome.SUCCEEDED), describe(job)
    assert [entry["step"] for entry in left_behind(job)] == ["undo-attach-disk0", "undo-clone-disk0"]
    kept = stage.simulator.volume(copy_id)
    assert kept is not None
    assert kept.vm_id == appliance, "what somebody else uses is not torn off"
    assert stage.simulator.vm(job.destination_vm_id) is None
    assert_others_untouched(stage.simulator, before, but=())
    assert_released(job)

    by_hand(stage, "detachVolume", id=copy_id)
    stage.service.clean_up(job)
    carry_on(stage)
    assert_removed(stage, job, before, outcome=Outcome.SUCCEEDED)


@takes("ask_about_unclear", "skip")
def test_an_undo_that_cannot_tell_is_left_and_the_rest_is_undone() -> None:
    stage = scene()
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("startVirtualMachine", "refuse"))
    # The replica's from the appliance, the placeholder's, and then the undo's.
    stage.simulator.faults.add(Fault("detachVolume", "lost_request", nth=3))
    job = stage.service.start_live("vm-one")
    until_called(stage, "detachVolume", times=3)
    appliance = stage.inventory.appliance.virtual_machine_id
    by_hand(stage, "detachVolume", id=disk_of(job, 0))
    place = before.places[disk_of(job, 0)]
    by_hand(stage, "attachVolume", id=disk_of(job, 0), virtualmachineid=appliance, deviceid=place[1])
    carry_on(stage)
    assert_waits_for_operator(job, kind="unclear")

    answer(stage, job, "skip")
    carry_on(stage)

    job.refresh_from_db()
    assert [entry["step"] for entry in left_behind(job)] == ["undo-attach-disk0"], describe(job)
    assert_all_back(stage.simulator, job, before, outcome=Outcome.FAILED)


def _cannot_return(stage: Scene) -> FailoverJob:
    """A live failover is cancelled, and its disk can't return: the appliance refuses it."""
    stage.simulator.faults.add(Fault("attachVolume", "refuse", times=1000))
    job = stage.service.start_live("vm-one")
    carry_on(stage)
    assert_waits_for_operator(job, kind="undo_step")
    return job


@takes("ask_about_undo", "retry")
def test_a_step_of_an_undo_is_done_again_once_its_obstacle_is_gone() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = _cannot_return(stage)

    stage.simulator.faults.clear()
    answer(stage, job, "retry")
    carry_on(stage)

    assert_all_back(stage.simulator, job, before, outcome=Outcome.FAILED)


@takes("ask_about_undo", "skip")
def test_a_disk_that_cannot_return_is_listed_and_hangs_nowhere() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = _cannot_return(stage)

    answer(stage, job, "skip")
    carry_on(stage)

    job.refresh_from_db()
    assert (job.state, job.outcome) == (JobState.FINISHED, Outcome.FAILED), describe(job)
    assert [entry["step"] for entry in left_behind(job)] == ["undo-detach-disk0"]
    volume = stage.simulator.volume(disk_of(job, 0))
    assert volume is not None
    assert (volume.holders, volume.content) == (frozenset(), before.contents[volume.id])
    assert_others_untouched(stage.simulator, before, but={volume.id})
    assert_released(job)


@pytest.mark.slow
def test_a_rollback_whose_vm_does_not_stop_gives_no_disk_to_anybody_while_the_vm_may_write() -> None:
    stage = scene()
    job = stage.service.start_live("vm-two")
    carry_on(stage)
    stage.simulator.faults.add(Fault("stopVirtualMachine", "refuse", times=1000))
    verbs.roll_back(engine=stage.service.engine, job_id=job.job_id, typed_name=job.vm_name, actor="olga")
    carry_on(stage)
    assert_waits_for_operator(job, kind="undo_step")

    while (question := job.questions.filter(answered_at=None).first()) is not None:
        answer_to(stage, job, question, "skip")

    job.refresh_from_db()
    assert job.state == JobState.FINISHED, describe(job)
    target = stage.simulator.vm(job.destination_vm_id)
    assert target is not None
    for position in range(2):
        volume = stage.simulator.volume(disk_of(job, position))
        assert volume is not None
        assert volume.holders == {target.id}, describe(job)
    assert count_of(stage, "revertSnapshot") == 0


def test_a_cleanup_under_a_strangers_id_is_left_whole_listed_and_done_by_another() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-two")
    carry_on(stage)
    stage.simulator.faults.add(Fault("stopVirtualMachine", "own_id"))
    stage.service.clean_up(job)
    carry_on(stage)
    assert_waits_for_operator(job, kind="foreign_job_id")

    assert_left(stage, job, Answered(stage, job, "leave"))
    left = left_behind(job)
    assert {entry["step"] for entry in left} == set(job.plans.get(kind="cleanup").steps.values_list("key", flat=True))
    assert all(entry["id"] and entry["to_do"] and "left everything" in entry["reason"] for entry in left)
    assert_others_untouched(stage.simulator, before, but=())

    with pytest.raises(CannotCleanUp, match="has not ended yet"):
        stage.service.clean_up(job)
    for_seconds(stage, 60.0)
    stage.service.clean_up(job)
    carry_on(stage)
    assert_removed(stage, job, before, outcome=Outcome.SUCCEEDED)


def test_a_rollback_under_a_strangers_id_is_left_with_every_disk_on_the_vm_and_its_way_back() -> None:
    stage = scene()
    job = stage.service.start_live("vm-two")
    carry_on(stage)
    points = {point.id for point in stage.simulator.snapshots()}
    stage.simulator.faults.add(Fault("stopVirtualMachine", "own_id"))
    verbs.roll_back(engine=stage.service.engine, job_id=job.job_id, typed_name=job.vm_name, actor="olga")
    carry_on(stage)
    assert_waits_for_operator(job, kind="foreign_job_id")

    assert_left(stage, job, Answered(stage, job, "leave"))
    target = stage.simulator.vm(job.destination_vm_id)
    assert target is not None
    assert set(target.volumes.values()) == {disk_of(job, position) for position in range(2)}
    assert {point.id for point in stage.simulator.snapshots()} == points
    assert {entry["id"] for entry in left_behind(job) if entry["is_replica"]} == set(target.volumes.values())
