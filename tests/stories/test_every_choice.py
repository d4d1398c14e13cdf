"""Every choice of every question is taken once, and the world and the job end as its effect promises.

The list is read from the code: a question or a choice without a story here fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from cloudstack_simulator import Fault
from inventory.models import HoldMethod, ReplicaState, ReplicaVolume
from jobs.commands.base import LONGEST_WAIT
from jobs.engine.contracts import Command
from jobs.models import FailoverJob, JobState, Outcome
from tests.stories import test_choices_in_undos, test_long_waits
from tests.support.choices import (
    TAKEN,
    Answered,
    answer_to,
    assert_asked_again,
    assert_left,
    by_hand,
    disk_of,
    offered,
    takes,
)
from tests.support.scenes import Scene, scene
from tests.support.service import describe
from tests.support.telling import answer, carry_on, count_of, until_called
from tests.support.worlds import (
    Before,
    assert_all_back,
    assert_failed_over,
    assert_released,
    assert_waits_for_operator,
    remember,
)

pytestmark = pytest.mark.django_db


def test_every_choice_that_the_code_offers_is_taken_by_a_story() -> None:
    assert all((test_choices_in_undos.__name__, test_long_waits.__name__)), "the stories told there count"
    assert set(TAKEN) == offered()


# --- guard: replication that is held by hand ---


@takes("HoldReplication", "treat_as_done")
def test_the_word_that_replication_was_stopped_lets_the_failover_go_on() -> None:
    stage = scene(hold_method=HoldMethod.MANUAL)
    before = remember(stage.simulator)
    job = stage.service.start_live("vm-two")
    carry_on(stage)
    assert_waits_for_operator(job, kind="guard")

    answer(stage, job, "treat_as_done")
    carry_on(stage)

    assert_failed_over(stage.simulator, job, before)


@pytest.mark.slow
@takes("HoldReplication", "undo")
def test_without_that_word_everything_is_undone() -> None:
    stage = scene(hold_method=HoldMethod.MANUAL)
    before = remember(stage.simulator)
    job = stage.service.start_live("vm-two")
    carry_on(stage)

    answer(stage, job, "undo")
    carry_on(stage)

    assert_all_back(stage.simulator, job, before, outcome=Outcome.FAILED)


# --- guard: a wait that lasts too long ---


def _started_by_a_stranger(stage: Scene) -> FailoverJob:
    """The target VM is waited for in vain: somebody told it to start while its disks were attached, and that hangs."""
    stage.simulator.faults.add(Fault("startVirtualMachine", "hang"))
    job = stage.service.start_live("vm-two")
    until_called(stage, "attachVolume", times=2)
    stage.service.clock.stepped.advance(1.1)
    job.refresh_from_db()
    by_hand(stage, "startVirtualMachine", id=job.destination_vm_id)
    carry_on(stage)
    assert_waits_for_operator(job, kind="guard")
    return job


@pytest.mark.slow
@pytest.mark.any_database
@takes("ask_about_long_wait", "look_again")
def test_a_target_that_was_put_right_is_looked_at_again_and_started() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = _started_by_a_stranger(stage)

    asked_at = stage.service.clock.now()
    answer(stage, job, "look_again")
    carry_on(stage)
    assert_asked_again(job, kind="guard")
    assert (stage.service.clock.now() - asked_at).total_seconds() >= LONGEST_WAIT, "the wait counts anew"

    stage.simulator.restart_management_server()
    by_hand(stage, "stopVirtualMachine", id=job.destination_vm_id)
    answer(stage, job, "look_again")
    carry_on(stage)

    assert_failed_over(stage.simulator, job, before)


@pytest.mark.slow
@takes("ask_about_long_wait", "leave")
def test_a_target_that_somebody_else_started_is_left_as_it_is() -> None:
    stage = scene()
    job = _started_by_a_stranger(stage)

    assert_left(stage, job, Answered(stage, job, "leave"))


# --- failed_start ---


def _failed_start() -> tuple[Scene, FailoverJob, Before]:
    stage = scene()
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("startVirtualMachine", "fail", times=3, error_code=533, text="no capacity"))
    job = stage.service.start_live("vm-two")
    carry_on(stage)
    assert_waits_for_operator(job, kind="failed_start")
    return stage, job, before


@pytest.mark.slow
@takes("ask_about_failed_start", "retry")
def test_a_start_that_failed_is_made_again() -> None:
    stage, job, before = _failed_start()
    starts = count_of(stage, "startVirtualMachine")

    answer(stage, job, "retry")
    carry_on(stage)

    assert count_of(stage, "startVirtualMachine") == starts + 1
    assert_failed_over(stage.simulator, job, before)


@pytest.mark.slow
@takes("ask_about_failed_start", "undo")
def test_a_start_that_failed_is_undone_and_leaves_the_replicas_unverified() -> None:
    stage, job, before = _failed_start()

    answer(stage, job, "undo")
    carry_on(stage)

    assert_all_back(stage.simulator, job, before, outcome=Outcome.FAILED)
    assert _states(job) == {ReplicaState.UNVERIFIED}


@takes("ask_about_failed_start", "leave")
def test_a_start_that_failed_leaves_the_stopped_vm_with_the_disks() -> None:
    stage, job, _ = _failed_start()

    assert_left(stage, job, Answered(stage, job, "leave"))
    target = stage.simulator.vm(job.destination_vm_id)
    assert target is not None
    assert (target.state, len(target.volumes)) == ("Stopped", 2)


def _states(job: FailoverJob) -> set[str]:
    return set(ReplicaVolume.objects.filter(disk__vm=job.vm).values_list("state", flat=True))


# --- foreign_job_id ---


@takes("ask_about_foreign_id", "look_again")
def test_what_ran_under_a_strangers_id_is_read_and_the_failover_goes_on() -> None:
    stage = scene()
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("attachVolume", "own_id"))
    job = stage.service.start_live("vm-two")
    carry_on(stage)
    assert_waits_for_operator(job, kind="foreign_job_id")
    calls = count_of(stage, "attachVolume")

    answer(stage, job, "look_again")
    carry_on(stage)

    assert count_of(stage, "attachVolume") == calls + 1, "only the other disk was attached"
    assert_failed_over(stage.simulator, job, before)


@takes("ask_about_foreign_id", "leave")
def test_nothing_more_is_sent_to_a_cloud_that_drops_our_ids() -> None:
    stage = scene()
    stage.simulator.faults.add(Fault("attachVolume", "own_id"))
    job = stage.service.start_live("vm-two")
    carry_on(stage)

    assert_left(stage, job, Answered(stage, job, "leave"))


def test_a_job_that_was_left_asks_nothing_more_where_two_questions_were_open() -> None:
    stage = scene(hold_method=HoldMethod.MANUAL)
    stage.simulator.faults.add(Fault("deployVirtualMachine", "own_id"))
    job = stage.service.start_live("vm-two")
    carry_on(stage)
    assert set(job.questions.values_list("kind", flat=True)) == {"guard", "foreign_job_id"}
    calls = len(stage.simulator.calls.mutating())

    answer_to(stage, job, job.questions.get(kind="foreign_job_id"), "leave")

    job.refresh_from_db()
    assert (job.state, job.outcome) == (JobState.FINISHED, Outcome.FAILED), describe(job)
    assert not job.questions.filter(answered_at=None).exists()
    assert len(stage.simulator.calls.mutating()) == calls
    assert_released(job)


# --- endless_job ---


@pytest.mark.slow
@takes("ask_about_endless_job", "look_again")
def test_an_endless_job_is_asked_about_again_until_it_ends() -> None:
    stage = scene()
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("attachVolume", "hang"))
    job = stage.service.start_live("vm-two")
    carry_on(stage)
    assert_waits_for_operator(job, kind="endless_job")
    calls = len(stage.simulator.calls.mutating())

    answer(stage, job, "look_again")
    carry_on(stage)
    assert_asked_again(job, kind="endless_job")
    assert len(stage.simulator.calls.mutating()) == calls, "nothing is sent beside it"

    stage.simulator.restart_management_server()
    answer(stage, job, "look_again")
    carry_on(stage)
    assert_failed_over(stage.simulator, job, before)


# --- unseen_success ---


def _detached_by_a_stranger(stage: Scene) -> FailoverJob:
    """CloudStack's attach succeeds, and somebody takes the disk off again before it is read back."""
    job = stage.service.start_live("vm-two")
    until_called(stage, "attachVolume")
    stage.service.clock.stepped.advance(1.1)
    by_hand(stage, "detachVolume", id=disk_of(job, 0))
    carry_on(stage)
    assert_waits_for_operator(job, kind="unseen_success")
    return job


@pytest.mark.slow
@takes("ask_about_unseen_success", "look_again")
def test_a_disk_that_was_put_back_to_its_place_is_seen_and_not_attached_again() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = _detached_by_a_stranger(stage)

    answer(stage, job, "look_again")
    carry_on(stage)
    assert_asked_again(job, kind="unseen_success")

    by_hand(stage, "attachVolume", id=disk_of(job, 0), virtualmachineid=job.destination_vm_id, deviceid=0)
    calls = count_of(stage, "attachVolume")
    answer(stage, job, "look_again")
    carry_on(stage)
    assert count_of(stage, "attachVolume") == calls + 1, "only the other disk was attached"
    assert_failed_over(stage.simulator, job, before)


@pytest.mark.slow
@takes("ask_about_unseen_success", "leave")
def test_a_disk_that_somebody_took_off_is_left_where_he_put_it() -> None:
    stage = scene()
    job = _detached_by_a_stranger(stage)

    assert_left(stage, job, Answered(stage, job, "leave"))
    volume = stage.simulator.volume(disk_of(job, 0))
    assert volume is not None
    assert (volume.vm_id, volume.holders) == (None, frozenset())


# --- unclear ---


def _hung_elsewhere(stage: Scene) -> FailoverJob:
    """The request to attach is lost, and somebody hangs the disk on the appliance before it is known to be lost."""
    stage.simulator.faults.add(Fault("attachVolume", "lost_request"))
    job = stage.service.start_live("vm-two")
    until_called(stage, "attachVolume")
    appliance = stage.inventory.appliance.virtual_machine_id
    by_hand(stage, "attachVolume", id=disk_of(job, 0), virtualmachineid=appliance, deviceid=9)
    carry_on(stage)
    assert_waits_for_operator(job, kind="unclear")
    return job


@pytest.mark.slow
@takes("ask_about_unclear", "look_again")
def test_a_disk_that_was_freed_again_is_attached_by_the_failover() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = _hung_elsewhere(stage)

    answer(stage, job, "look_again")
    carry_on(stage)
    assert_asked_again(job, kind="unclear")

    by_hand(stage, "detachVolume", id=disk_of(job, 0))
    answer(stage, job, "look_again")
    carry_on(stage)
    assert_failed_over(stage.simulator, job, before)


@pytest.mark.slow
@takes("ask_about_unclear", "leave")
def test_a_disk_that_hangs_elsewhere_is_left_there() -> None:
    stage = scene()
    job = _hung_elsewhere(stage)

    assert_left(stage, job, Answered(stage, job, "leave"))
    volume = stage.simulator.volume(disk_of(job, 0))
    assert volume is not None
    assert volume.holders == {stage.inventory.appliance.virtual_machine_id}


# --- defect ---


class BrokenCatalogue:
    """A release whose commands cannot be loaded."""

    def load(self, *, name: str, version: int, arguments: Mapping[str, Any]) -> Command:
        """Fail as a defect does."""
        raise ZeroDivisionError(name)


@takes("ask_about_defect", "look_again")
def test_a_job_that_our_own_defect_stopped_goes_on_with_the_mended_release() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_live("vm-two")
    until_called(stage, "attachVolume")
    stage.service.catalogue = BrokenCatalogue()
    stage.service.start_process()
    carry_on(stage)
    assert_waits_for_operator(job, kind="defect")
    calls = len(stage.simulator.calls.mutating())

    stage.service.catalogue = None
    stage.service.start_process()
    answer(stage, job, "look_again")
    assert len(stage.simulator.calls.mutating()) == calls
    carry_on(stage)

    assert_failed_over(stage.simulator, job, before)
