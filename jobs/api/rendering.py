"""This will wrap what is so of a job (jobs/presentation.py) into the contract's answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from jobs.bulk import Ended
from jobs.durations import NANOSECONDS, format_duration
from jobs.forecast import plan_body
from jobs.leftovers import left_behind
from jobs.listing import Page
from jobs.models import FailoverJob, JobType
from jobs.prepared_starts import PreparedStart, StartTestRequest
from jobs.presentation import actions_body, estimated_cleanup_time, estimated_duration, status_body
from jobs.timeline import EventPage, plans_of


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
        **({"unknown_fields": job.unknown_fields} if job.unknown_fields else {}),
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


def dry_run(prepared: PreparedStart) -> dict[str, Any]:
    """Give the body of a dry run."""
    endpoint = str(prepared.vm.cloud.uuid)
    return {
        "message": f"{prepared.kind.capitalize()} failover dry run completed: nothing was started",
        "dry_run": True,
        "estimated_duration": estimated_duration(endpoint=endpoint, job_type=prepared.kind),
        "data": {
            "job_type": prepared.kind,
            "status": "planned",
            "vm_id": prepared.vm.vm_id,
            "vm_name": prepared.request.vm_name or prepared.vm.name,
        },
        "warnings": list(prepared.warnings),
        "plan": plan_body(prepared, endpoint=endpoint),
    }


def test_dry_run(prepared: PreparedStart, *, request: StartTestRequest, test_duration: str) -> dict[str, Any]:
    """Give the body of a dry run of a test."""
    body = dry_run(prepared)
    lasts = format_duration(request.window_seconds * NANOSECONDS)
    return {
        **body,
        "estimated_duration": f"{body['estimated_duration']} (test duration: {lasts})",
        "data": {**body["data"], "test_duration": test_duration, "auto_cleanup": request.auto_cleanup},
    }


def bulk_started(ended: Sequence[Ended], *, kind: JobType, is_dry_run: bool) -> dict[str, Any]:
    """Give the body of a bulk start: what became of each VM."""
    results = [_result(each) for each in ended]
    done = sum(1 for result in results if result["success"])
    verb = "could be started" if is_dry_run else "started"
    return {
        "message": f"{done} of {len(results)} {kind} failovers {verb}",
        "type": kind,
        "dry_run": is_dry_run,
        "total": len(results),
        "started": done,
        "refused": len(results) - done,
        "results": results,
    }


def _result(ended: Ended) -> dict[str, Any]:
    refusal = ended.refusal
    if refusal is None:
        answer = ended.answer or {}
        # Five hundred plans are nothing to read: a VM's own dry run shows its steps.
        return {"vm_id": ended.vm_id, "success": True, **{name: answer[name] for name in answer if name != "plan"}}
    extra = getattr(refusal, "extra", None) or {}
    return {
        "vm_id": ended.vm_id,
        "success": False,
        "message": refusal.message,
        "error": str(refusal),
        "error_code": refusal.error_code,
        "required_actions": list(getattr(refusal, "required_actions", ())),
        # The findings of readiness are left out: they are at the VM's readiness route.
        **{name: value for name, value in extra.items() if name in {"blocking_job", "error_id", "fields"}},
    }


def cleaning(job: FailoverJob) -> dict[str, Any]:
    """Give the body of a cleanup that was asked for, the first time or again."""
    return {
        "message": "Test failover cleanup initiated successfully",
        "job_id": job.job_id,
        "cleanup_status": "in_progress",
        "estimated_cleanup_time": estimated_cleanup_time(endpoint=job.endpoint),
        "left_behind": left_behind(job),
    }


def status_answer(job: FailoverJob, *, now: datetime, message: str = "") -> dict[str, Any]:
    """Give the body of a status answer."""
    return {
        "message": message or f"Retrieved status for {job.job_type} failover job",
        **status_body(job, now=now),
    }


def listed(page: Page, *, with_actions: bool = False) -> dict[str, Any]:
    """Give the body of a page of the list of jobs."""
    return {
        "message": "Retrieved failover jobs list",
        "total_jobs": page.total,
        "total_is_estimate": page.total_is_estimate,
        "returned_jobs": len(page.jobs),
        "next_cursor": page.next_cursor,
        "jobs": _with_actions(page.jobs) if with_actions else page.jobs,
    }


def _with_actions(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Say beside each job what may be done with it now."""
    jobs = FailoverJob.objects.select_related("vm").in_bulk([row["job_id"] for row in rows], field_name="job_id")
    return [{**row, "allowed_actions": actions_body(jobs[row["job_id"]])} for row in rows]


def steps_answer(job: FailoverJob) -> dict[str, Any]:
    """Give the body of the answer about a job's steps."""
    plans = plans_of(job)
    return {
        "message": f"Retrieved steps of {job.job_type} failover job",
        "job_id": job.job_id,
        "total_plans": len(plans),
        "plans": plans,
    }


def events_answer(job: FailoverJob, page: EventPage) -> dict[str, Any]:
    """Give the body of a page of a job's events."""
    return {
        "message": f"Retrieved events of {job.job_type} failover job",
        "job_id": job.job_id,
        "returned_events": len(page.events),
        "has_more": page.has_more,
        "next_after": page.last,
        "events": page.events,
    }
