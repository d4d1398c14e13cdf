"""This will measure one live failover of a one-disk VM on a service that has seen its cloud before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jobs.plans.live import live_failover
from jobs.plans.specification import FailoverSpecification
from tests.bench.critical_path import critical_path_seconds
from tests.bench.meter import Used
from tests.processes.ground import Ground, installation
from tests.processes.journal import JobRecord
from tests.processes.waiting import wait_until

NOTE = "after one failover of another VM, so that the watcher knows how long commands take"
# A failover that takes so many times its limit has gone wrong and is not measured further.
LONGEST_RATIO = 10.0
CALLS_AT_MOST = 30


class MeasuredFailure(Exception):
    """The failover that was to be measured did not succeed."""


def single(directory: Path, *, job_seconds: float) -> dict[str, Any]:
    """Fail one VM over for practice, measure the failover of another, and give the line of the report."""
    with installation(directory, machines=2, job_seconds=job_seconds) as ground:
        practice, measured = ground.vm_ids
        _failed_over(ground, practice, job_seconds=job_seconds)
        calls_before, used_before = ground.calls(), Used.by(ground.service.pid)
        job = _failed_over(ground, measured, job_seconds=job_seconds)
        calls_after, used = ground.calls(), Used.by(ground.service.pid)
    calls = {command: calls_after[command] - calls_before.get(command, 0) for command in sorted(calls_after)}
    limit = critical_path_seconds(
        live_failover(FailoverSpecification.from_json(job.specification)), job_seconds=job_seconds
    )
    ratio = job.wall / limit
    return {
        "name": "single",
        "n": 1,
        "job_seconds": job_seconds,
        "wall": round(job.wall, 3),
        "limit": limit,
        "ratio": round(ratio, 3),
        "cpu_ms_per_failover": round((used.cpu_seconds - used_before.cpu_seconds) * 1000),
        "calls_per_failover": sum(calls.values()),
        "calls": {command: number for command, number in calls.items() if number},
        "peak_mb": round(used.peak_mb),
        "note": NOTE,
        "missed": _missed(ratio, sum(calls.values()), job_seconds=job_seconds),
    }


def _missed(ratio: float, calls: int, *, job_seconds: float) -> list[str]:
    """Name the bars that were missed; jobs shorter than a second have none for the ratio."""
    bar = 1.06 if job_seconds >= 5.0 else 1.15 if job_seconds >= 1.0 else None
    missed = [f"ratio {ratio:.3f} > {bar}"] if bar is not None and ratio > bar else []
    return missed + ([f"calls {calls} > {CALLS_AT_MOST}"] if calls > CALLS_AT_MOST else [])


def _failed_over(ground: Ground, vm_id: str, *, job_seconds: float) -> JobRecord:
    """Start a failover over HTTP and give its job when it succeeded."""
    answer = ground.post("failover/live", {"vm_id": vm_id})
    answer.raise_for_status()
    job_id = answer.json()["job_id"]

    def ended() -> bool:
        ground.service.demand_life()
        return ground.journal.moving() == 0

    # Seldom: the measuring process shares its processors with the measured one.
    wait_until(ended, within=job_seconds * 4 * LONGEST_RATIO + 30.0, what=f"{job_id} ends", every=0.25)
    job = next(job for job in ground.journal.jobs() if job.job_id == job_id)
    if job.outcome != "succeeded":
        raise MeasuredFailure(f"{job_id} ended as {job.outcome}: {job.error_message or job.question_texts}")
    return job
