"""Rule 11: at every moment a job is ended, moving, in its window, or visibly waiting for an operator."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from inventory.models import HoldMethod
from jobs import services
from jobs.models import FailoverJob, JobState, Outcome, PlanKind
from tests.support.first_everywhere import first_everywhere
from tests.support.scenes import Scene, scene
from tests.support.service import describe
from tests.support.telling import carry_on
from tests.support.worlds import assert_all_back, remember

pytestmark = pytest.mark.django_db


def _assert_honest(job: FailoverJob) -> None:
    job.refresh_from_db()
    asked = job.questions.filter(answered_at=None).exists()
    assert (job.outcome is not None) == (job.state == JobState.FINISHED) == (job.completed_at is not None), describe(
        job
    )
    assert 0.0 <= job.progress <= 100.0, describe(job)
    match job.state:
        case JobState.QUEUED | JobState.RUNNING:
            assert job.next_look_at is not None, describe(job)
        case JobState.WAITING_FOR_OPERATOR:
            assert asked, describe(job)
        case JobState.WINDOW_OPEN:
            assert job.window_ends_at is not None, describe(job)
            assert (job.next_look_at is None) == (job.overdue_since is not None), describe(job)
        case JobState.FINISHED:
            assert not asked, describe(job)
            assert job.outcome != Outcome.FAILED or job.error_message, describe(job)


def _run(stage: Scene, job: FailoverJob) -> None:
    stage.service.run(at_each_step=lambda: _assert_honest(job))


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    first_everywhere(["lost_answer", "refuse", "fail", "done_then_fail", "lost_request", "restart", "hang"]),
)
@pytest.mark.parametrize("command", ["createSnapshot", "deployVirtualMachine", "startVirtualMachine"])
def test_a_job_is_honest_at_every_moment_of_a_test_that_is_disturbed(command: str, kind: str) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    stage.simulator.faults.add(Fault(command, kind))  # type: ignore[arg-type]
    job = stage.service.start_test("vm-one")

    _run(stage, job)

    if job.state == JobState.WINDOW_OPEN:
        stage.service.clean_up(job)
        _run(stage, job)
        assert job.outcome == Outcome.SUCCEEDED


def test_a_plan_that_ended_says_when() -> None:
    stage = scene()
    job = stage.service.start_live("vm-one")

    stage.service.run()

    (plan,) = job.plans.all()
    assert plan.finished_at is not None
    assert job.created_at < plan.finished_at <= stage.service.clock.now()


def test_a_failover_that_failed_is_not_called_cancelled_because_somebody_cancelled_its_undo() -> None:
    stage = scene()
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("attachVolume", "refuse"))
    job = stage.service.start_live("vm-one")
    stage.service.run(until=lambda: job.plans.filter(kind=PlanKind.COMPENSATE).exists())

    services.cancel(engine=stage.service.engine, job_id=job.job_id, actor="olga")
    carry_on(stage)

    assert_all_back(stage.simulator, job, before, outcome=Outcome.FAILED)
