"""Leave a rollback half done: one kind of call is refused, and an operator skips every step that is asked about."""

from __future__ import annotations

from cloudstack_simulator import Fault
from inventory.models import HoldMethod
from jobs import verbs
from jobs.leftovers import left_behind
from jobs.models import FailoverJob, JobState
from jobs.services import job_of
from tests.support.choices import answer_to
from tests.support.scenes import Scene, scene
from tests.support.service import describe
from tests.support.telling import carry_on
from tests.support.worlds import Before, remember


def failed_over(vm_id: str, *, hold_method: HoldMethod = HoldMethod.NONE) -> tuple[Scene, FailoverJob, Before]:
    """Fail a VM over for real; give the world as it was before as well."""
    stage = scene(hold_method=hold_method)
    before = remember(stage.simulator)
    job = stage.service.start_live(vm_id)
    carry_on(stage)
    return stage, job_of(job.job_id), before


def roll_back(stage: Scene, job: FailoverJob) -> FailoverJob:
    """Ask for a rollback, or for the rest of one."""
    return verbs.roll_back(
        engine=stage.service.engine, job_id=job.job_id, typed_name=job.vm_name, actor="olga", reason="go on"
    )


def skip_all(stage: Scene, job: FailoverJob) -> None:
    """Skip whatever is asked until the job has ended."""
    carry_on(stage)
    while (question := job.questions.filter(answered_at=None).first()) is not None:
        answer_to(stage, job, question, "skip")
    job.refresh_from_db()
    assert job.state == JobState.FINISHED, describe(job)


def half_rolled_back(command: str, vm_id: str = "vm-two") -> tuple[Scene, FailoverJob, Before]:
    """Roll a live failover back while one call is refused, and skip every step that is asked about."""
    stage, job, before = failed_over(vm_id)
    stage.simulator.faults.add(Fault(command, "refuse", times=1000))
    roll_back(stage, job)
    skip_all(stage, job)
    stage.simulator.faults.clear()
    entries = left_behind(job)
    assert entries, describe(job)
    assert all("ask for the rollback again" in entry["to_do"] for entry in entries)
    assert not any("Refused by a fault " in entry["reason"] for entry in entries), "what the cloud said is no sentence"
    return stage, job, before
