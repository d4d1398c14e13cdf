"""This will count what becomes of jobs and how long it takes, for `/metrics`."""

from __future__ import annotations

from datetime import datetime

from inventory.tallies.counting import TALLIES
from inventory.tallies.histograms import observe
from jobs.models import FailoverJob, JobType, Outcome


def step_took(command: str, seconds: float) -> None:
    """Count a step that was done, from its first start to the reading that proved it."""
    observe("step_seconds", {"command": command}, seconds=seconds)


def target_runs(job: FailoverJob, *, now: datetime) -> None:
    """Count a target VM that was seen running, with the seconds since the request."""
    seconds = (now - job.created_at).total_seconds()
    observe("time_to_running_seconds", {"job_type": str(job.job_type)}, seconds=seconds)


def job_ended(job: FailoverJob, *, now: datetime) -> None:
    """Count the end of a job; a commit or a rollback, long after the failover, is another end with another outcome."""
    TALLIES.add("jobs_ended", {"job_type": str(job.job_type), "outcome": str(job.outcome)})
    if job.job_type == JobType.LIVE and job.outcome == Outcome.SUCCEEDED:
        target_runs(job, now=now)
