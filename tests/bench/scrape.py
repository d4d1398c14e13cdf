"""This will measure what a scrape of `/metrics` costs where the database holds a hundred thousand jobs."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

from tests.bench.list_of_jobs import Line, on_both_databases

JOBS = 100_000
ROUNDS = 30
MILLISECONDS_AT_MOST = 200.0


def scrape(directory: Path, *, job_seconds: float) -> list[Line]:
    """Measure SQLite, then PostgreSQL where it is installed, each in a process of its own."""
    del job_seconds  # No cloud is asked.
    return on_both_databases(directory, name="metrics-100k", module=__name__)


def _measure() -> Line:
    from django.core.management import call_command
    from django.db import connection
    from rest_framework.test import APIClient

    from failover_project.api.models import RoleName
    from failover_project.api.tokens import create_token
    from inventory.models import TargetCloud
    from tests.bench.list_of_jobs import load

    call_command("migrate", verbosity=0)
    load(JOBS)
    # A cloud that is not there would be waited for; what is measured is the database.
    TargetCloud.objects.update(endpoint="http://127.0.0.1:9/client/api")
    _, token = create_token(name="bench", role=RoleName.VIEWER)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        answer = client.get("/metrics", SERVER_NAME="localhost")
        times.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, answer.content
    median = round(statistics.median(times), 1)
    return {
        "name": "metrics-100k",
        "database": connection.vendor,
        "jobs": JOBS,
        "scrape_ms": median,
        "slowest_ms": round(max(times), 1),
        "missed": [] if median <= MILLISECONDS_AT_MOST else [f"{median} ms > {MILLISECONDS_AT_MOST} ms"],
    }


if __name__ == "__main__":
    from tests.processes.ground import use_test_settings

    use_test_settings()
    sys.stdout.write(f"{json.dumps(_measure())}\n")
