"""What a step waits for in vain becomes a question within its limit, and each of its choices leads on."""

from __future__ import annotations

import dataclasses

import pytest

from cloudstack_simulator.records import Volume
from inventory.models import Appliance, HoldMethod
from jobs.commands.base import LONGEST_COPY, LONGEST_WAIT
from jobs.models import FailoverJob, Outcome, Question, Step
from tests.support.choices import disk_of, takes
from tests.support.ends_of_tests import assert_removed
from tests.support.scenes import Scene, scene
from tests.support.service import describe
from tests.support.telling import answer, carry_on, count_of, for_seconds, until_called, until_done
from tests.support.worlds import (
    assert_all_back,
    assert_failed_over,
    assert_waits_for_operator,
    remember,
)

pytestmark = pytest.mark.django_db


def _a_stuck_disk(stage: Scene) -> FailoverJob:
    """The boot disk leaves its appliance; the other, which is next, is Snapshotting from then on."""
    job = stage.service.start_live("vm-two")
    until_called(stage, "detachVolume")
    _disk(stage, job, 1).state = "Snapshotting"
    carry_on(stage)
    return job


def _disk(stage: Scene, job: FailoverJob, position: int) -> Volume:
    return stage.simulator.cloud.world.volumes[disk_of(job, position)]


def _half_made(stage: Scene, job: FailoverJob) -> None:
    """Put a volume into the cloud that bears the name of the job's copy and is Creating for ever."""
    name = str(Step.objects.get(plan__job=job, key="clone-disk0").arguments["clone_name"])
    volumes = stage.simulator.cloud.world.volumes
    half = dataclasses.replace(
        _disk(stage, job, 0), id="half-made", name=name, state="Creating", vm_id=None, device_id=None, holders=[]
    )
    volumes.put(dataclasses.replace(half, replica=False))


def _choices_of(job: FailoverJob) -> list[str]:
    question = Question.objects.get(job=job, answered_at=None)
    return [offered["choice"] for offered in question.choices]


def _waited(job: FailoverJob) -> float:
    question = Question.objects.select_related("step").get(job=job, answered_at=None)
    assert question.step is not None
    assert question.step.waiting_since is not None
    return (question.asked_at - question.step.waiting_since).total_seconds()


@pytest.mark.slow
def test_a_disk_that_never_becomes_ready_is_asked_about_and_the_failover_goes_on_when_it_is() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = _a_stuck_disk(stage)

    assert_waits_for_operator(job, kind="guard")
    assert LONGEST_WAIT <= _waited(job) <= LONGEST_WAIT + 60.0
    assert _choices_of(job) == ["look_again", "undo", "leave"]
    _disk(stage, job, 1).state = "Ready"
    answer(stage, job, "look_again")
    carry_on(stage)

    assert_failed_over(stage.simulator, job, before)


def test_a_queue_in_an_outage_is_not_counted_as_a_wait_for_what_is_seen_after_it() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_live("vm-two")
    until_called(stage, "detachVolume")
    stage.simulator.restart_management_server(down_seconds=LONGEST_WAIT + 120.0)
    disk = _disk(stage, job, 1)
    disk.state = "Snapshotting"
    until_done(stage, job, "detach-disk0")
    for_seconds(stage, 30.0)
    assert "waits until it is Ready" in Step.objects.get(plan__job=job, key="detach-disk1").reason, describe(job)
    assert not job.questions.exists(), describe(job)

    disk.state = "Ready"
    carry_on(stage)

    assert_failed_over(stage.simulator, job, before)


@pytest.mark.slow
@takes("ask_about_long_wait", "undo")
def test_a_failover_whose_disk_never_becomes_ready_is_undone_as_soon_as_the_cloud_lets_it() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = _a_stuck_disk(stage)

    answer(stage, job, "undo")
    carry_on(stage)
    assert_all_back(stage.simulator, job, before, outcome=Outcome.FAILED)


@pytest.mark.slow
@pytest.mark.any_database
def test_a_copy_that_somebody_else_makes_under_our_name_and_never_ends_is_asked_about() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-one")
    until_called(stage, "createSnapshot")
    _half_made(stage, job)
    carry_on(stage)

    assert_waits_for_operator(job, kind="guard")
    assert LONGEST_COPY <= _waited(job) <= LONGEST_COPY + 60.0
    stage.simulator.cloud.world.volumes["half-made"].removed = True
    answer(stage, job, "undo")
    carry_on(stage)

    assert count_of(stage, "createVolume") == 0
    assert_removed(stage, job, before, outcome=Outcome.FAILED)


@pytest.mark.slow
def test_where_the_hook_is_dead_the_operator_holds_replication_by_hand_instead() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    stage.hook.misbehave("silent")
    job = stage.service.start_live("vm-two")
    carry_on(stage)
    assert_waits_for_operator(job, kind="guard")
    assert LONGEST_WAIT <= _waited(job) <= LONGEST_WAIT + 60.0

    Appliance.objects.update(hold_method=HoldMethod.MANUAL)
    answer(stage, job, "look_again")
    carry_on(stage)
    answer(stage, job, "treat_as_done")
    carry_on(stage)

    assert_failed_over(stage.simulator, job, before)
