"""This will measure the list of a million jobs against the query that a careful hand would write, on both databases."""

from __future__ import annotations

import io
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.servers import ServerMissing, postgresql

JOBS = 1_000_000
MACHINES = 200
PAGE = 50
DEEP_PAGE = 10_000
ROUNDS = 200
RATIO_AT_MOST = 3.0
_BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
_AT_ONCE = 20_000
_SHOWN = (
    "job_id, source_vm_id AS vm_id, vm_name, job_type, status, state, outcome, created_at, started_at, completed_at, "
    "destination_vm_id, window_ends_at, overdue_since"
)

Line = dict[str, Any]


def list_of_jobs(directory: Path, *, job_seconds: float) -> list[Line]:
    """Measure SQLite, then PostgreSQL where it is installed, each in a process of its own."""
    del job_seconds  # No cloud is asked.
    return on_both_databases(directory, name="api-list-1m", module=__name__)


def on_both_databases(directory: Path, *, name: str, module: str) -> list[Line]:
    """Run a module that prints a line as JSON, on SQLite, then on PostgreSQL where it is installed."""
    lines = [_measured_apart(module, f"sqlite:///{directory / 'million.sqlite3'}")]
    with ExitStack() as stack:
        try:
            lines.append(_measured_apart(module, stack.enter_context(postgresql())))
        except ServerMissing:
            lines.append({"name": name, "database": "postgresql", "note": "not installed here"})
    return lines


def _measured_apart(module: str, database_url: str) -> Line:
    """Run the module on a database of its own: settings are read once per process."""
    environment = {**os.environ, "DATABASE_URL": database_url}
    run = subprocess.run([sys.executable, "-m", module], env=environment, stdout=subprocess.PIPE, check=True)
    line: Line = json.loads(run.stdout.splitlines()[-1])
    return line


def _measure() -> Line:
    """Load the rows and measure first and deep page, by parts and as a whole request."""
    from django.core.management import call_command
    from django.db import connection

    from jobs.listing import JobFilter, cursor_behind
    from jobs.models import FailoverJob

    call_command("migrate", verbosity=0)
    began = time.perf_counter()
    load()
    seconds = time.perf_counter() - began
    deep = FailoverJob.objects.order_by("-created_at", "-id").values("id", "created_at")[(DEEP_PAGE - 1) * PAGE - 1]
    cursor = cursor_behind(deep["created_at"], deep["id"], wanted=JobFilter())
    pages: dict[str, tuple[str, Line | None]] = {"first": ("", None), "page_10000": (cursor, dict(deep))}
    measured = {name: _compare(cursor=text, behind=row) for name, (text, row) in pages.items()}
    ratios = {name: figures["ratio"] for name, figures in measured.items()}
    return {
        "name": "api-list-1m",
        "database": connection.vendor,
        "n": JOBS,
        "load_seconds": round(seconds, 1),
        **measured,
        "missed": [f"{name} {ratio} > {RATIO_AT_MOST}" for name, ratio in ratios.items() if ratio > RATIO_AT_MOST],
    }


def _compare(*, cursor: str, behind: Line | None) -> Line:
    """Time, by turns: the query by hand with orjson; list and rendering; the whole request with its token."""
    from rest_framework.test import APIClient

    from failover_project.api.envelope import EnvelopeRenderer
    from failover_project.api.models import RoleName
    from failover_project.api.tokens import create_token
    from jobs.api.rendering import listed
    from jobs.listing import JobFilter, page_of_jobs

    _, token = create_token(name=f"bench {cursor[:20]}", role=RoleName.VIEWER)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    query: dict[str, Any] = {"limit": PAGE, **({"cursor": cursor} if cursor else {})}

    def ours() -> bytes:
        page = page_of_jobs(wanted=JobFilter(), limit=PAGE, now=datetime.now(tz=UTC), cursor=cursor)
        return EnvelopeRenderer().render(listed(page))

    def request() -> bytes:
        return bytes(client.get("/api/v1/failover/jobs", query, SERVER_NAME="localhost").content)

    ways: dict[str, Callable[[], bytes]] = {"by_hand": _by_hand(behind), "list": ours, "request": request}
    shown = {name: [job["job_id"] for job in json.loads(way())["jobs"]] for name, way in ways.items()}
    assert shown["by_hand"] == shown["list"] == shown["request"], "they do not show the same jobs"
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(taken) * 1000 for name, taken in times.items()}
    return {
        **{f"{name}_ms": round(median, 3) for name, median in medians.items()},
        "ratio": round(medians["list"] / medians["by_hand"], 2),
        "request_ratio": round(medians["request"] / medians["by_hand"], 2),
    }


def _by_hand(behind: Line | None) -> Callable[[], bytes]:
    """Give what a careful hand would write: one query that knows its index, tuples to dicts, orjson."""
    import orjson
    from django.db import connection

    where = "WHERE (created_at, id) < (%s, %s)" if behind else ""
    query = f"SELECT {_SHOWN} FROM jobs_failoverjob {where} ORDER BY created_at DESC, id DESC LIMIT {PAGE}"
    values: list[Any] = [behind["created_at"], behind["id"]] if behind else []
    if behind and connection.vendor == "sqlite":
        values[0] = behind["created_at"].strftime("%Y-%m-%d %H:%M:%S")
    names = [name.split()[-1] for name in _SHOWN.split(", ")]

    def run() -> bytes:
        with connection.cursor() as cursor:
            cursor.execute(query, values)
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return orjson.dumps({"jobs": rows})

    return run


def load(jobs: int = JOBS) -> None:
    """Write so many finished jobs of some hundred VMs, one a minute."""
    from django.db import connection

    from cloudstack_simulator import Simulator
    from tests.support.inventory_of import inventory_from_scenario

    machines = list(inventory_from_scenario(Simulator.scenario(f"fleet:{MACHINES}")).vms.values())
    made = ((number, machines[number % MACHINES]) for number in range(jobs))
    defaults = _defaults()
    rows = (defaults | _row(number, vm.pk, vm.vm_id) for number, vm in made)
    columns = list(defaults | _row(0, 0, ""))
    if connection.vendor == "postgresql":
        _copy(columns, rows)
    else:
        _insert(columns, rows)


def _defaults() -> dict[str, Any]:
    """Give what a column holds that is not said: the database itself keeps no defaults."""
    from django.db.models import JSONField

    from jobs.models import FailoverJob

    values = {str(field.column): (field, field.get_default()) for field in FailoverJob._meta.concrete_fields}
    return {
        column: json.dumps(value) if isinstance(field, JSONField) else value
        for column, (field, value) in values.items()
        if value is not None
    }


def _row(number: int, vm: int, vm_id: str) -> dict[str, Any]:
    created = _BEGAN + timedelta(minutes=number)
    is_test, failed = number % 3 == 0, number % 10 == 0
    kind = "test" if is_test else "live"
    return {
        "job_id": f"{kind}-failover-{vm_id}-{int(created.timestamp())}",
        "job_type": kind,
        "vm_id": vm,
        "source_vm_id": vm_id,
        "vm_name": f"machine {number}",
        "marker": f"{number:08x}",
        "endpoint": "bench",
        "status": "failed" if failed else "completed",
        "state": "finished",
        "outcome": "failed" if failed else "succeeded",
        "progress": 100.0,
        "destination_vm_id": f"target-{number}",
        "created_at": created.strftime("%Y-%m-%d %H:%M:%S"),
        "started_at": (created + timedelta(seconds=1)).strftime("%Y-%m-%d %H:%M:%S"),
        "completed_at": (created + timedelta(minutes=9)).strftime("%Y-%m-%d %H:%M:%S"),
    }


def _insert(columns: list[str], rows: Iterator[dict[str, Any]]) -> None:
    from django.db import connection, transaction

    marks = ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO jobs_failoverjob ({', '.join(columns)}) VALUES ({marks})"
    with connection.cursor() as cursor:
        while batch := [tuple(row.values()) for _, row in zip(range(_AT_ONCE), rows, strict=False)]:
            with transaction.atomic():
                cursor.executemany(statement, batch)
        # Else every read would have to look through a write-ahead log as large as the table.
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _copy(columns: list[str], rows: Iterator[dict[str, Any]]) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        with cursor.copy(f"COPY jobs_failoverjob ({', '.join(columns)}) FROM STDIN") as copy:
            while batch := [row for _, row in zip(range(_AT_ONCE), rows, strict=False)]:
                text = io.StringIO()
                for row in batch:
                    text.write("\t".join(str(value) for value in row.values()) + "\n")
                copy.write(text.getvalue())
        cursor.execute("VACUUM ANALYZE jobs_failoverjob")


if __name__ == "__main__":
    from tests.processes.ground import use_test_settings

    use_test_settings()
    sys.stdout.write(f"{json.dumps(_measure())}\n")
