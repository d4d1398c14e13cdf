"""This will hold the verbs of failover jobs; every door (API, admin, commands) calls these and nothing else."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from database.statements import Prepared
from jobs.engine import decisions, questions, undo, windows
from jobs.engine.journal import record
from jobs.engine.ports import Engine
from jobs.errors import CannotAnswer, CannotCancel, JobNotFound
from jobs.known import vm_of
from jobs.models import FailoverJob, JobState, Phase, PlanKind, Question, StepState
from jobs.prepared_starts import StartRequest, StartTestRequest
from jobs.runtime import ring_on_commit
from jobs.starts import prepare_live, prepare_test, start_live, start_test

__all__ = [
    "StartRequest",
    "StartTestRequest",
    "answer",
    "cancel",
    "cancel_preview",
    "job_of",
    "prepare_live",
    "prepare_test",
    "start_live",
    "start_test",
]


_JOB = Prepared(lambda job_id: FailoverJob.objects.filter(job_id=job_id).order_by(), texts=frozenset({"job_id"}))


def job_of(job_id: str) -> FailoverJob:
    """Give the job by its public id; raises JobNotFound."""
    job = _JOB.row(job_id=job_id)
    if job is None:
        raise JobNotFound(job_id)
    job.vm = vm_of(job.vm_id)
    return job


def cancel(*, engine: Engine, job_id: str, actor: str, reason: str = "") -> FailoverJob:
    """Stop a job before its point of no return and undo what it did; pressing it twice changes nothing.

    Raises CannotCancel after the point of no return or the end, once a test's VM runs (a cleanup ends that), and where
    an operator chose to leave everything.
    """
    job = job_of(job_id)
    now = engine.clock.now()
    with transaction.atomic():
        if windows.is_being_left(FailoverJob.objects.select_for_update().get(pk=job.pk)):
            raise CannotCancel(job)
        asked = FailoverJob.objects.filter(
            pk=job.pk,
            point_of_no_return_at__isnull=True,
            cancel_requested_at__isnull=True,
            window_opened_at__isnull=True,
        ).exclude(state=JobState.FINISHED)
        if asked.update(cancel_requested_at=now, cancel_requested_by=actor, next_look_at=now):
            record(
                engine, job, "cancel_requested", f"{actor or 'Somebody'} asked to cancel.", actor=actor, reason=reason
            )
            ring_on_commit(engine, job_id=job.pk, phase=Phase.VALIDATING)
    job.refresh_from_db()
    if job.cancel_requested_at is None:
        raise CannotCancel(job)
    return job


def cancel_preview(*, engine: Engine, job: FailoverJob) -> dict[str, Any]:
    """Say what a cancel would undo now, without doing it; raises CannotCancel.

    What runs at this moment is brought to its end first, and undone too where it took effect.
    """
    plan = job.plans.filter(kind=PlanKind.FORWARD).first()
    open_to_it = job.state != JobState.FINISHED and job.window_opened_at is None and job.point_of_no_return_at is None
    if plan is None or not open_to_it or windows.is_being_left(job):
        raise CannotCancel(job)
    moving = plan.steps.filter(state=StepState.RUNNING).order_by("position")
    undone = [step.command.title() for step in undo.inverse_of(engine, plan=plan).steps]
    words = "It is being cancelled already. " if job.cancel_requested_at is not None else ""
    return {
        "words": words + (f"{len(undone)} steps undo what was done." if undone else "Nothing was changed so far."),
        "steps": undone,
        "running": list(moving.values_list("title", flat=True)),
    }


def answer(*, engine: Engine, job_id: str, question_id: int, choice: str, actor: str, reason: str = "") -> FailoverJob:
    """Answer an operator question; raises CannotAnswer when it is closed or does not offer the choice."""
    job = job_of(job_id)
    question = Question.objects.filter(job=job, pk=question_id).first()
    if question is None:
        raise CannotAnswer(f"Job {job_id} has no question {question_id}.", offered=_offered(job))
    try:
        questions.answer(engine, question=question, choice=choice, actor=actor, reason=reason)
    except questions.QuestionClosed as error:
        raise CannotAnswer("The question was answered already.", offered=_offered(job)) from error
    except questions.UnknownChoice as error:
        words = f"{choice or 'Nothing'} is none of the choices of this question."
        raise CannotAnswer(words, offered=_offered(job)) from error
    board = decisions.decide(engine, job_id=job.pk)
    for phase in (board.due_phases if board else []) or [Phase.VALIDATING]:
        ring_on_commit(engine, job_id=job.pk, phase=phase)
    job.refresh_from_db()
    return job


def _offered(job: FailoverJob) -> dict[int, list[str]]:
    """Give the choices of the job's open questions by their ids."""
    asked = job.questions.filter(answered_at=None).order_by("pk")
    return {question.pk: [offered["choice"] for offered in question.choices] for question in asked}
