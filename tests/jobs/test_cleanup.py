"""This will prove when a cleanup may begin again, and that it never works beside somebody else on the same VM."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from jobs import services
from jobs.errors import ActiveJob, CannotCancel, CannotCleanUp, RevertForbidden
from jobs.models import FailoverJob, JobState, Outcome
from jobs.presentation import allowed_actions
from tests.support.scenes import Scene, scene
from tests.support.worlds import assert_all_back, assert_never_harmed, remember

pytestmark = pytest.mark.django_db

VM = "vm-one"


def _in_window(stage: Scene) -> FailoverJob:
    job = stage.service.start_test(VM)
    stage.service.run(until=lambda: FailoverJob.objects.filter(pk=job.pk, state=JobState.WINDOW_OPEN).exists())
    job.refresh_from_db()
    return job


def _answer(stage: Scene, job: FailoverJob, choice: str) -> None:
    question = job.questions.get(answered_at__isnull=True)
    services.answer(
        engine=stage.service.engine, job_id=job.job_id, question_id=question.pk, choice=choice, actor="tester"
    )
    stage.service.run()
    job.refresh_from_db()


def _with_a_snapshot_left(stage: Scene) -> FailoverJob:
    job = _in_window(stage)
    stage.simulator.faults.add(Fault("deleteSnapshot", "refuse", times=5))
    stage.service.clean_up(job)
    stage.service.run()
    _answer(stage, job, "skip")
    assert job.state == JobState.FINISHED
    return job


def _cleanup_is_allowed(job: FailoverJob) -> bool:
    job.refresh_from_db()
    return next(action.allowed for action in allowed_actions(job) if action.action == "cleanup")


def test_what_was_skipped_is_removed_by_another_cleanup_and_a_third_is_refused() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = _with_a_snapshot_left(stage)
    assert _cleanup_is_allowed(job)

    stage.service.clean_up(job)
    stage.service.run()

    assert_all_back(stage.simulator, job, before, outcome=Outcome.SUCCEEDED)
    assert not _cleanup_is_allowed(job)
    with pytest.raises(CannotCleanUp):
        stage.service.clean_up(job)


@pytest.mark.slow
def test_a_test_that_an_operator_left_where_it_was_is_cleaned_up_on_request() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_test(VM)
    # The start never ends, an operator leaves everything as it is, and after a restart of CloudStack the VM runs.
    stage.simulator.faults.add(Fault("startVirtualMachine", "hang"))
    stage.service.run()
    job.questions.update(choices=[{"choice": "leave", "effect": "as the operator wishes"}])
    _answer(stage, job, "leave")
    assert (job.state, job.outcome) == (JobState.FINISHED, Outcome.FAILED)
    assert _cleanup_is_allowed(job)
    stage.simulator.restart_management_server()

    stage.service.clean_up(job)
    stage.service.run()

    assert_never_harmed(stage.simulator)
    assert_all_back(stage.simulator, job, before, outcome=Outcome.FAILED)


@pytest.mark.slow
def test_a_cleanup_of_an_ended_test_waits_for_the_failover_that_has_the_vm() -> None:
    stage = scene()
    job = _with_a_snapshot_left(stage)
    live = stage.service.start_live(VM)

    with pytest.raises(ActiveJob, match=live.job_id):
        stage.service.clean_up(job)

    stage.service.run()
    stage.service.clean_up(job)
    stage.service.run()
    job.refresh_from_db()
    live.refresh_from_db()
    assert (job.state, live.outcome) == (JobState.FINISHED, Outcome.SUCCEEDED)
    assert [snapshot.name for snapshot in stage.simulator.snapshots()] == [f"{live.marker}-rollback-disk0"]
    assert_never_harmed(stage.simulator)


@pytest.mark.slow
def test_a_cleanup_of_an_ended_test_waits_for_the_test_that_runs_now() -> None:
    stage = scene()
    job = _with_a_snapshot_left(stage)
    another = _in_window(stage)

    with pytest.raises(ActiveJob, match=another.job_id):
        stage.service.clean_up(job)


def test_a_running_test_is_ended_by_its_cleanup_and_not_by_a_cancel() -> None:
    stage = scene()
    job = _in_window(stage)

    with pytest.raises(CannotCancel, match="the cleanup ends a test"):
        services.cancel(engine=stage.service.engine, job_id=job.job_id, actor="tester")

    job.refresh_from_db()
    assert job.cancel_requested_at is None
    assert _cleanup_is_allowed(job)


def test_booting_replicas_is_refused_where_the_key_could_not_revert_them(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = scene()
    gateway = stage.service.gateway(stage.inventory.cloud)
    allowed = gateway.allowed_apis() - {"revertSnapshot"}
    monkeypatch.setattr(gateway, "allowed_apis", lambda: allowed)

    with pytest.raises(RevertForbidden, match="revertSnapshot"):
        stage.service.start_test(VM, custom_config={"test_strategy": "boot_and_revert"})

    assert not FailoverJob.objects.exists()
