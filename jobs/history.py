"""This will purge the history of jobs that ended long ago and left nothing; the audit of them stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from audit.recording import COMMAND_LINE, record_event
from inventory.models import ReplicaVolume, VMReservation
from jobs.audit_trail import PURGED, seal_timeline
from jobs.engine import windows
from jobs.engine.journal import subject_of
from jobs.made import End, end_of, made_by
from jobs.models import FailoverJob, JobState, JobType, Outcome, Step

_GONE = frozenset({End.REMOVED, End.EXPUNGE_PENDING})


@dataclass(frozen=True)
class Old:
    """A job that ended before the moment; `obstacle` says why its history stays."""

    job: FailoverJob
    obstacle: str


def old_jobs(*, ended_before: datetime) -> list[Old]:
    """Give the jobs that ended before the moment, the oldest first."""
    ended = FailoverJob.objects.filter(state=JobState.FINISHED, completed_at__lt=ended_before)
    return [Old(job, _obstacle(job)) for job in ended.order_by("completed_at", "pk")]


def purge(old: Old) -> bool:
    """Remove a job with its plans, steps, attempts and timeline; False when meanwhile something stands against it."""
    with transaction.atomic():
        job = FailoverJob.objects.select_for_update().filter(pk=old.job.pk).first()
        if job is None or job.state != JobState.FINISHED or _obstacle(job):
            return False
        seal_timeline(job)
        fields = {"outcome": job.outcome, "vm_id": job.source_vm_id, "completed_at": job.completed_at}
        record_event(
            PURGED, actor=COMMAND_LINE, subject=subject_of(job), words="The job's history was purged.", fields=fields
        )
        job.delete()
    return True


def _obstacle(job: FailoverJob) -> str:
    """Say why the journal of a job is still needed: it proves what is ours, and how to undo it."""
    if windows.left_by(job) is not None:
        return "something of it was left in the cloud"
    if VMReservation.objects.filter(reference=job.job_id).exists():
        return "it still has its VM reserved"
    if job.job_type == JobType.LIVE and job.outcome == Outcome.SUCCEEDED:
        return "its way back is open: commit it or roll it back first"
    volumes = [disk["volume_id"] for disk in job.specification.get("disks", [])]
    if job.outcome == Outcome.COMMITTED:
        bound = ReplicaVolume.objects.filter(volume_id__in=volumes).exists()
        return "the inventory has its disks as replicas: the job says why they hang on another VM" if bound else ""
    steps = list(Step.objects.filter(plan__job=job).select_related("plan").order_by("plan__number", "position"))
    standing = [made.what for made in made_by(steps) if end_of(made, job=job, steps=steps).end not in _GONE]
    return f"not seen removed: {', '.join(standing)}" if standing else ""
