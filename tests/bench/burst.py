"""This will measure many live failovers at once, started in one request, against the ideal end of all."""

from __future__ import annotations

import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from jobs.bulk import MOST_STARTS
from jobs.engine.contracts import Command, PlannedStep, PlannedSteps
from jobs.forecast import schedule
from jobs.models import FailoverJob, JobState
from jobs.plans.live import live_failover
from jobs.plans.specification import FailoverSpecification
from tests.bench.critical_path import ASYNCHRONOUS
from tests.bench.fleet import Fleet, fleet
from tests.bench.plain import plain_failovers
from tests.processes.waiting import wait_until

# number of VMs, seconds of a job: the bar of wall ÷ limit
BARS = {(100, 1.0): 1.35, (500, 1.0): 1.9, (500, 5.0): 1.15, (1000, 5.0): 1.3}
CPU_MS_AT_MOST = 45.0
CALLS_AT_MOST = 30
MEGABYTES_AT_MOST = 300
API_P95_MS_AT_MOST = 300.0
FIRST_TENTH_AT_MOST = 1.5
LONGEST_RATIO = 40.0


class NotAllSucceeded(Exception):
    """Failovers that were to be measured did not all succeed."""


def burst(directory: Path, *, machines: int, job_seconds: float) -> dict[str, Any]:
    """Start all at once, wait for the last, and give the line of the report."""
    with fleet(directory, machines=machines, job_seconds=job_seconds) as made:
        calls_before, used_before = made.calls(), made.used()
        began, began_at = time.monotonic(), time.time()
        with _asking_meanwhile(made) as latencies:
            start_all(made)
            started = time.monotonic() - began
            limit = max(ideal_ends(job_seconds=job_seconds))
            wait_for_all(made, within=limit * LONGEST_RATIO + 120.0)
        used, calls = made.used(), made.calls()
        plain = plain_failovers(made, job_seconds=job_seconds)
    ends = sorted(job.completed_at.timestamp() - began_at for job in FailoverJob.objects.all() if job.completed_at)
    cpu = {name: round((used[name].cpu_seconds - used_before[name].cpu_seconds) * 1000 / machines, 1) for name in used}
    made_calls = {name: round((calls[name] - calls_before.get(name, 0)) / machines, 2) for name in sorted(calls)}
    line: dict[str, Any] = {
        "name": f"burst-{machines}x{job_seconds:g}s",
        "n": machines,
        "job_seconds": job_seconds,
        "wall": round(ends[-1], 2),
        "limit": round(limit, 2),
        "ratio": round(ends[-1] / limit, 3),
        "starts_seconds": round(started, 2),
        "plain_python_seconds": round(plain, 2),
        "first_tenth_ratio": round(_tenth(ends) / _tenth(sorted(ideal_ends(job_seconds=job_seconds))), 3),
        "cpu_ms_per_failover": round(sum(cpu[name] for name in made.engine_programs), 1),
        "cpu_ms_by_program": cpu,
        "calls_per_failover": round(sum(made_calls.values()), 1),
        "calls_by_command": {name: number for name, number in made_calls.items() if number},
        "peak_mb": {name: round(used[name].peak_mb) for name in (*made.engine_programs, "web")},
        "api_p95_ms": round(statistics.quantiles(latencies, n=20)[-1] * 1000),
    }
    return {**line, "missed": missed(line)}


def missed(line: dict[str, Any]) -> list[str]:
    """Name the bars that a line misses."""
    engine_mb = sum(number for name, number in line["peak_mb"].items() if name in {"worker0", "watcher"})
    found = [
        ("ratio", line["ratio"], BARS.get((line["n"], line["job_seconds"]))),
        ("cpu_ms_per_failover", line["cpu_ms_per_failover"], CPU_MS_AT_MOST),
        ("calls_per_failover", line["calls_per_failover"], CALLS_AT_MOST),
        ("first_tenth_ratio", line["first_tenth_ratio"], FIRST_TENTH_AT_MOST),
        ("megabytes of a worker and the watcher", engine_mb, MEGABYTES_AT_MOST),
        ("api_p95_ms", line["api_p95_ms"], API_P95_MS_AT_MOST),
    ]
    return [f"{name} {value} > {bar}" for name, value, bar in found if bar is not None and value > bar]


def ideal_ends(*, job_seconds: float) -> list[float]:
    """Give when each failover would end if nothing but the cloud took time: plans, job times, queues of appliances."""
    of_appliance: dict[int, list[PlannedStep]] = defaultdict(list)
    last_keys: dict[int, list[str]] = defaultdict(list)
    jobs = FailoverJob.objects.select_related("vm").order_by("pk")
    for job in jobs:
        planned = live_failover(FailoverSpecification.from_json(job.specification)).steps
        of_appliance[job.vm.appliance_id] += [_own(job.pk, step) for step in planned]
        last_keys[job.vm.appliance_id].append(f"{job.pk}-{planned[-1].key}")

    def seconds_of(command: Command) -> float:
        return job_seconds if command.name in ASYNCHRONOUS else 0.0

    ends: list[float] = []
    for appliance, steps in of_appliance.items():
        times = schedule(PlannedSteps(steps), seconds_of=seconds_of)
        ends += [times[key][1] for key in last_keys[appliance]]
    return ends


def _own(job_id: int, step: PlannedStep) -> PlannedStep:
    return PlannedStep(
        key=f"{job_id}-{step.key}",
        phase=step.phase,
        command=cast("Command", _OfJob(step.command, job_id)),
        after=tuple(f"{job_id}-{key}" for key in step.after),
    )


@dataclass(frozen=True)
class _OfJob:
    """A command among those of other jobs: what it names by a placeholder is its own job's."""

    command: Command
    job_id: int

    @property
    def name(self) -> str:
        return self.command.name

    def touches(self) -> tuple[str, ...]:
        return tuple(f"{one}-{self.job_id}" if "$" in one else one for one in self.command.touches())


def _tenth(ends: list[float]) -> float:
    return ends[max(0, len(ends) // 10 - 1)]


def start_all(made: Fleet) -> None:
    """Start a live failover of every VM; raises NotAllSucceeded when one is refused."""
    for first in range(0, len(made.vm_ids), MOST_STARTS):
        vms = [{"vm_id": vm_id} for vm_id in made.vm_ids[first : first + MOST_STARTS]]
        answer = made.ask("POST", "failover/bulk", {"type": "live", "vms": vms})
        answer.raise_for_status()
        refused = [one for one in answer.json()["results"] if not one["success"]]
        if refused:
            raise NotAllSucceeded(f"{len(refused)} starts were refused, the first: {refused[0]}")


def wait_for_all(made: Fleet, *, within: float) -> None:
    """Wait until all have ended; raises NotAllSucceeded when one did not succeed."""

    def ended() -> bool:
        made.demand_life()
        return not FailoverJob.objects.exclude(state=JobState.FINISHED).exists()

    wait_until(ended, within=within, what="all failovers end", every=0.5)
    wrong = FailoverJob.objects.exclude(outcome="succeeded")
    if wrong.exists():
        raise NotAllSucceeded(f"{wrong.count()} did not succeed, one of them: {wrong[0].error_message}")


@contextmanager
def _asking_meanwhile(made: Fleet) -> Iterator[list[float]]:
    """Read the list of jobs four times a second and give how long the answers took, in seconds."""
    stop, latencies = threading.Event(), [0.0, 0.0]

    def ask() -> None:
        while not stop.wait(0.25):
            began = time.monotonic()
            made.ask("GET", "failover/jobs?limit=50").raise_for_status()
            latencies.append(time.monotonic() - began)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield latencies
    finally:
        stop.set()
        thread.join()
