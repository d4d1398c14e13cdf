"""This will measure what a scrape of `/metrics` costs where the database holds a hundred thousand jobs."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.support.servers import ServerMissing, postgresql

JOBS = 100_000
ROUNDS = 30
MILLISECONDS_AT_MOST = 200.0

Line = dict[str, Any]


def scrape(directory: Path, *, job_seconds: float) -> list[Line]:
    """Measure SQLite, then PostgreSQL where it is installed, each in a process of its own."""
    del job_seconds  # No cloud is asked.
    lines = [_measured_apart(f"sqlite:///{directory / 'scraped.sqlite3'}")]
    with ExitStack() as stack:
        try:
            lines.append(_measured_apart(stack.enter_context(postgresql())))
        except ServerMissing:
            lines.append({"name": "metrics-100k", "database": "postgresql", "note": "not installed here"})
    return lines


def _measured_apart(database_url: str) -> Line:
    """Run this module on a database of its own: settings are read once per process."""
    environment = {**os.environ, "DATABASE_URL": database_url}
    run = subprocess.run([sys.executable, "-m", __name__], env=environment, stdout=subprocess.PIPE, check=True)
    line: Line = json.loads(run.stdout.splitlines()[-1])
    return line


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
