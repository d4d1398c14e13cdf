"""Say the moments of a story in its own words: run on until this, let so much time pass, answer the open question."""

from __future__ import annotations

from jobs import services
from jobs.models import FailoverJob, JobState, Question, Step, StepState
from tests.support.scenes import Scene
from tests.support.worlds import assert_journal_agrees, assert_never_harmed


def carry_on(stage: Scene) -> None:
    """Drive the service until nothing moves without a person or the end of a window; nothing is harmed on the way."""
    stage.service.run(at_each_step=lambda: assert_never_harmed(stage.simulator))
    assert_journal_agrees(stage.simulator)


def until_ended(stage: Scene, job: FailoverJob) -> None:
    """Drive the service until the job has ended, also through the rest of its window."""
    stage.service.run(
        until=lambda: FailoverJob.objects.filter(pk=job.pk, state=JobState.FINISHED).exists(),
        at_each_step=lambda: assert_never_harmed(stage.simulator),
    )
    assert_journal_agrees(stage.simulator)


def until_called(stage: Scene, command: str, *, times: int = 1) -> None:
    """Drive the service until a command was called so often."""
    stage.service.run(until=lambda: stage.simulator.calls.count(command) >= times)


def until_done(stage: Scene, job: FailoverJob, key: str) -> None:
    """Drive the service until a step of the job is done."""
    stage.service.run(until=lambda: Step.objects.filter(plan__job=job, key=key, state=StepState.DONE).exists())


def for_seconds(stage: Scene, seconds: float) -> None:
    """Drive the service for so long."""
    end = stage.simulator.clock.now() + seconds
    stage.service.run(until=lambda: stage.simulator.clock.now() >= end)


def without_service(stage: Scene, seconds: float) -> None:
    """Let time pass while no process of the service lives, then begin one."""
    stage.service.clock.stepped.advance(seconds)
    stage.service.start_process()


def answer(stage: Scene, job: FailoverJob, choice: str) -> None:
    """Answer the job's one open question."""
    question = Question.objects.get(job=job, answered_at=None)
    services.answer(
        engine=stage.service.engine, job_id=job.job_id, question_id=question.pk, choice=choice, actor="olga"
    )


def count_of(stage: Scene, command: str) -> int:
    """Say how often a command was called."""
    return stage.simulator.calls.count(command)
