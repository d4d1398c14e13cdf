"""This will say what happened to a job to those who want to be told, in the transaction in which it happened."""

from __future__ import annotations

from datetime import datetime

from database.statements import Prepared
from jobs.models import FailoverJob, Plan, PlanKind
from notifications.models import Event
from notifications.outbox import tell

_NEWEST_PLAN = Prepared(lambda job_id: Plan.objects.filter(job_id=job_id).order_by("-number").values_list("kind")[:1])


def tell_of(job: FailoverJob, event: Event, *, words: str, now: datetime) -> None:
    """Write it into the outbox, with whom the start asked to tell."""
    asked = job.notification_config
    tell(
        event,
        subject=job.job_id,
        words=words,
        at=now,
        email=str(asked.get("email") or ""),
        slack_webhook=str(asked.get("slack_webhook") or ""),
        body={
            "job_id": job.job_id,
            "job_type": job.job_type,
            "vm_id": job.source_vm_id,
            "vm_name": job.vm_name,
            "status": str(job.status),
            "state": str(job.state),
            "outcome": str(job.outcome) if job.outcome else None,
            "error_message": job.error_message or None,
            "requested_by": job.requested_by or None,
            "request_id": job.request_id or None,
        },
    )


def tell_of_end(job: FailoverJob, *, words: str, now: datetime) -> None:
    """Tell that the job ended, and, where a cleanup was its end, that this is done."""
    newest = next(iter(_NEWEST_PLAN.values(job_id=job.pk)), None)
    if newest == [PlanKind.CLEANUP]:
        tell_of(job, Event.CLEANUP_DONE, words=words, now=now)
    tell_of(job, Event.FINISHED, words=words, now=now)
