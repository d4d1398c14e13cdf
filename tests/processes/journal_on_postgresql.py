"""This will read the journal of a service on PostgreSQL, by the queries with which one on SQLite is read."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg.rows import dict_row

from tests.processes import journal
from tests.processes.journal import JobRecord, StepRecord


@dataclass(frozen=True)
class JournalOnPostgreSQL:
    """Opens the database anew for every read, and again while it restarts."""

    url: str

    def jobs(self) -> list[JobRecord]:
        """Give every job with its steps."""
        rows = self._rows(journal._JOBS.replace("group_concat(", "string_agg("))
        return [self._job(row) for row in rows]

    def vm_ids(self) -> list[str]:
        """Give every protected VM."""
        return [row["vm_id"] for row in self._rows("SELECT vm_id FROM inventory_protectedvm ORDER BY id")]

    def moving(self) -> int:
        """Count the jobs that a worker has to move."""
        found = self._rows("SELECT count(*) AS number FROM jobs_failoverjob WHERE state IN ('queued', 'running')")
        return int(found[0]["number"])

    def has_job_of(self, vm_id: str) -> bool:
        """Tell whether a failover of the VM was ever taken on."""
        return bool(self._rows("SELECT id FROM jobs_failoverjob WHERE source_vm_id = %s", vm_id))

    def attempts_by_command(self) -> dict[str, int]:
        """Count the attempts of each command."""
        query = (
            "SELECT s.command, count(*) AS n FROM jobs_stepattempt a JOIN jobs_step s ON s.id = a.step_id GROUP BY 1"
        )
        return {row["command"]: row["n"] for row in self._rows(query)}

    def _job(self, row: dict[str, Any]) -> JobRecord:
        steps = self._rows(journal._STEPS.replace("?", "%s"), row["id"])
        same = {name: row[name] for name in _SAME}
        return JobRecord(
            pk=row["id"],
            vm_id=row["source_vm_id"],
            question_texts=row["question_texts"] or "",
            defects=row["defects"] or "",
            steps=tuple(StepRecord(**step) for step in steps),
            **same,
        )

    def _rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        for _ in range(100):
            try:
                with psycopg.connect(**_place(self.url), row_factory=dict_row) as connection:
                    return connection.execute(query, values or None).fetchall()
            except psycopg.OperationalError:
                # It is being started again; that is none of the service's doing.
                threading.Event().wait(0.2)
        raise AssertionError("the database did not come back")


_SAME = (
    "job_id",
    "marker",
    "state",
    "outcome",
    "specification",
    "destination_vm_id",
    "error_message",
    "created_at",
    "completed_at",
    "questions",
    "reservations",
    "vm_held",
    "unfinished",
)


def _place(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {"host": unquote(parts.netloc.partition("@")[2]), "user": parts.username, "dbname": parts.path.strip("/")}
