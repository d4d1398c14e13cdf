"""A failover that stopped, failed or was undone is tried again, from where it stopped or as another job."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cloudstack_simulator import Fault
from inventory.models import ReplicaVolume
from jobs.errors import CannotRetry
from jobs.models import FailoverJob, JobState, Outcome
from jobs.retries import Retried, Way, retry, retry_preview
from tests.support.scenes import Scene, scene
from tests.support.telling import answer, carry_on, count_of, until_called
from tests.support.worlds import Before, assert_all_back, assert_failed_over, assert_never_harmed, remember
from validation.errors import NotReady

pytestmark = pytest.mark.django_db


def _retry(stage: Scene, job: FailoverJob) -> Retried:
    service = stage.service
    return retry(engine=service.engine, gateways=service.gateway, job_id=job.job_id, actor="olga", reason="mended")


def _way(stage: Scene, job: FailoverJob) -> Way:
    service = stage.service
    job.refresh_from_db()
    return Way(retry_preview(engine=service.engine, gateways=service.gateway, job=job)["way"])


def _left_at_the_start() -> tuple[Scene, FailoverJob, Before]:
    """A live failover whose start failed, and whose operator left everything where it was."""
    stage = scene()
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("startVirtualMachine", "fail", times=3))
    job = stage.service.start_live("vm-two")
    carry_on(stage)
    answer(stage, job, "leave")
    carry_on(stage)
    job.refresh_from_db()
    assert (job.state, job.outcome) == (JobState.FINISHED, Outcome.FAILED)
    return stage, job, before


def _undone() -> tuple[Scene, FailoverJob, Before]:
    stage = scene()
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("startVirtualMachine", "refuse"))
    job = stage.service.start_live("vm-two")
    carry_on(stage)
    assert_all_back(stage.simulator, job, before, outcome=Outcome.FAILED)
    return stage, job, before


@pytest.mark.slow
def test_a_job_that_was_left_goes_on_from_the_failed_step_and_makes_nothing_twice() -> None:
    stage, job, before = _left_at_the_start()
    made = [count_of(stage, command) for command in ("deployVirtualMachine", "createSnapshot")]

    assert _way(stage, job) == Way.CONTINUE
    retried = _retry(stage, job)
    carry_on(stage)

    assert (retried.way, retried.job.pk) == (Way.CONTINUE, job.pk)
    assert [count_of(stage, command) for command in ("deployVirtualMachine", "createSnapshot")] == made
    assert_failed_over(stage.simulator, job, before)
    assert job.events.get(kind="retried").fields["reason"] == "mended"


def test_what_is_shown_of_a_retry_does_nothing() -> None:
    stage, job, _ = _left_at_the_start()

    preview = retry_preview(engine=stage.service.engine, gateways=stage.service.gateway, job=job)

    assert preview["steps"] == ["Start the target VM"]
    job.refresh_from_db()
    assert (job.state, FailoverJob.objects.count()) == (JobState.FINISHED, 1)


@pytest.mark.slow
def test_a_retry_pressed_twice_is_one() -> None:
    stage, job, before = _left_at_the_start()

    _retry(stage, job)
    assert _retry(stage, job).job.pk == job.pk
    carry_on(stage)

    assert_failed_over(stage.simulator, job, before)
    with pytest.raises(CannotRetry, match="did not fail"):
        _retry(stage, job)


@pytest.mark.slow
def test_a_job_that_was_undone_is_tried_again_as_another_job_of_the_same_request() -> None:
    stage, job, before = _undone()

    assert _way(stage, job) == Way.RESTART
    later = _retry(stage, job).job
    assert _retry(stage, job).job.pk == later.pk
    carry_on(stage)

    assert (later.pk != job.pk, later.retry_of_id, later.vm_name) == (True, job.pk, job.vm_name)
    assert_failed_over(stage.simulator, later, before)
    with pytest.raises(CannotRetry, match=later.job_id):
        _retry(stage, job)


def test_a_cancelled_test_is_tried_again_with_its_window_and_its_options() -> None:
    stage = scene()
    options = {"test_strategy": "detached_clone"}
    job = stage.service.start_test("vm-one", window_seconds=600, auto_cleanup=True, custom_config=options)
    until_called(stage, "createSnapshot")
    stage.service.clean_up(job)
    carry_on(stage)
    job.refresh_from_db()
    assert job.outcome == Outcome.CANCELLED

    later = _retry(stage, job).job

    assert (later.window_seconds, later.auto_cleanup, later.custom_config) == (600, True, options)


def _lose_a_rollback_point(stage: Scene, job: FailoverJob) -> None:
    stage.simulator.call("deleteSnapshot", id=job.snapshot_id)
    stage.service.clock.stepped.advance(60.0)


def _replicate_on(stage: Scene, job: FailoverJob) -> None:
    ReplicaVolume.objects.filter(disk__vm=job.vm).update(change_id="later")


@pytest.mark.slow
@pytest.mark.parametrize("hand", [_lose_a_rollback_point, _replicate_on])
def test_a_job_whose_makings_or_replicas_changed_does_not_go_on_and_the_refusal_is_said_before(
    hand: Callable[[Scene, FailoverJob], None],
) -> None:
    stage, job, _ = _left_at_the_start()
    starts = count_of(stage, "startVirtualMachine")
    hand(stage, job)

    preview = retry_preview(engine=stage.service.engine, gateways=stage.service.gateway, job=job)
    assert preview["way"] == Way.RESTART
    assert "is gone" in preview["words"] or "was replicated since" in preview["words"]
    assert preview["obstacle"]
    with pytest.raises(NotReady):
        _retry(stage, job)

    carry_on(stage)
    assert count_of(stage, "startVirtualMachine") == starts
    assert_never_harmed(stage.simulator)


@pytest.mark.slow
def test_a_job_that_asks_whether_to_run_a_step_again_is_answered_by_a_retry() -> None:
    stage = scene()
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("startVirtualMachine", "fail", times=3))
    job = stage.service.start_live("vm-two")
    carry_on(stage)

    assert _way(stage, job) == Way.ANSWER
    _retry(stage, job)
    carry_on(stage)

    assert_failed_over(stage.simulator, job, before)


@pytest.mark.slow
def test_a_job_that_moves_or_has_nothing_to_run_again_is_not_retried() -> None:
    stage = scene()
    job = stage.service.start_live("vm-one")
    with pytest.raises(CannotRetry, match="has not stopped"):
        _retry(stage, job)
    stage.simulator.faults.add(Fault("createSnapshot", "hang"))
    carry_on(stage)
    job.refresh_from_db()
    assert job.state == JobState.WAITING_FOR_OPERATOR

    with pytest.raises(CannotRetry, match="none of the choices"):
        _retry(stage, job)
