"""This will measure the console's pages, and what monitors ask for, over a million jobs, on both databases."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.list_of_jobs import JOBS, Line, load, on_both_databases

ROUNDS = 20
SLOWEST_MS = 300.0
PAGES = {
    "dashboard": "/admin/",
    "jobs": "/admin/jobs/failoverjob/",
    "jobs_failed": "/admin/jobs/failoverjob/?outcome__exact=failed",
    "jobs_page_100": "/admin/jobs/failoverjob/?p=100",
    "jobs_found": "/admin/jobs/failoverjob/?q=machine+500000",
    "events": "/admin/jobs/jobevent/",
    "vms": "/admin/inventory/protectedvm/",
    "status": "/api/v1/failover/{job_id}/status",
    "health": "/api/v1/debug/health",
    "readyz": "/readyz",
    "metrics": "/metrics",
}


def pages(directory: Path, *, job_seconds: float) -> list[Line]:
    """Measure SQLite, then PostgreSQL where it is installed, each in a process of its own."""
    del job_seconds  # No cloud is asked.
    return on_both_databases(directory, name="pages-1m", module=__name__)


def _measure() -> Line:
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client

    from jobs.models import FailoverJob

    call_command("migrate", verbosity=0)
    load()
    client = Client()
    client.force_login(User.objects.create_superuser("bench"))
    job_id = FailoverJob.objects.latest("pk").job_id
    measured = {name: _p95(client, path.format(job_id=job_id)) for name, path in PAGES.items()}
    return {
        "name": "pages-1m",
        "database": connection.vendor,
        "n": JOBS,
        "p95_ms": measured,
        "missed": [f"{name} {taken} > {SLOWEST_MS}" for name, taken in measured.items() if taken > SLOWEST_MS],
    }


def _p95(client: Any, path: str) -> float:
    """Give the 95th percentile of so many requests, in ms."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        answer = client.get(path, SERVER_NAME="localhost")
        taken.append((time.perf_counter() - began) * 1000)
        # A service without clouds, workers and broker is not ready, and says so.
        assert answer.status_code in {200, 503}, f"{path}: {answer.status_code}"
    return round(statistics.quantiles(taken, n=20)[-1], 1)


if __name__ == "__main__":
    from tests.processes.ground import use_test_settings

    use_test_settings()
    sys.stdout.write(f"{json.dumps(_measure())}\n")
