"""Rule 5: one moving job per VM, one unfinished async job per volume, one hot-plug at a time per appliance."""

from __future__ import annotations

import itertools
from typing import Literal

import pytest

from cloudstack_simulator import Fault
from inventory.models import HoldMethod, ReplicaVolume
from jobs.cleanup import clean_up, force_cleanup
from jobs.errors import ActiveJob, CannotCleanUp, CloudNotUsable
from jobs.models import FailoverJob, JobEvent, JobState, Outcome, Reservation, Step, StepAttempt
from tests.support.choices import by_hand, disk_of
from tests.support.scenes import Scene, scene
from tests.support.service import describe
from tests.support.telling import answer, carry_on, for_seconds, until_called
from tests.support.worlds import assert_waits_for_operator

pytestmark = pytest.mark.django_db

NO_SUCH_JOB = (
    "Unable to execute API command queryasyncjobresult due to invalid value. Invalid parameter jobid value=x due to "
    "incorrect long value format, or entity does not exist"
)


def _behind_a_snapshot_that(stage: Scene, is_how: Literal["slow", "hang"], *, seconds: float = 0.0) -> None:
    """Let somebody take a snapshot on the appliance that lasts: what comes after it there queues."""
    stage.simulator.faults.add(Fault("createSnapshot", is_how, seconds=seconds))
    other = ReplicaVolume.objects.filter(disk__vm__vm_id="vm-two").first()
    assert other is not None
    by_hand(stage, "createSnapshot", volumeid=other.volume_id, name="by-hand")


def _detaches_of_the_replica(stage: Scene) -> int:
    return sum(1 for call in stage.simulator.calls.mutating() if call.command == "detachVolume") - 1  # the placeholder


@pytest.mark.slow
def test_a_detach_under_a_strangers_id_is_not_sent_again_while_it_queues() -> None:
    stage = scene()
    _behind_a_snapshot_that(stage, "slow", seconds=600.0)
    stage.simulator.faults.add(Fault("detachVolume", "own_id"))
    job = stage.service.start_live("vm-one")
    carry_on(stage)
    assert_waits_for_operator(job, kind="foreign_job_id")

    answer(stage, job, "look_again")
    carry_on(stage)

    job.refresh_from_db()
    assert (job.outcome, _detaches_of_the_replica(stage)) == (Outcome.SUCCEEDED, 1), describe(job)


@pytest.mark.slow
def test_a_job_under_a_strangers_id_that_does_not_end_is_asked_about() -> None:
    stage = scene()
    _behind_a_snapshot_that(stage, "hang")
    stage.simulator.faults.add(Fault("detachVolume", "own_id"))
    job = stage.service.start_live("vm-one")
    carry_on(stage)
    given = job.questions.get().seen["given"]

    answer(stage, job, "look_again")
    carry_on(stage)

    assert_waits_for_operator(job, kind="endless_job")
    assert given in job.questions.get(kind="endless_job").text
    assert _detaches_of_the_replica(stage) == 1


def test_no_failover_begins_beside_a_detach_under_a_strangers_id_that_was_left() -> None:
    stage = scene()
    _behind_a_snapshot_that(stage, "slow", seconds=600.0)
    stage.simulator.faults.add(Fault("detachVolume", "own_id"))
    job = stage.service.start_live("vm-one")
    carry_on(stage)
    answer(stage, job, "leave")
    carry_on(stage)

    later = stage.service.start_live("vm-one")
    carry_on(stage)

    later.refresh_from_db()
    assert later.outcome == Outcome.FAILED, describe(later)
    assert job.questions.get().seen["given"] in later.error_message
    assert _detaches_of_the_replica(stage) == 1


def test_a_test_is_not_cleaned_up_beside_a_detach_under_a_strangers_id_that_was_left() -> None:
    stage = scene()
    _behind_a_snapshot_that(stage, "slow", seconds=600.0)
    stage.simulator.faults.add(Fault("detachVolume", "own_id"))
    job = stage.service.start_test("vm-one", custom_config={"test_strategy": "detached_clone"})
    carry_on(stage)
    answer(stage, job, "leave")
    carry_on(stage)
    job.refresh_from_db()
    replica = disk_of(job, 0)
    home = stage.inventory.appliance.virtual_machine_id

    for clean in (clean_up, force_cleanup):
        with pytest.raises(CannotCleanUp, match="has not ended yet"):
            clean(engine=stage.service.engine, job=job, actor="olga")
    for_seconds(stage, 700.0)
    volume = stage.simulator.volume(replica)
    assert volume is not None
    assert volume.vm_id is None
    stage.simulator.restart_management_server(down_seconds=60.0)
    with pytest.raises(CloudNotUsable):
        clean_up(engine=stage.service.engine, job=job, actor="olga")
    for_seconds(stage, 70.0)
    clean_up(engine=stage.service.engine, job=job, actor="olga")
    carry_on(stage)

    volume = stage.simulator.volume(replica)
    assert volume is not None
    assert volume.vm_id == home, describe(job)
    assert volume.holders == {home}, describe(job)


def test_a_detach_that_the_cloud_once_did_not_know_is_not_sent_again_while_it_queues() -> None:
    stage = scene()
    _behind_a_snapshot_that(stage, "slow", seconds=600.0)
    job = stage.service.start_live("vm-one")
    until_called(stage, "detachVolume")
    stage.simulator.faults.add(Fault("queryAsyncJobResult", "refuse", text=NO_SUCH_JOB, times=2))

    carry_on(stage)

    job.refresh_from_db()
    assert (job.outcome, _detaches_of_the_replica(stage)) == (Outcome.SUCCEEDED, 1), describe(job)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["clone", "detached_clone"])
def test_what_is_done_to_one_appliance_is_done_one_after_the_other(strategy: str) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    for vm in ("vm-one", "vm-two", "vm-three"):
        stage.service.start_test(vm, custom_config={"test_strategy": strategy})

    carry_on(stage)

    assert set(FailoverJob.objects.values_list("state", flat=True)) == {JobState.WINDOW_OPEN}
    hot = {"detach_from_appliance", "return_to_appliance"} | ({"take_snapshot"} if strategy == "clone" else set())
    spans = sorted(
        (attempt.intent_at, attempt.ended_at)
        for attempt in StepAttempt.objects.filter(step__command__in=hot)
        if attempt.ended_at is not None
    )
    assert len(spans) >= 6
    for (_, ended), (begun, _) in itertools.pairwise(spans):
        assert ended <= begun


@pytest.mark.parametrize("first", ["live", "test"])
@pytest.mark.parametrize("second", ["live", "test"])
def test_a_vm_that_is_being_worked_on_is_not_given_to_a_second_job(first: str, second: str) -> None:
    stage = scene()
    start = {"live": stage.service.start_live, "test": stage.service.start_test}
    holder = start[first]("vm-one")

    with pytest.raises(ActiveJob, match=holder.job_id):
        start[second]("vm-one")

    assert FailoverJob.objects.count() == 1


def test_a_step_that_queues_says_for_what_and_which_job_has_it() -> None:
    stage = scene()
    for vm in ("vm-one", "vm-two"):
        stage.service.start_live(vm)
    waiting = Step.objects.exclude(waiting_for="")

    stage.service.run(until=waiting.exists)

    for step in waiting:
        holder = Reservation.objects.get(resource=step.waiting_for).job
        assert step.reason == f"Waits for {step.waiting_for}, which {holder.job_id} uses just now."
    stage.service.run()
    assert not JobEvent.objects.filter(kind="defect").exists()
