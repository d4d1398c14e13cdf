"""After a live failover an operator rolls back or commits; a test's window is extended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloudstack_simulator import Fault
from inventory.models import HoldMethod
from inventory.reservations import reserve
from jobs import services, verbs
from jobs.errors import (
    ActiveJob,
    BadDuration,
    CannotCommit,
    CannotExtend,
    CannotRollBack,
    CloudNotUsable,
    NameNotConfirmed,
)
from jobs.models import FailoverJob, JobState, Outcome, PlanKind
from jobs.presentation import allowed_actions
from tests.support.ends_of_rollbacks import assert_committed, assert_rolled_back
from tests.support.first_everywhere import first_everywhere
from tests.support.scenes import Scene, scene
from tests.support.service import describe
from tests.support.telling import carry_on, for_seconds, until_called, until_ended
from tests.support.worlds import Before, remember
from validation.errors import NotReady

pytestmark = pytest.mark.django_db


def _failed_over(vm_id: str, *, hold_method: HoldMethod = HoldMethod.NONE) -> tuple[Scene, FailoverJob, Before]:
    stage = scene(hold_method=hold_method)
    before = remember(stage.simulator)
    job = stage.service.start_live(vm_id)
    carry_on(stage)
    job.refresh_from_db()
    assert job.outcome == Outcome.SUCCEEDED
    return stage, job, before


def _roll_back(stage: Scene, job: FailoverJob, *, typed_name: str | None = None) -> FailoverJob:
    name = job.vm_name if typed_name is None else typed_name
    return verbs.roll_back(engine=stage.service.engine, job_id=job.job_id, typed_name=name, actor="olga", reason="bad")


def _allowed(job: FailoverJob) -> set[str]:
    return {action.action for action in allowed_actions(job) if action.allowed}


@pytest.mark.slow
@pytest.mark.parametrize("hold_method", [HoldMethod.NONE, HoldMethod.HOOK])
@pytest.mark.parametrize("vm_id", ["vm-one", "vm-three"])
def test_a_rollback_brings_every_disk_back_as_it_was_before_the_first_start(
    vm_id: str, hold_method: HoldMethod
) -> None:
    stage, job, before = _failed_over(vm_id, hold_method=hold_method)

    _roll_back(stage, job)
    carry_on(stage)

    assert_rolled_back(stage, job, before)


@pytest.mark.slow
@pytest.mark.parametrize("nth", first_everywhere(range(1, 12)))
def test_a_disk_that_cannot_be_read_for_a_moment_is_read_again_wherever_that_was(nth: int) -> None:
    stage, job, before = _failed_over("vm-one")
    _roll_back(stage, job)
    # Three times in a row: a read is tried again at once where the connection broke.
    stage.simulator.faults.add(Fault("listVolumes", "refuse", nth=nth, times=3))
    carry_on(stage)

    job.refresh_from_db()
    assert job.defects == 0, describe(job)
    assert not job.events.filter(kind="defect").exists()
    assert_rolled_back(stage, job, before)


def test_after_a_rollback_no_failover_starts_from_the_unverified_replicas() -> None:
    stage, job, _ = _failed_over("vm-one")
    _roll_back(stage, job)
    carry_on(stage)

    with pytest.raises(NotReady):
        stage.service.start_live("vm-one", skip_validation=True)


def test_a_rollback_asks_for_the_name_of_the_vm_whose_writes_are_lost() -> None:
    stage, job, _ = _failed_over("vm-one")

    with pytest.raises(NameNotConfirmed):
        _roll_back(stage, job, typed_name="another")

    job.refresh_from_db()
    assert (job.state, job.outcome) == (JobState.FINISHED, Outcome.SUCCEEDED)


def test_a_rollback_says_before_what_it_would_lose() -> None:
    stage, job, _ = _failed_over("vm-two")
    stage.service.clock.stepped.advance(3600.0)

    preview = verbs.rollback_preview(engine=stage.service.engine, job=job)

    assert preview["writes_lost_since"] == job.point_of_no_return_at
    assert preview["writes_lost_seconds"] >= 3600.0
    assert preview["steps"][0] == "Stop the target VM"
    assert stage.simulator.calls.count("stopVirtualMachine") == 0


@pytest.mark.parametrize("vm_id", ["vm-one", "vm-three"])
def test_a_rollback_whose_snapshot_a_stranger_deleted_is_refused_and_the_vm_still_runs(vm_id: str) -> None:
    stage, job, _ = _failed_over(vm_id)
    point = [point for point in stage.simulator.snapshots() if point.name.startswith(job.marker)][-1]
    stage.simulator.call("deleteSnapshot", id=point.id)
    for_seconds(stage, 60.0)

    with pytest.raises(CannotRollBack, match=f"{point.id} .* is gone"):
        _roll_back(stage, job)
    with pytest.raises(CannotRollBack, match=point.id):
        verbs.rollback_preview(engine=stage.service.engine, job=job)

    carry_on(stage)
    target = stage.simulator.vm(job.destination_vm_id)
    assert target is not None and (target.state, target.running_on_hypervisor) == ("Running", True)
    assert job.plans.count() == 1
    assert _allowed(services.job_of(job.job_id)) == {"rollback", "commit"}


def test_a_rollback_on_a_cloud_that_does_not_answer_is_refused_and_may_be_asked_for_again() -> None:
    stage, job, before = _failed_over("vm-one")
    stage.simulator.restart_management_server(down_seconds=120.0)

    with pytest.raises(CloudNotUsable):
        _roll_back(stage, job)

    for_seconds(stage, 130.0)
    _roll_back(stage, job)
    carry_on(stage)
    assert_rolled_back(stage, job, before)


def test_a_rollback_pressed_twice_is_one() -> None:
    stage, job, before = _failed_over("vm-one")

    _roll_back(stage, job)
    until_called(stage, "stopVirtualMachine")
    _roll_back(stage, job)
    carry_on(stage)

    assert job.plans.filter(kind=PlanKind.ROLLBACK).count() == 1
    assert_rolled_back(stage, job, before)
    with pytest.raises(CannotRollBack):
        _roll_back(stage, job)


def test_a_commit_removes_the_way_back_and_leaves_the_vm_running() -> None:
    stage, job, _ = _failed_over("vm-two")

    verbs.commit(engine=stage.service.engine, job_id=job.job_id, actor="olga")
    verbs.commit(engine=stage.service.engine, job_id=job.job_id, actor="olga")
    carry_on(stage)

    assert_committed(stage, job)
    with pytest.raises(CannotRollBack):
        _roll_back(stage, job)
    with pytest.raises(CannotCommit):
        verbs.commit(engine=stage.service.engine, job_id=job.job_id, actor="olga")


def test_no_way_back_begins_while_other_work_holds_the_vm() -> None:
    stage, job, _ = _failed_over("vm-one")
    reserve(vm=job.vm, kind="failover", reference="other-work", now=stage.service.clock.now())  # type: ignore[arg-type]

    with pytest.raises(ActiveJob):
        _roll_back(stage, job)
    with pytest.raises(ActiveJob):
        verbs.commit(engine=stage.service.engine, job_id=job.job_id, actor="olga")

    job.refresh_from_db()
    assert job.outcome == Outcome.SUCCEEDED


def test_a_job_says_which_verbs_may_be_used_at_every_stage() -> None:
    stage = scene()
    job = stage.service.start_live("vm-one")
    assert _allowed(job) == {"cancel"}
    carry_on(stage)
    job.refresh_from_db()
    assert _allowed(job) == {"rollback", "commit"}
    _roll_back(stage, job)
    job.refresh_from_db()
    assert _allowed(job) == set()


@pytest.mark.slow
def test_an_extended_window_ends_so_much_later() -> None:
    stage = scene()
    job = stage.service.start_test("vm-one", window_seconds=600, auto_cleanup=True)
    carry_on(stage)
    job.refresh_from_db()
    first_end = job.window_ends_at
    assert first_end is not None

    verbs.extend(engine=stage.service.engine, job_id=job.job_id, duration="30m", actor="olga")
    for_seconds(stage, 1200.0)

    job.refresh_from_db()
    assert (job.state, job.window_ends_at) == (JobState.WINDOW_OPEN, first_end + timedelta(minutes=30))
    until_ended(stage, job)
    job.refresh_from_db()
    assert job.completed_at is not None
    assert job.completed_at >= first_end + timedelta(minutes=30)


def test_an_overdue_test_is_extended_from_now_on() -> None:
    stage = scene()
    job = stage.service.start_test("vm-one", window_seconds=600)
    carry_on(stage)
    for_seconds(stage, 2000.0)
    job.refresh_from_db()
    assert job.overdue_since is not None

    job = verbs.extend(engine=stage.service.engine, job_id=job.job_id, duration="10m", actor="olga")

    assert job.overdue_since is None
    assert job.window_ends_at == stage.service.clock.now() + timedelta(minutes=10)


@pytest.mark.parametrize("duration", ["0s", "soon", "9999h"])
def test_a_window_is_not_extended_by_nonsense(duration: str) -> None:
    stage = scene()
    job = stage.service.start_test("vm-one")
    carry_on(stage)

    with pytest.raises(BadDuration):
        verbs.extend(engine=stage.service.engine, job_id=job.job_id, duration=duration, actor="olga")


def test_only_an_open_window_is_extended() -> None:
    stage = scene()
    job = stage.service.start_test("vm-one")
    with pytest.raises(CannotExtend):
        verbs.extend(engine=stage.service.engine, job_id=job.job_id, duration="10m", actor="olga")
    carry_on(stage)
    stage.service.clean_up(services.job_of(job.job_id))
    with pytest.raises(CannotExtend):
        verbs.extend(engine=stage.service.engine, job_id=job.job_id, duration="10m", actor="olga")


def test_after_a_live_failover_readiness_names_the_job_that_took_the_disks() -> None:
    stage, job, _ = _failed_over("vm-two")

    with pytest.raises(NotReady, match=f"the target VM of failover job {job.job_id}") as refused:
        stage.service.start_test("vm-two")

    (found,) = [judged.finding for judged in refused.value.blocking if judged.check.name == "Volume Status"]
    assert found.details["taken_by"] == [job.job_id]
    assert found.required_actions[0].startswith(f"Roll failover job {job.job_id} back")


def test_a_committed_disk_is_no_replica_any_more_and_readiness_says_whose_it_is() -> None:
    stage, job, _ = _failed_over("vm-one")
    verbs.commit(engine=stage.service.engine, job_id=job.job_id, actor="olga")
    carry_on(stage)

    with pytest.raises(NotReady, match="belongs to a target VM"):
        stage.service.start_live("vm-one", skip_validation=True)
