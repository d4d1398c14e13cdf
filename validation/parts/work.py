"""This will say who works on a VM: replications under way and failovers that have not ended."""

from __future__ import annotations

from typing import Any

from inventory.models import Replication, ReservationKind
from networks.models import Purpose
from validation.facts import Facts, OpenFailover
from validation.judging import judged_by, passes


def active_jobs(*, live: Facts, test: Facts) -> dict[str, Any]:
    """Give `active_jobs`; a test in its window is listed though it is in the way of another test only."""
    migrations = [_migration(run) for run in live.unfinished_replications]
    stalled = [{**_migration(run), "status": "stalled"} for run in live.stalled_replications]
    failovers = [_failover(job) for job in live.open_failovers]
    known = {job["job_id"] for job in (*migrations, *failovers)}
    holder = live.holder
    if holder is not None and holder.reference not in known:
        # Somebody holds the VM and has told nothing else yet.
        found = failovers if holder.kind == ReservationKind.FAILOVER else migrations
        found.append(_row(holder.reference, status="reserved", started_at=holder.taken_at, blocks=_BOTH))
    (check,) = judged_by(live, "Active Jobs")
    return {
        "has_active_jobs": bool(migrations or failovers),
        "migration_jobs": [*migrations, *stalled],
        "failover_jobs": failovers,
        "total_active": len(migrations) + len(failovers),
        "is_ready_for_failover": passes(live, "Active Jobs"),
        "is_ready_for_test_failover": passes(test, "Active Jobs"),
        "errors": list(check.finding.errors),
        "required_actions": list(check.finding.required_actions),
    }


_BOTH = tuple(Purpose)


def _row(job_id: str, *, status: str, blocks: tuple[Purpose, ...], **more: Any) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "job_type": None,
        "status": status,
        "progress": None,
        "started_at": None,
        **more,
        "blocks": [purpose.value for purpose in blocks],
    }


def _migration(run: Replication) -> dict[str, Any]:
    return _row(
        run.replication_id,
        job_type=run.kind,
        status=run.status,
        progress=run.percentage,
        started_at=run.started_at,
        blocks=_BOTH,
    )


def _failover(job: OpenFailover) -> dict[str, Any]:
    return _row(
        job.job_id,
        job_type=job.job_type.value,
        status=job.status,
        progress=job.progress,
        started_at=job.started_at,
        blocks=_BOTH if job.is_moving else (job.job_type,),
        state=job.state,
        created_at=job.created_at,
    )
