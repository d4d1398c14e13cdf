"""This will keep the time that a live failover's way back is meant to stay open, as its start asked for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from jobs.durations import NANOSECONDS, parse_duration
from jobs.models import AfterWindow, FailoverJob, JobType, Outcome

# Nobody waits longer to decide; rollback points take room all the while.
LONGEST_SECONDS = 90 * 24 * 3600
SHORTEST_SECONDS = 60


def window_asked_for(custom_config: dict[str, Any]) -> tuple[int | None, AfterWindow]:
    """Give the seconds that a live start asks for, None for no window, and what becomes of the failover then."""
    text = custom_config.get("rollback_window")
    if not text:
        return None, AfterWindow.NOTHING
    asked = custom_config.get("after_rollback_window") or AfterWindow.NOTHING
    return parse_duration(str(text)) // NANOSECONDS, AfterWindow(asked)


def open_rollback_window(job: FailoverJob, *, now: datetime) -> None:
    """Let the window of a live failover that has succeeded begin now; call it in the transaction of its end."""
    if job.job_type != JobType.LIVE or job.outcome != Outcome.SUCCEEDED or job.rollback_window_seconds is None:
        return
    ends = now + timedelta(seconds=job.rollback_window_seconds)
    FailoverJob.objects.filter(pk=job.pk).update(rollback_window_ends_at=ends, rollback_window_over_at=None)


def window_body(job: FailoverJob) -> dict[str, Any] | None:
    """Give what a status shows of the window; None where none was asked for."""
    if job.rollback_window_seconds is None:
        return None
    return {
        "seconds": job.rollback_window_seconds,
        "ends_at": job.rollback_window_ends_at,
        "then": job.after_rollback_window,
        "over_since": job.rollback_window_over_at,
    }
