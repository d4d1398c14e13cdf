"""What an undo, a rollback or a commit left undone is taken up again by the verb that left it."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from inventory.models import HoldMethod, ReplicaState, ReplicaVolume
from jobs import verbs
from jobs.errors import CannotCommit, CannotRollBack, CloudNotUsable, NameNotConfirmed
from jobs.leftovers import left_behind
from jobs.models import FailoverJob, JobState, Outcome, PlanKind
from jobs.presentation import allowed_actions
from jobs.retries import retry_preview
from jobs.services import job_of
from tests.support.choices import by_hand, disk_of
from tests.support.ends_of_rollbacks import assert_committed, assert_rolled_back
from tests.support.half_done import failed_over, half_rolled_back, roll_back, skip_all
from tests.support.scenes import Scene, scene
from tests.support.service import describe
from tests.support.telling import answer, carry_on, count_of, for_seconds
from tests.support.worlds import assert_all_back, assert_waits_for_operator, remember

pytestmark = pytest.mark.django_db


def _commit(stage: Scene, job: FailoverJob) -> FailoverJob:
    return verbs.commit(engine=stage.service.engine, job_id=job.job_id, actor="olga")


def _allowed(job: FailoverJob) -> set[str]:
    return {action.action for action in allowed_actions(job_of(job.job_id)) if action.allowed}


def _states(job: FailoverJob) -> set[str]:
    return set(ReplicaVolume.objects.filter(disk__vm=job.vm).values_list("state", flat=True))


@pytest.mark.slow
@pytest.mark.parametrize("command", ["stopVirtualMachine", "detachVolume", "attachVolume", "destroyVirtualMachine"])
def test_a_half_skipped_rollback_is_brought_to_its_end_by_pressing_rollback_again(command: str) -> None:
    stage, job, before = half_rolled_back(command)
    assert _allowed(job) >= {"rollback"}

    roll_back(stage, job)
    roll_back(stage, job)
    carry_on(stage)

    assert_rolled_back(stage, job, before)
    assert left_behind(job) == []
    assert job.plans.filter(kind=PlanKind.ROLLBACK).count() == 2
    assert "rollback" not in _allowed(job)
    with pytest.raises(CannotRollBack, match="rolled back already"):
        roll_back(stage, job)


@pytest.mark.slow
def test_a_vm_that_somebody_started_meanwhile_is_stopped_before_its_disks_come_off() -> None:
    stage, job, before = half_rolled_back("detachVolume", "vm-one")
    by_hand(stage, "startVirtualMachine", id=job.destination_vm_id)

    roll_back(stage, job)
    carry_on(stage)

    assert_rolled_back(stage, job, before)
    assert count_of(stage, "stopVirtualMachine") == 2


@pytest.mark.slow
def test_what_somebody_put_right_by_hand_is_adopted() -> None:
    stage, job, before = half_rolled_back("attachVolume")
    appliance = stage.inventory.appliance.virtual_machine_id
    for position in range(2):
        place = before.places[disk_of(job, position)]
        by_hand(stage, "attachVolume", id=disk_of(job, position), virtualmachineid=appliance, deviceid=place[1])
    by_hand_so_far = count_of(stage, "attachVolume")

    roll_back(stage, job)
    carry_on(stage)

    assert_rolled_back(stage, job, before)
    assert count_of(stage, "attachVolume") == by_hand_so_far


def test_a_disk_that_went_home_unreverted_is_unverified_and_not_reverted_under_its_replication() -> None:
    stage, job, _ = half_rolled_back("revertSnapshot", "vm-one")
    tried = count_of(stage, "revertSnapshot")
    assert _states(job) == {ReplicaState.UNVERIFIED}

    with pytest.raises(CannotRollBack, match="rolled back already"):
        roll_back(stage, job)

    carry_on(stage)
    assert "rollback" not in _allowed(job)
    assert count_of(stage, "revertSnapshot") == tried
    (entry,) = left_behind(job)
    assert "replicated in full" in entry["to_do"]


@pytest.mark.slow
def test_only_the_vm_is_removed_where_a_later_failover_has_worked_on_the_disks() -> None:
    stage, job, _ = half_rolled_back("destroyVirtualMachine", "vm-one")
    ReplicaVolume.objects.filter(disk__vm=job.vm).update(state=ReplicaState.GOOD)
    later = stage.service.start_live("vm-one")
    carry_on(stage)
    later.refresh_from_db()
    assert later.outcome == Outcome.SUCCEEDED, describe(later)

    roll_back(stage, job)
    carry_on(stage)

    job.refresh_from_db()
    assert job.outcome == Outcome.ROLLED_BACK, describe(job)
    assert stage.simulator.vm(job.destination_vm_id) is None
    volume = stage.simulator.volume(disk_of(job, 0))
    assert volume is not None and volume.holders == {later.destination_vm_id}
    assert _states(job) == {ReplicaState.GOOD}


@pytest.mark.slow
def test_the_rest_of_an_undo_of_a_cancelled_failover_is_done_by_rollback_and_nothing_is_lost() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("attachVolume", "refuse", times=1000))
    job = stage.service.start_live("vm-two")
    skip_all(stage, job)
    stage.simulator.faults.clear()
    assert _allowed(job) == {"retry", "rollback"}
    again = retry_preview(engine=stage.service.engine, gateways=stage.service.gateway, job=job)
    assert "ask for the rollback instead" in again["words"]

    preview = verbs.rollback_preview(engine=stage.service.engine, job=job)
    assert (preview["writes_lost_since"], preview["rollback_points"]) == (None, [])
    assert all("appliance" in title for title in preview["steps"]), preview
    with pytest.raises(NameNotConfirmed):
        verbs.roll_back(engine=stage.service.engine, job_id=job.job_id, typed_name="other", actor="olga")
    roll_back(stage, job)
    roll_back(stage, job)
    carry_on(stage)

    assert_all_back(stage.simulator, job, before, outcome=Outcome.FAILED)
    assert left_behind(job) == []
    assert job.plans.filter(kind=PlanKind.COMPENSATE).count() == 2
    assert _states(job) == {ReplicaState.GOOD}


def test_a_failover_that_was_left_where_it_was_before_its_start_is_undone_by_rollback() -> None:
    stage = scene()
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("updateVirtualMachine", "own_id"))
    stage.simulator.faults.add(Fault("attachVolume", "own_id"))
    job = stage.service.start_live("vm-one")
    carry_on(stage)
    assert_waits_for_operator(job, kind="foreign_job_id")
    answer(stage, job, "leave")
    carry_on(stage)
    for_seconds(stage, 120.0)
    assert _allowed(job) == {"retry", "rollback"}

    roll_back(stage, job)
    carry_on(stage)

    assert_all_back(stage.simulator, job, before, outcome=Outcome.FAILED)
    assert _states(job) <= {ReplicaState.UNVERIFIED, ReplicaState.GOOD}


@pytest.mark.slow
def test_a_failover_that_was_left_with_its_failed_start_is_rolled_back_to_its_points() -> None:
    stage = scene()
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("startVirtualMachine", "fail", times=1000))
    job = stage.service.start_live("vm-two")
    carry_on(stage)
    assert_waits_for_operator(job, kind="failed_start")
    answer(stage, job, "leave")
    carry_on(stage)
    stage.simulator.faults.clear()
    by_hand(stage, "startVirtualMachine", id=job_of(job.job_id).destination_vm_id)
    for_seconds(stage, 60.0)

    roll_back(stage, job)
    carry_on(stage)

    assert_rolled_back(stage, job, before)
    assert count_of(stage, "revertSnapshot") == 2


def test_a_vm_is_not_stopped_where_what_was_left_can_not_be_reverted() -> None:
    stage, job, _ = half_rolled_back("stopVirtualMachine", "vm-one")
    (point,) = [point for point in stage.simulator.snapshots() if point.name.startswith(job.marker)]
    by_hand(stage, "deleteSnapshot", id=point.id)

    with pytest.raises(CannotRollBack, match=f"{point.id} .* is gone"):
        roll_back(stage, job)

    target = stage.simulator.vm(job.destination_vm_id)
    assert target is not None and target.running_on_hypervisor


@pytest.mark.slow
def test_nothing_is_sent_beside_a_strangers_job_that_was_left_and_still_runs() -> None:
    stage, job, before = failed_over("vm-one")
    stage.simulator.faults.add(Fault("stopVirtualMachine", "own_id"))
    roll_back(stage, job)
    stage.service.run(until=lambda: job.questions.filter(kind="foreign_job_id").exists())
    answer(stage, job, "leave")
    stage.service.run(until=lambda: job_of(job.job_id).state == JobState.FINISHED)
    assert stage.simulator.unfinished_jobs() != []

    with pytest.raises(CannotRollBack, match="has not ended yet"):
        roll_back(stage, job)

    for_seconds(stage, 60.0)
    roll_back(stage, job)
    carry_on(stage)
    assert_rolled_back(stage, job, before)


@pytest.mark.slow
def test_a_cloud_that_does_not_answer_leaves_the_rest_for_later() -> None:
    stage, job, before = half_rolled_back("attachVolume", "vm-one")
    stage.simulator.restart_management_server(down_seconds=120.0)

    with pytest.raises(CloudNotUsable):
        roll_back(stage, job)

    for_seconds(stage, 130.0)
    roll_back(stage, job)
    carry_on(stage)
    assert_rolled_back(stage, job, before)


def test_a_rest_that_is_skipped_again_may_be_taken_up_again() -> None:
    stage, job, before = half_rolled_back("attachVolume", "vm-one")
    stage.simulator.faults.add(Fault("attachVolume", "refuse", times=1000))
    roll_back(stage, job)
    skip_all(stage, job)
    stage.simulator.faults.clear()
    assert _allowed(job) >= {"rollback"}

    roll_back(stage, job)
    carry_on(stage)

    assert_rolled_back(stage, job, before)


@pytest.mark.slow
def test_a_commit_that_left_a_rollback_point_is_pressed_again() -> None:
    stage, job, _ = failed_over("vm-two")
    stage.simulator.faults.add(Fault("deleteSnapshot", "refuse", times=1000))
    _commit(stage, job)
    skip_all(stage, job)
    stage.simulator.faults.clear()
    assert (job.outcome, _allowed(job)) == (Outcome.COMMITTED, {"commit"})
    assert all("ask for the commit again" in entry["to_do"] for entry in left_behind(job))

    _commit(stage, job)
    _commit(stage, job)
    carry_on(stage)

    assert_committed(stage, job)
    assert left_behind(job) == []
    with pytest.raises(CannotCommit, match="are gone"):
        _commit(stage, job)


def test_a_replica_is_in_doubt_from_the_moment_in_which_its_rollback_begins() -> None:
    stage, job, _ = failed_over("vm-one")

    roll_back(stage, job)

    assert _states(job) == {ReplicaState.UNVERIFIED}
