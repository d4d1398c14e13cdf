"""An operator has everything left while a call is under way: until that has ended nobody is promised an undo."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from jobs import services
from jobs.cleanup import clean_up, cleanup_preview
from jobs.errors import CannotCancel, CannotCleanUp
from jobs.models import FailoverJob, JobState, JobType
from jobs.presentation import allowed_actions
from tests.support.scenes import Scene, scene
from tests.support.service import describe
from tests.support.telling import answer, carry_on, for_seconds

pytestmark = pytest.mark.django_db


def _being_left(stage: Scene, job_type: JobType) -> FailoverJob:
    stage.simulator.faults.add(Fault("createSnapshot", "slow", seconds=600.0))
    stage.simulator.faults.add(Fault("deployVirtualMachine", "own_id"))
    job = stage.service.start_live("vm-one") if job_type == JobType.LIVE else stage.service.start_test("vm-one")
    stage.service.run(until=lambda: stage.simulator.calls.count("createSnapshot") == 1 and job.questions.exists())
    answer(stage, job, "leave")
    for_seconds(stage, 5.0)
    job.refresh_from_db()
    assert job.state != JobState.FINISHED, describe(job)
    return job


def _allowed(job: FailoverJob) -> set[str]:
    return {one.action for one in allowed_actions(job) if one.allowed}


@pytest.mark.parametrize("job_type", JobType.values)
def test_nobody_is_promised_an_undo_of_what_is_being_left(job_type: JobType) -> None:
    stage = scene()
    job = _being_left(stage, job_type)

    with pytest.raises(CannotCancel, match="left where it is"):
        services.cancel(engine=stage.service.engine, job_id=job.job_id, actor="olga")
    with pytest.raises(CannotCancel, match="left where it is"):
        services.cancel_preview(engine=stage.service.engine, job=job)
    assert _allowed(job) == set()

    carry_on(stage)
    job.refresh_from_db()
    assert (job.state, job.cancel_requested_at) == (JobState.FINISHED, None), describe(job)


def test_the_cleanup_of_a_test_that_is_being_left_is_refused_until_it_has_ended() -> None:
    stage = scene()
    job = _being_left(stage, JobType.TEST)

    with pytest.raises(CannotCleanUp, match="left where it is"):
        clean_up(engine=stage.service.engine, job=job, actor="olga")
    with pytest.raises(CannotCleanUp):
        cleanup_preview(engine=stage.service.engine, job=job)

    carry_on(stage)
    clean_up(engine=stage.service.engine, job=job, actor="olga")
    carry_on(stage)
    job.refresh_from_db()
    assert job.plans.filter(kind="cleanup", state="done").exists(), describe(job)
