"""This will wrap what is so of a job (jobs/presentation.py) into the contract's answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from jobs.durations import NANOSECONDS, format_duration
from jobs.listing import Page
from jobs.models import FailoverJob
from jobs.presentation import estimated_cleanup_time, estimated_duration, status_body


def started(job: FailoverJob) -> dict[str, Any]:
    """Give the body of a successful start."""
    return {
        "message": f"{job.job_type.capitalize()} failover execution started successfully",
        "job_id": job.job_id,
        "estimated_duration": estimated_duration(endpoint=job.endpoint, job_type=job.job_type),
        "data": {
            "job_type": job.job_type,
            # The contract's word for a start that was taken; the job's own status is at its status route.
            "status": "executing",
            "vm_id": job.source_vm_id,
            "vm_name": job.vm_name,
        },
        **({"warnings": job.warnings} if job.warnings else {}),
    }


def test_started(job: FailoverJob, *, test_duration: str) -> dict[str, Any]:
    """Give the body of a successful test start; `test_duration` is echoed as it was sent."""
    body = started(job)
    lasts = format_duration((job.window_seconds or 0) * NANOSECONDS)
    return {
        **body,
        "estimated_duration": f"{body['estimated_duration']} (test duration: {lasts})",
        "data": {**body["data"], "test_duration": test_duration, "auto_cleanup": job.auto_cleanup},
    }


def cleaning(job: FailoverJob) -> dict[str, Any]:
    """Give the body of a cleanup that was asked for, the first time or again."""
    return {
        "message": "Test failover cleanup initiated successfully",
        "job_id": job.job_id,
        "cleanup_status": "in_progress",
        "estimated_cleanup_time": estimated_cleanup_time(endpoint=job.endpoint),
    }


def status_answer(job: FailoverJob, *, now: datetime, message: str = "") -> dict[str, Any]:
    """Give the body of a status answer."""
    return {
        "message": message or f"Retrieved status for {job.job_type} failover job",
        **status_body(job, now=now),
    }


def listed(page: Page) -> dict[str, Any]:
    """Give the body of a page of the list of jobs."""
    return {
        "message": "Retrieved failover jobs list",
        "total_jobs": page.total,
        "total_is_estimate": page.total_is_estimate,
        "returned_jobs": len(page.jobs),
        "next_cursor": page.next_cursor,
        "jobs": page.jobs,
    }
