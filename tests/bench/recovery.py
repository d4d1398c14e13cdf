"""This will measure how soon failovers go on after every process of the service was killed and started again.

They are killed while each has an async job out; these end while nobody lives, so that every failover could go on at
once. The time counts from the new start of the processes, their own start included.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from jobs.engine.ports import Rules
from jobs.models import AttemptState, FailoverJob, StepAttempt
from tests.bench.burst import start_all, wait_for_all
from tests.bench.fleet import fleet
from tests.processes.waiting import wait_until

MACHINES = 20
SECONDS_AT_MOST = Rules().lease + 3.0
Marks = dict[int, tuple[tuple[int, str], ...]]


def recovery(directory: Path, *, job_seconds: float) -> dict[str, Any]:
    """Kill everything once, and give the line of the report."""
    with fleet(directory, machines=MACHINES, job_seconds=job_seconds) as made:
        start_all(made)
        wait_until(_all_are_out, within=60.0, what="every failover has an async job out", every=0.1)
        made.kill_all()
        at_death = _marks()
        ended_at = time.monotonic() + job_seconds
        wait_until(lambda: time.monotonic() >= ended_at, within=job_seconds + 5.0, what="the async jobs end", every=0.1)
        seconds = _seconds_until_each_goes_on(made.start_all, at_death)
        wait_for_all(made, within=job_seconds * 40.0 + 120.0)
    slowest = max(seconds.values())
    return {
        "name": "recovery",
        "n": MACHINES,
        "job_seconds": job_seconds,
        "first_goes_on_seconds": round(min(seconds.values()), 2),
        "last_goes_on_seconds": round(slowest, 2),
        "missed": [f"last_goes_on_seconds {slowest:.2f} > {SECONDS_AT_MOST}"] if slowest > SECONDS_AT_MOST else [],
    }


def _all_are_out() -> bool:
    out = StepAttempt.objects.filter(state=AttemptState.SUBMITTED).values("step__plan__job").distinct().count()
    return out == FailoverJob.objects.count() == MACHINES


def _marks() -> Marks:
    """Give the attempts of each job with their states: whatever goes on changes them."""
    marks: dict[int, list[tuple[int, str]]] = {}
    for attempt in StepAttempt.objects.order_by("pk").select_related("step__plan"):
        marks.setdefault(attempt.step.plan.job_id, []).append((attempt.pk, attempt.state))
    return {job_id: tuple(attempts) for job_id, attempts in marks.items()}


def _seconds_until_each_goes_on(start: Any, at_death: Marks) -> dict[int, float]:
    began = time.monotonic()
    start()
    found: dict[int, float] = {}

    def all_went_on() -> bool:
        now = _marks()
        for job_id in at_death.keys() - found.keys():
            if now[job_id] != at_death[job_id]:
                found[job_id] = time.monotonic() - began
        return len(found) == len(at_death)

    wait_until(all_went_on, within=120.0, what="every failover goes on", every=0.1)
    return found
