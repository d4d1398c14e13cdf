"""Whole live failovers as operators live through them: cancelled, held by hand, stopped by questions, unheard."""

from __future__ import annotations

import threading

import pytest

from cloudstack_simulator import Fault
from inventory.models import HoldMethod, ReplicaState, ReplicaVolume
from jobs import services
from jobs.errors import ActiveJob, CannotAnswer, CannotCancel
from jobs.models import FailoverJob, JobState, Outcome, Question, Step, StepAttempt, StepState
from tests.support.scenes import Scene, scene
from tests.support.service import describe
from tests.support.worlds import (
    assert_all_back,
    assert_failed_over,
    assert_journal_agrees,
    assert_never_harmed,
    assert_waits_for_operator,
    remember,
)

pytestmark = pytest.mark.django_db


def _until_done(stage: Scene, job: FailoverJob, key: str) -> None:
    stage.service.run(until=lambda: Step.objects.filter(plan__job=job, key=key, state=StepState.DONE).exists())


def _answer(stage: Scene, job: FailoverJob, choice: str) -> None:
    question = Question.objects.get(job=job, answered_at=None)
    services.answer(
        engine=stage.service.engine, job_id=job.job_id, question_id=question.pk, choice=choice, actor="olga"
    )


@pytest.mark.parametrize("vm", ["vm-one", "vm-two", "vm-three"])
def test_a_vm_fails_over_with_all_its_disks_and_nics(vm: str) -> None:
    stage = scene()
    before = remember(stage.simulator)

    job = stage.service.start_live(vm)
    stage.service.run(at_each_step=lambda: assert_never_harmed(stage.simulator))

    assert_failed_over(stage.simulator, job, before)
    assert_journal_agrees(stage.simulator)


def test_the_target_boots_the_guest_it_was_made_for() -> None:
    stage = scene()

    job = stage.service.start_live("vm-three")
    stage.service.run()

    job.refresh_from_db()
    target = stage.simulator.vm(job.destination_vm_id)
    assert target is not None
    assert (target.boot_type, target.boot_mode) == ("UEFI", "LEGACY")
    assert target.details["rootDiskController"] == "sata"
    assert target.details["nicAdapter"] == "e1000"
    assert (target.cpu, target.memory) == (2, 4096)


@pytest.mark.slow
@pytest.mark.parametrize("key", ["hold", "detach-disk0", "snapshot-disk0", "deploy", "attach-disk0", "protect"])
def test_a_cancel_before_the_point_of_no_return_gives_everything_back(key: str) -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_live("vm-two")
    # The start waits long enough for the cancel to come first.
    stage.simulator.faults.add(Fault("updateVirtualMachine", "refuse", nth=1, error_code=503, text="try again later"))
    _until_done(stage, job, key) if key != "protect" else _until_done(stage, job, "attach-disk1")

    services.cancel(engine=stage.service.engine, job_id=job.job_id, actor="olga", reason="wrong VM")
    services.cancel(engine=stage.service.engine, job_id=job.job_id, actor="olga")
    stage.service.run(at_each_step=lambda: assert_never_harmed(stage.simulator))

    assert_all_back(stage.simulator, job, before, outcome=Outcome.CANCELLED)
    assert job.events.filter(kind="cancel_requested").count() == 1


def test_a_cancel_after_the_start_was_ordered_is_refused() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_live("vm-one")
    stage.service.run(until=lambda: FailoverJob.objects.filter(point_of_no_return_at__isnull=False).exists())

    with pytest.raises(CannotCancel):
        services.cancel(engine=stage.service.engine, job_id=job.job_id, actor="olga")

    stage.service.run()
    assert_failed_over(stage.simulator, job, before)


def test_a_second_start_of_the_same_vm_names_the_job_in_the_way() -> None:
    stage = scene()
    first = stage.service.start_live("vm-one")

    with pytest.raises(ActiveJob, match=first.job_id):
        stage.service.start_live("vm-one")

    assert FailoverJob.objects.count() == 1


def test_a_job_goes_on_when_every_bell_is_lost() -> None:
    stage = scene()
    before = remember(stage.simulator)
    rings = stage.service.bell

    class _Deaf(threading.local):
        lost = 0

    original = rings.ring

    def lose_two_of_three(*, job_id: int, phase: str) -> None:
        _Deaf.lost += 1
        if _Deaf.lost % 3 == 0:
            original(job_id=job_id, phase=phase)

    rings.ring = lose_two_of_three  # type: ignore[method-assign]
    job = stage.service.start_live("vm-two")
    stage.service.run()

    assert _Deaf.lost > 10
    assert_failed_over(stage.simulator, job, before)


def test_replication_that_is_held_by_hand_waits_for_the_operators_word() -> None:
    stage = scene(hold_method=HoldMethod.MANUAL)
    before = remember(stage.simulator)
    job = stage.service.start_live("vm-one")
    stage.service.run()
    assert_waits_for_operator(job, kind="guard")
    assert [call.command for call in stage.simulator.calls.mutating() if call.command == "detachVolume"] == [
        "detachVolume"
    ], "only the placeholder was detached so far"

    _answer(stage, job, "treat_as_done")
    stage.service.run()

    assert_failed_over(stage.simulator, job, before)


def test_an_operator_who_does_not_hold_replication_can_undo_instead() -> None:
    stage = scene(hold_method=HoldMethod.MANUAL)
    before = remember(stage.simulator)
    job = stage.service.start_live("vm-one")
    stage.service.run()

    _answer(stage, job, "undo")
    stage.service.run()

    assert_all_back(stage.simulator, job, before, outcome=Outcome.FAILED)


@pytest.mark.slow
def test_an_endless_job_waits_for_a_person_and_goes_on_when_it_ends_after_all() -> None:
    stage = scene()
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("startVirtualMachine", "hang"))
    job = stage.service.start_live("vm-one")
    stage.service.run(until=Question.objects.exists)
    assert Question.objects.get().kind == "endless_job"

    # The administrator does what the question asks of him.
    stage.simulator.restart_management_server()
    _answer(stage, job, "look_again")
    stage.service.run()

    assert_failed_over(stage.simulator, job, before)


@pytest.mark.slow
def test_a_job_that_the_cloud_gives_up_a_little_after_our_limit_needs_no_person() -> None:
    stage = scene()
    before = remember(stage.simulator)
    # CloudStack's own limit for work that blocks a VM's queue is an hour, as ours is.
    stage.simulator.faults.add(Fault("startVirtualMachine", "hang", seconds=3700.0))
    job = stage.service.start_live("vm-one")

    stage.service.run()

    assert not Question.objects.exists()
    assert_failed_over(stage.simulator, job, before)


def test_a_job_under_a_strangers_id_is_looked_at_only_when_its_host_can_do_nothing_any_more() -> None:
    stage = scene()
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("detachVolume", "own_id", nth=2, seconds=25.0))
    job = stage.service.start_live("vm-one")
    stage.service.run(until=Question.objects.exists)
    asked_at = stage.service.clock.now()
    assert Question.objects.get().kind == "foreign_job_id"

    _answer(stage, job, "look_again")
    stage.service.run()

    attempt = StepAttempt.objects.get(answer__kind="submitted", async_job_id=Question.objects.get().seen["ours"])
    assert attempt.ended_at is not None
    assert (attempt.ended_at - asked_at).total_seconds() >= stage.service.engine.rules.settle_after_failure
    assert_failed_over(stage.simulator, job, before)


def test_a_question_takes_only_the_choices_it_offers_and_only_once() -> None:
    stage = scene(hold_method=HoldMethod.MANUAL)
    job = stage.service.start_live("vm-one")
    stage.service.run()
    question = Question.objects.get(job=job)

    with pytest.raises(CannotAnswer, match="none of the choices"):
        _answer(stage, job, "leave")
    _answer(stage, job, "undo")
    with pytest.raises(CannotAnswer, match="answered already"):
        services.answer(
            engine=stage.service.engine, job_id=job.job_id, question_id=question.pk, choice="undo", actor="olga"
        )


def test_a_start_that_fails_again_and_again_is_undone_only_by_a_person_and_leaves_the_replicas_unverified() -> None:
    stage = scene()
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("startVirtualMachine", "fail", times=3, error_code=533, text="no capacity"))
    job = stage.service.start_live("vm-one")
    stage.service.run()
    assert_waits_for_operator(job, kind="failed_start")

    _answer(stage, job, "undo")
    stage.service.run()

    assert_all_back(stage.simulator, job, before, outcome=Outcome.FAILED)
    assert {replica.state for replica in ReplicaVolume.objects.filter(disk__vm__vm_id="vm-one")} == {
        ReplicaState.UNVERIFIED
    }


def test_a_foreign_attach_of_a_replica_stops_the_failover_before_anything_is_harmed() -> None:
    stage = scene()
    job = stage.service.start_live("vm-two")
    _until_done(stage, job, "snapshot-disk1")
    spec = job.specification["disks"][1]
    stage.simulator.call("attachVolume", id=spec["volume_id"], virtualmachineid=spec_appliance(job), deviceid=9)
    stage.service.run(at_each_step=lambda: assert_never_harmed(stage.simulator))

    job.refresh_from_db()
    assert job.outcome == Outcome.FAILED, describe(job)
    volume = stage.simulator.volume(spec["volume_id"])
    assert volume is not None
    assert volume.vm_id == spec_appliance(job)


def spec_appliance(job: FailoverJob) -> str:
    """Give the appliance's VM id of a job."""
    return str(job.specification["appliance_vm_id"])


def test_a_cloud_whose_clock_is_off_is_sent_nothing_and_the_job_says_why() -> None:
    stage = scene()
    job = stage.service.start_live("vm-one")
    mutations = len(stage.simulator.calls.mutating())
    stage.service.clock.ahead = -12.0
    for _ in range(9):
        stage.service.gateway(stage.inventory.cloud).zone(stage.inventory.cloud.zone_id)

    stage.service.run(until=lambda: Step.objects.filter(reason__contains="clock is +12").exists())

    assert len(stage.simulator.calls.mutating()) == mutations
    job.refresh_from_db()
    assert job.state == JobState.RUNNING
