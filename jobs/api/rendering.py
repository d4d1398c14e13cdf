"""This will show failover jobs in the contract's words; durations are whole nanoseconds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from jobs.models import FailoverJob, JobState, Question, Step, StepState

_MICROSECOND = timedelta(microseconds=1)


def started(job: FailoverJob) -> dict[str, Any]:
    """Give the body of a successful start."""
    return {
        "message": f"{job.job_type.capitalize()} failover execution started successfully",
        "job_id": job.job_id,
        "estimated_duration": "5-10 minutes",
        "data": {
            "job_type": job.job_type,
            "status": "executing",
            "vm_id": job.source_vm_id,
            "vm_name": job.vm_name,
        },
        **({"warnings": job.warnings} if job.warnings else {}),
    }


def status_of(job: FailoverJob, *, now: datetime) -> dict[str, Any]:
    """Give the body of a status answer."""
    questions = list(Question.objects.filter(job=job, answered_at=None).order_by("id"))
    return {
        "message": f"Retrieved status for {job.job_type} failover job",
        "job_id": job.job_id,
        "status": job.status,
        "progress": job.progress,
        "start_time": _time(job.started_at),
        "duration": _duration(job, now=now),
        "job_details": _details(job),
        "state": job.state,
        "outcome": job.outcome,
        "current_steps": _current_steps(job),
        "allowed_actions": allowed_actions(job, has_questions=bool(questions)),
        "questions": [_question(question) for question in questions],
        "warnings": job.warnings,
    }


def row_of(job: FailoverJob, *, now: datetime) -> dict[str, Any]:
    """Give one job of the list."""
    return {
        "job_id": job.job_id,
        "vm_id": job.source_vm_id,
        "vm_name": job.vm_name,
        "job_type": job.job_type,
        "status": job.status,
        "created_at": _time(job.created_at),
        "started_at": _time(job.started_at),
        "completed_at": _time(job.completed_at),
        "duration": _duration(job, now=now),
        "destination_vm_id": job.destination_vm_id or None,
        "state": job.state,
        "outcome": job.outcome,
        "progress": job.progress,
    }


def allowed_actions(job: FailoverJob, *, has_questions: bool) -> list[str]:
    """Give what may be asked of the job now."""
    actions = ["answer"] if has_questions else []
    can_turn_back = job.point_of_no_return_at is None and job.cancel_requested_at is None
    if job.state != JobState.FINISHED and can_turn_back:
        actions.append("cancel")
    return actions


def _details(job: FailoverJob) -> dict[str, Any]:
    return {
        "job_type": job.job_type,
        "vm_id": job.source_vm_id,
        "vm_name": job.vm_name,
        "destination_vm_id": job.destination_vm_id or None,
        "snapshot_id": job.snapshot_id or None,
        "error_message": job.error_message or None,
        "started_at": _time(job.started_at),
        "completed_at": _time(job.completed_at),
        "custom_config": {**job.custom_config, "network_mappings": job.network_mappings},
        "error_code": job.error_code or None,
        "requested_by": job.requested_by,
    }


def _current_steps(job: FailoverJob) -> list[dict[str, Any]]:
    running = Step.objects.filter(plan__job=job, state=StepState.RUNNING).order_by("plan__number", "position")
    return [{"phase": step.phase, "title": step.title, "waiting_because": step.reason or None} for step in running]


def _question(question: Question) -> dict[str, Any]:
    return {
        "id": question.pk,
        "kind": question.kind,
        "text": question.text,
        "seen": question.seen,
        "choices": question.choices,
        "asked_at": _time(question.asked_at),
    }


def _duration(job: FailoverJob, *, now: datetime) -> int:
    if job.started_at is None:
        return 0
    return max(0, ((job.completed_at or now) - job.started_at) // _MICROSECOND * 1000)


def _time(moment: datetime | None) -> str | None:
    return timezone.localtime(moment).isoformat() if moment else None
