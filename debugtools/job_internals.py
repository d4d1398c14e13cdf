"""This will show jobs as the journal holds them: plans, steps, attempts, reservations, questions, and who is alive."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet

from inventory.models import VMReservation
from inventory.redaction import Redactor
from jobs.models import FailoverJob, Plan, ProcessLease, Question, RoleLease
from jobs.presentation import question_body
from jobs.timeline import plan_body, with_steps

# What clouds answered is shown as it was kept; a cloud may have put a secret into it.
_REDACTOR = Redactor()


def jobs_with_all(chosen: QuerySet[FailoverJob]) -> QuerySet[FailoverJob]:
    """Give the jobs with all that is shown of them, read in as many queries for one job as for many."""
    return chosen.prefetch_related(
        Prefetch("plans", Plan.objects.order_by("number")),
        *with_steps("plans__"),
        "plans__steps__attempts__reservations",
        Prefetch("questions", Question.objects.filter(answered_at=None)),
        "vm__reservation",
    )


def job_internals(job: FailoverJob) -> dict[str, Any]:
    """Give one job of `jobs_with_all`."""
    return {
        "job_id": job.job_id,
        "job_type": job.job_type,
        "vm_id": job.source_vm_id,
        "request_id": job.request_id or None,
        "status": job.status,
        "state": job.state,
        "outcome": job.outcome,
        "marker": job.marker,
        "endpoint": job.endpoint,
        "strategy": job.specification.get("strategy"),
        "defects": job.defects,
        "error_code": job.error_code or None,
        "error_message": _REDACTOR.text(job.error_message) or None,
        "created_at": job.created_at,
        "next_look_at": job.next_look_at,
        "point_of_no_return_at": job.point_of_no_return_at,
        "cancel_requested_at": job.cancel_requested_at,
        "cleanup_requested_at": job.cleanup_requested_at,
        "holds_vm": _holds_vm(job),
        "reservations": _reservations(job),
        "open_questions": [question_body(question) for question in job.questions.all()],
        "plans": [plan_body(plan) for plan in job.plans.all()],
    }


def leases(*, now: datetime) -> dict[str, Any]:
    """Give the processes that are known and who plays which role."""
    return {
        "processes": [
            {
                "owner": lease.owner,
                "host": lease.host,
                "pid": lease.pid,
                "started_at": lease.started_at,
                "valid_until": lease.valid_until,
                "is_valid": lease.valid_until > now,
            }
            for lease in ProcessLease.objects.order_by("-valid_until", "owner")
        ],
        "roles": [
            {
                "role": lease.role,
                "owner": lease.owner,
                "valid_until": lease.valid_until,
                "is_valid": lease.valid_until > now,
                "last_tick_at": lease.last_tick_at,
            }
            for lease in RoleLease.objects.order_by("role")
        ],
    }


def _holds_vm(job: FailoverJob) -> bool:
    held: VMReservation | None = getattr(job.vm, "reservation", None)
    return held is not None and held.reference == job.job_id


def _reservations(job: FailoverJob) -> list[dict[str, Any]]:
    return [
        {"resource": held.resource, "taken_at": held.taken_at, "async_job_id": attempt.async_job_id}
        for plan in job.plans.all()
        for step in plan.steps.all()
        for attempt in step.attempts.all()
        for held in attempt.reservations.all()
    ]
