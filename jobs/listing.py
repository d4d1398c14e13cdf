"""This will list jobs, newest first, at a cost that does not grow with their number.

Counting is most of the cost of a long list, so that a total beyond `COUNTED_EXACTLY` is an estimate and says so. A
cursor names the last row that was seen, not a number of rows to skip: page 10 000 costs what the first page costs.
The SQL is written by hand: the ORM took five to ten times as long as the query (compiling it, converting moments).
Nothing of a request gets into it but as a parameter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.core import signing
from django.db import connection

COUNTED_EXACTLY = 10_000
_SALT = "jobs.listing"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_COLUMNS = (
    "created_at",
    "id",
    "started_at",
    "completed_at",
    "window_ends_at",
    "overdue_since",
    "job_id",
    "source_vm_id",
    "vm_name",
    "job_type",
    "status",
    "state",
    "outcome",
    "destination_vm_id",
)
_CONDITIONS = {
    "status": "status = %s",
    "type": "job_type = %s",
    "vm_id": "source_vm_id = %s",
    "state": "state = %s",
    "outcome": "outcome = %s",
    "created_after": "created_at >= %s",
    "created_before": "created_at < %s",
}
_BEHIND = "(created_at, id) < (%s, %s)"


@dataclass(frozen=True)
class JobFilter:
    """This will say which jobs are wanted; None means any. `created_after` is included, `created_before` is not."""

    status: str | None = None
    type: str | None = None
    vm_id: str | None = None
    state: str | None = None
    outcome: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    @property
    def stated(self) -> dict[str, Any]:
        """Give what is asked for."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def digest(self) -> str:
        """Give a short text that differs between filters; a cursor carries it."""
        stated = {name: str(value) for name, value in self.stated.items()}
        return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()[:16] if stated else ""


@dataclass(frozen=True)
class Page:
    """This will hold one page; `next_cursor` is None on the last one."""

    jobs: list[dict[str, Any]]
    total: int
    total_is_estimate: bool
    next_cursor: str | None


class CursorRefused(ValueError):
    """The cursor is none of ours, or belongs to a list with other filters."""


def page_of_jobs(*, wanted: JobFilter, limit: int, now: datetime, offset: int = 0, cursor: str = "") -> Page:
    """Give `limit` jobs after the cursor, or after the first `offset`; raises CursorRefused."""
    conditions, values = _conditions(wanted)
    place = _place(cursor, wanted=wanted) if cursor else ()
    behind = [*conditions, _BEHIND] if place else conditions
    # One row more than is shown tells whether there is another page.
    found = _select(_COLUMNS, behind, [*values, *place], limit=limit + 1, offset=offset)
    if connection.vendor == "sqlite":
        found = [_with_zone(row) for row in found]
    next_cursor = cursor_behind(*found[limit - 1][:2], wanted=wanted) if len(found) > limit else None
    total, is_estimate = _total(conditions, values)
    return Page([_shown(row, now=now) for row in found[:limit]], total, is_estimate, next_cursor)


def cursor_behind(created_at: datetime, pk: int, *, wanted: JobFilter) -> str:
    """Give the cursor of the rows behind the one of this moment and id."""
    place = [(created_at - _EPOCH) // _MICROSECOND, pk, wanted.digest]
    return signing.Signer(salt=_SALT).sign_object(place)


def _place(cursor: str, *, wanted: JobFilter) -> tuple[Any, int]:
    try:
        microseconds, pk, digest = signing.Signer(salt=_SALT).unsign_object(cursor)
    except (signing.BadSignature, ValueError) as error:
        raise CursorRefused("The cursor is not one that this list gave: begin again without it.") from error
    if digest != wanted.digest:
        raise CursorRefused("The cursor belongs to a list with other filters: begin again without it.")
    return _parameter(_EPOCH + microseconds * _MICROSECOND), pk


def _conditions(wanted: JobFilter) -> tuple[list[str], list[Any]]:
    stated = wanted.stated
    return [_CONDITIONS[name] for name in stated], [_parameter(value) for value in stated.values()]


def _parameter(value: Any) -> Any:
    """Give a value as the database's driver takes it."""
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


def _select(
    columns: Sequence[str],
    conditions: Sequence[str],
    values: Sequence[Any],
    *,
    limit: int,
    offset: int = 0,
    direction: str = "DESC",
) -> list[tuple[Any, ...]]:
    order = ("ORDER BY created_at", direction, ", id", direction, "LIMIT %s OFFSET %s")
    with connection.cursor() as cursor:
        parts = ("SELECT", ", ".join(columns), "FROM jobs_failoverjob", *_where(conditions), *order)
        cursor.execute(" ".join(parts), [*values, limit, offset])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _with_zone(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Say of the moments what SQLite does not: that they are in UTC."""
    return tuple([value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for value in row])


def _shown(row: tuple[Any, ...], *, now: datetime) -> dict[str, Any]:
    """Give the row, in the order of the columns, as the contract shows a job."""
    created_at, _, started_at, completed_at, ends_at, overdue_since, job_id, vm_id, vm_name, *words = row
    job_type, status, state, outcome, destination_vm_id = words
    lasted = ((completed_at or now) - started_at) // _MICROSECOND * 1000 if started_at is not None else 0
    return {
        "job_id": job_id,
        "vm_id": vm_id,
        "vm_name": vm_name,
        "job_type": job_type,
        "status": status,
        "state": state,
        "outcome": outcome,
        "created_at": created_at,
        "started_at": started_at,
        "completed_at": completed_at,
        "duration": lasted,
        "destination_vm_id": destination_vm_id or None,
        "window_ends_at": ends_at,
        "overdue_since": overdue_since,
    }


def _total(conditions: Sequence[str], values: Sequence[Any]) -> tuple[int, bool]:
    """Give the number of matches, and whether it is an estimate."""
    if not conditions:
        rows = _rows_of_table()
        # Statistics lag behind by some per cent; twice the bound is far enough from it to skip the look.
        if rows > 2 * COUNTED_EXACTLY:
            return rows, True
    ids = partial(_select, ("id",), conditions, values, limit=1)
    beyond = ids(offset=COUNTED_EXACTLY)
    if not beyond:
        return _one("SELECT count(*) FROM jobs_failoverjob", *_where(conditions), values=values), False
    newest, ((last,),), oldest = ids()[0][0], beyond, ids(direction="ASC")[0][0]
    # As dense as its newest part: ids grow with time.
    counted = COUNTED_EXACTLY + 1
    return max(counted, counted * (newest - oldest + 1) // max(1, newest - last + 1)), True


_ROWS_OF_TABLE = {
    "postgresql": "SELECT reltuples FROM pg_class WHERE oid = 'jobs_failoverjob'::regclass",
    # There are no statistics, but ids without gaps: jobs are never deleted.
    "sqlite": "SELECT (SELECT max(id) FROM jobs_failoverjob) - (SELECT min(id) FROM jobs_failoverjob) + 1",
}


def _rows_of_table() -> int:
    """Give about how many jobs there are, without counting."""
    return _one(_ROWS_OF_TABLE[connection.vendor])


def _where(conditions: Sequence[str]) -> tuple[str, ...]:
    return ("WHERE", " AND ".join(conditions)) if conditions else ()


def _one(*parts: str, values: Sequence[Any] = ()) -> int:
    with connection.cursor() as cursor:
        cursor.execute(" ".join(parts), list(values))
        return int(cursor.fetchone()[0] or 0)
