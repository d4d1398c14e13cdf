"""This will read the service's journal from its database file, independently of the service's own code."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_JOBS = """
SELECT j.id, j.job_id, j.source_vm_id, j.marker, j.state, j.outcome, j.specification, j.destination_vm_id,
       j.error_message, j.created_at, j.completed_at,
       (SELECT count(*) FROM jobs_question q WHERE q.job_id = j.id AND q.answered_at IS NULL) AS questions,
       (SELECT group_concat(q.text, ' | ') FROM jobs_question q
         WHERE q.job_id = j.id AND q.answered_at IS NULL) AS question_texts,
       (SELECT count(*) FROM jobs_reservation r WHERE r.job_id = j.id) AS reservations,
       (SELECT count(*) FROM inventory_vmreservation v WHERE v.vm_id = j.vm_id) AS vm_held,
       (SELECT count(*) FROM jobs_stepattempt a JOIN jobs_step s ON s.id = a.step_id
          JOIN jobs_plan p ON p.id = s.plan_id
         WHERE p.job_id = j.id AND a.state NOT IN ('done', 'not_done')) AS unfinished,
       (SELECT group_concat(e.message, ' | ') FROM jobs_jobevent e
         WHERE e.job_id = j.id AND e.kind = 'defect') AS defects
FROM jobs_failoverjob j ORDER BY j.id
"""
_STEPS = """
SELECT p.kind AS plan, s.key, s.command, s.state, s.result, s.left_behind
FROM jobs_step s JOIN jobs_plan p ON p.id = s.plan_id WHERE p.job_id = ? ORDER BY p.number, s.position
"""
# Whatever the engine does about a job changes one of these: an event, an attempt, a step.
_MARKS = """
SELECT j.id, j.state,
       (SELECT max(e.id) FROM jobs_jobevent e WHERE e.job_id = j.id) AS event,
       (SELECT group_concat(a.id || a.state || length(a.readings) || coalesce(a.next_look_at, ''))
          FROM jobs_stepattempt a JOIN jobs_step s ON s.id = a.step_id JOIN jobs_plan p ON p.id = s.plan_id
         WHERE p.job_id = j.id AND p.state IN ('running', 'stopping')) AS attempts,
       (SELECT group_concat(s.id || s.state || coalesce(s.not_before, ''))
          FROM jobs_step s JOIN jobs_plan p ON p.id = s.plan_id
         WHERE p.job_id = j.id AND p.state IN ('running', 'stopping')) AS steps
FROM jobs_failoverjob j WHERE j.state IN ('queued', 'running')
"""
# What a job may wait for without anything being wrong, each written down in its rows, and until when.
_WAITS = """
SELECT p.job_id, a.settled_after AS until, 0 AS queued FROM jobs_stepattempt a JOIN jobs_step s ON s.id = a.step_id
  JOIN jobs_plan p ON p.id = s.plan_id WHERE a.state = 'unknown' AND a.settled_after IS NOT NULL
UNION ALL
SELECT p.job_id, s.not_before, 0 FROM jobs_step s JOIN jobs_plan p ON p.id = s.plan_id
  WHERE s.state = 'waiting' AND s.reason <> '' AND s.waiting_for = '' AND s.not_before IS NOT NULL
UNION ALL
SELECT p.job_id, NULL, 1 FROM jobs_step s JOIN jobs_plan p ON p.id = s.plan_id
  JOIN jobs_reservation r ON r.resource = s.waiting_for AND r.job_id <> p.job_id WHERE s.state = 'waiting'
"""


@dataclass(frozen=True)
class StepRecord:
    """A step as the journal has it; `plan` is the kind of its plan."""

    plan: str
    key: str
    command: str
    state: str
    result: Json
    left_behind: bool


@dataclass(frozen=True)
class JobRecord:
    """A job as the journal has it."""

    pk: int
    job_id: str
    vm_id: str
    marker: str
    state: str
    outcome: str | None
    specification: Json
    destination_vm_id: str
    error_message: str
    created_at: datetime
    completed_at: datetime | None
    questions: int
    question_texts: str
    reservations: int
    vm_held: int
    unfinished: int
    defects: str
    steps: tuple[StepRecord, ...]

    @property
    def wall(self) -> float:
        """Give the seconds from the start to the end, 0 while it moves."""
        return (self.completed_at - self.created_at).total_seconds() if self.completed_at else 0.0


@dataclass(frozen=True)
class Mark:
    """How far a moving job is; a job whose mark changes goes on."""

    pk: int
    content: tuple[Any, ...]


@dataclass(frozen=True)
class Journal:
    """The database file of one service; every read opens it anew, so that a killed service leaves it to its heir."""

    file: Path

    def jobs(self) -> list[JobRecord]:
        """Give every job with its steps."""
        with self._open() as database:
            return [_job(row, _steps(database, row["id"])) for row in database.execute(_JOBS)]

    def marks(self) -> dict[int, Mark]:
        """Give how far each job is that no person and nobody else has to move."""
        with self._open() as database:
            return {row["id"]: Mark(row["id"], tuple(row)) for row in database.execute(_MARKS)}

    def waits(self, *, now: datetime) -> set[int]:
        """Give the jobs that wait at this moment for what their rows name: a time to come, or another job."""
        with self._open() as database:
            rows = database.execute(_WAITS).fetchall()
        return {row["job_id"] for row in rows if row["queued"] or _is_later(row["until"], now)}

    def intents(self) -> int:
        """Count the attempts of which only the intent is known: the calls that a kill cut off."""
        return self.count("SELECT count(*) FROM jobs_stepattempt WHERE state = 'intended'")

    def moving(self) -> int:
        """Count the jobs that a worker has to move."""
        return self.count("SELECT count(*) FROM jobs_failoverjob WHERE state IN ('queued', 'running')")

    def attempts_by_command(self) -> dict[str, int]:
        """Count the attempts of each command."""
        query = "SELECT s.command, count(*) FROM jobs_stepattempt a JOIN jobs_step s ON s.id = a.step_id GROUP BY 1"
        with self._open() as database:
            return {command: number for command, number in database.execute(query)}

    def has_job_of(self, vm_id: str) -> bool:
        """Tell whether a failover of the VM was ever taken on."""
        return self.count("SELECT count(*) FROM jobs_failoverjob WHERE source_vm_id = ?", vm_id) > 0

    def count(self, query: str, *values: Any) -> int:
        """Give the number that a query gives."""
        with self._open() as database:
            return int(database.execute(query, values).fetchone()[0])

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=20)
        database.row_factory = sqlite3.Row
        try:
            yield database
        finally:
            database.close()


def _job(row: sqlite3.Row, steps: tuple[StepRecord, ...]) -> JobRecord:
    return JobRecord(
        pk=row["id"],
        job_id=row["job_id"],
        vm_id=row["source_vm_id"],
        marker=row["marker"],
        state=row["state"],
        outcome=row["outcome"],
        specification=json.loads(row["specification"]),
        destination_vm_id=row["destination_vm_id"],
        error_message=row["error_message"],
        created_at=_time(row["created_at"]),
        completed_at=_time(row["completed_at"]) if row["completed_at"] else None,
        questions=row["questions"],
        question_texts=row["question_texts"] or "",
        reservations=row["reservations"],
        vm_held=row["vm_held"],
        unfinished=row["unfinished"],
        defects=row["defects"] or "",
        steps=steps,
    )


def _steps(database: sqlite3.Connection, pk: int) -> tuple[StepRecord, ...]:
    return tuple(
        StepRecord(
            plan=row["plan"],
            key=row["key"],
            command=row["command"],
            state=row["state"],
            result=json.loads(row["result"]),
            left_behind=bool(row["left_behind"]),
        )
        for row in database.execute(_STEPS, (pk,))
    )


def _is_later(text: str | None, now: datetime) -> bool:
    return text is not None and _time(text) > now


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
