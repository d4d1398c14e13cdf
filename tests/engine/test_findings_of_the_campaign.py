"""What the campaign found, each as the shortest story that shows it (docs/campaign.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection

from cloudstack_simulator import Fault
from inventory.models import HoldMethod, ReplicaState, ReplicaVolume
from jobs import services
from jobs.engine import claims
from jobs.models import AttemptState, FailoverJob, JobState, Question, StepAttempt
from jobs.retries import retry
from tests.support.scenes import Scene, scene
from tests.support.telling import answer, carry_on, for_seconds, until_called
from tests.support.worlds import Before, assert_all_back, assert_failed_over, assert_waits_for_operator, remember

pytestmark = pytest.mark.django_db


class _FailsOnce:
    """A database that fails the first time that the answer to a call is written."""

    failed = False

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not self.failed and sql.startswith('UPDATE "jobs_stepattempt" SET "state"') and params[0] == "submitted":
            self.failed = True
            raise OperationalError("the database failed here")
        return execute(sql, params, many, context)


@pytest.mark.slow
def test_an_answer_that_could_not_be_written_down_does_not_hold_its_job_for_ever() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_live("vm-one")
    database = _FailsOnce()

    with connection.execute_wrapper(database):
        carry_on(stage)

    assert database.failed
    assert_failed_over(stage.simulator, job, before)


def test_a_clock_that_was_a_day_ahead_for_a_moment_neither_deafens_the_watcher_nor_makes_it_ask() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    job = stage.service.start_live("vm-one")
    stage.service.run(until=lambda: stage.simulator.calls.count("createSnapshot") == 1)
    began = stage.simulator.clock.now()

    stage.service.clock.ahead = 86400.0
    for_seconds(stage, 3.0)
    stage.service.clock.ahead = 0.0
    carry_on(stage)

    assert_failed_over(stage.simulator, job, before)
    assert not Question.objects.exists()
    assert stage.simulator.clock.now() - began < 3600.0


def test_a_failure_that_a_wrong_clock_noted_for_tomorrow_is_settled_today() -> None:
    stage = scene()
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("detachVolume", "fail"))
    job = stage.service.start_live("vm-one")
    until_called(stage, "detachVolume")
    began = stage.simulator.clock.now()

    stage.service.clock.ahead = 86400.0
    failed = StepAttempt.objects.filter(step__key="detach-disk0", state=AttemptState.UNKNOWN)
    stage.service.run(until=failed.exists)
    stage.service.clock.ahead = 0.0
    carry_on(stage)

    assert_failed_over(stage.simulator, job, before)
    assert not Question.objects.exists()
    assert stage.simulator.clock.now() - began < 3600.0


def test_a_job_that_a_wrong_clock_noted_for_tomorrow_is_asked_for_at_leisure_and_about_in_time() -> None:
    stage = scene()
    stage.simulator.faults.add(Fault("deployVirtualMachine", "hang"))
    stage.service.start_live("vm-one")
    with connection.execute_wrapper(_FailsOnce()):
        for_seconds(stage, 10.0)
    # Its async job turns up when the intent is taken over, while the clock is wrong.
    stage.service.clock.ahead = 86400.0
    stage.service.run(until=lambda: StepAttempt.objects.filter(state="submitted", step__key="deploy").exists())
    stage.service.clock.ahead = 0.0
    began = stage.simulator.clock.now()
    asked_before = stage.simulator.calls.count("queryAsyncJobResult")

    stage.service.run(until=lambda: Question.objects.filter(kind="endless_job").exists())

    assert stage.simulator.clock.now() - began < 3 * 3600.0
    # One that began so long ago is asked for less and less often.
    assert stage.simulator.calls.count("queryAsyncJobResult") - asked_before < 200


def _cancelled_during_a_restart(stage: Scene) -> FailoverJob:
    """Let the host take the disk out, while CloudStack says that it failed and still shows it on the appliance."""
    stage.simulator.faults.add(Fault("detachVolume", "restart"))
    job = stage.service.start_live("vm-one")
    stage.service.run(until=lambda: stage.simulator.calls.count("detachVolume") == 1)
    services.cancel(engine=stage.service.engine, job_id=job.job_id, actor="olga")
    stage.service.run()
    return job


def test_a_replica_that_a_host_may_have_detached_unseen_is_called_unverified() -> None:
    stage = scene()

    job = _cancelled_during_a_restart(stage)

    replica = ReplicaVolume.objects.get(disk__vm=job.vm)
    shown = stage.simulator.volume(replica.volume_id)
    assert shown is not None
    assert (shown.vm_id, shown.holders) == (stage.inventory.appliance.virtual_machine_id, frozenset())
    assert replica.state == ReplicaState.UNVERIFIED


def test_a_detach_that_was_refused_leaves_no_doubt() -> None:
    stage = scene()
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("detachVolume", "refuse"))

    job = stage.service.start_live("vm-one")
    stage.service.run()

    job.refresh_from_db()
    assert job.state == JobState.FINISHED
    assert job.outcome is not None
    assert_all_back(stage.simulator, job, before, outcome=job.outcome)  # type: ignore[arg-type]
    assert set(ReplicaVolume.objects.values_list("state", flat=True)) == {ReplicaState.GOOD}


def test_a_hold_that_is_called_done_and_is_not_seen_is_asked_about_and_not_believed() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    stage.hook.misbehave("lie", action="hold", times=1)
    job = stage.service.start_live("vm-one")

    carry_on(stage)

    assert_waits_for_operator(job, kind="unseen_success")
    assert stage.simulator.calls.count("createSnapshot") == 0
    assert {volume.vm_id for volume in stage.simulator.volumes() if volume.replica} == {
        stage.inventory.appliance.virtual_machine_id
    }


def _started_by_a_stranger() -> tuple[Scene, FailoverJob, Before]:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_live("vm-two")
    until_called(stage, "deployVirtualMachine")
    stage.service.clock.stepped.advance(5.0)
    _call_target(stage, "startVirtualMachine")
    carry_on(stage)
    answer(stage, job, "leave")
    carry_on(stage)
    retry(engine=stage.service.engine, gateways=stage.service.gateway, job_id=job.job_id, actor="olga")
    return stage, job, before


def _call_target(stage: Scene, command: str) -> None:
    target = next(vm for vm in stage.simulator.vms() if vm.name.startswith("two-"))
    stage.simulator.call(command, id=target.id)
    stage.service.clock.stepped.advance(60.0)


@pytest.mark.slow
def test_a_target_that_a_stranger_started_is_asked_about_instead_of_waited_for_without_end() -> None:
    stage, job, before = _started_by_a_stranger()

    carry_on(stage)

    assert_waits_for_operator(job, kind="guard")
    _call_target(stage, "stopVirtualMachine")
    answer(stage, job, "look_again")
    carry_on(stage)
    assert_failed_over(stage.simulator, job, before)


def test_a_clock_that_jumps_ahead_makes_no_wait_too_long() -> None:
    stage, job, before = _started_by_a_stranger()
    for_seconds(stage, 30.0)

    stage.service.clock.ahead = 86400.0
    for_seconds(stage, 60.0)
    stage.service.clock.ahead = 0.0
    _call_target(stage, "stopVirtualMachine")
    carry_on(stage)

    assert not Question.objects.filter(kind="guard").exists()
    assert_failed_over(stage.simulator, job, before)


def test_a_start_that_loses_against_a_cancel_is_not_ordered() -> None:
    stage = scene()
    job = stage.service.start_live("vm-one")
    FailoverJob.objects.filter(pk=job.pk).update(cancel_requested_at=stage.service.clock.now())

    with pytest.raises(claims.ClaimLost):
        claims._pass_point_of_no_return(stage.service.engine, job)

    job.refresh_from_db()
    assert job.point_of_no_return_at is None


def test_a_clock_that_is_a_day_slow_for_a_moment_shortens_no_wait() -> None:
    stage = scene()
    stage.simulator.faults.add(Fault("detachVolume", "restart"))
    stage.service.start_live("vm-one")
    unknown = StepAttempt.objects.filter(state="unknown", answer__kind="failed", step__key__startswith="detach")
    stage.service.run(until=unknown.exists)
    settled = unknown.get().settled_after
    stage.service.clock.ahead = -86400.0
    for _ in range(3):
        stage.service.run(until=lambda: True)
        stage.service.clock.stepped.advance(5.0)
    stage.service.clock.ahead = 0.0

    stage.service.run(until=lambda: True)

    assert unknown.get().settled_after == settled
    assert [reading["sight"] for reading in unknown.get().readings] == ["settling"]
