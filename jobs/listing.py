"""This will list jobs, newest first, at a cost that does not grow with their number.

Counting is most of the cost of a long list, so that a total beyond `COUNTED_EXACTLY` is an estimate and says so. A
cursor names the last row that was seen, not a number of rows to skip: page 10 000 costs what the first page costs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core import signing
from django.db import connection
from django.db.models import Q, QuerySet

from jobs.models import FailoverJob

COUNTED_EXACTLY = 10_000
_SALT = "jobs.listing"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_COLUMNS = (
    "id",
    "job_id",
    "source_vm_id",
    "vm_name",
    "job_type",
    "status",
    "state",
    "outcome",
    "created_at",
    "started_at",
    "completed_at",
    "destination_vm_id",
    "window_ends_at",
    "overdue_since",
)
_NEWEST_FIRST = ("-created_at", "-id")


@dataclass(frozen=True)
class JobFilter:
    """This will say which jobs are wanted; None means any. `created_after` is included, `created_before` is not."""

    status: str | None = None
    type: str | None = None
    vm_id: str | None = None
    state: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    def rows(self) -> QuerySet[FailoverJob]:
        """Give the matching rows, in no order."""
        wanted = {
            "status": self.status,
            "job_type": self.type,
            "source_vm_id": self.vm_id,
            "state": self.state,
            "created_at__gte": self.created_after,
            "created_at__lt": self.created_before,
        }
        return FailoverJob.objects.filter(**{name: value for name, value in wanted.items() if value is not None})

    @property
    def is_empty(self) -> bool:
        """Whether every job matches."""
        return self == JobFilter()

    @property
    def digest(self) -> str:
        """Give a short text that differs between filters; a cursor carries it."""
        stated = {name: str(value) for name, value in asdict(self).items() if value is not None}
        return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()[:16]


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
    chosen = wanted.rows()
    after = _after(cursor, wanted=wanted) if cursor else chosen
    # One row more than is shown tells whether there is another page.
    found = list(after.order_by(*_NEWEST_FIRST).values_list(*_COLUMNS)[offset : offset + limit + 1])
    shown = [dict(zip(_COLUMNS, row, strict=True)) for row in found[:limit]]
    next_cursor = cursor_behind(shown[-1], wanted=wanted) if len(found) > limit else None
    total, is_estimate = _total(chosen, is_filtered=not wanted.is_empty)
    return Page([_shown(row, now=now) for row in shown], total, is_estimate, next_cursor)


def cursor_behind(row: Mapping[str, Any], *, wanted: JobFilter) -> str:
    """Give the cursor of the rows behind this one, which has `created_at` and `id`."""
    place = [(row["created_at"] - _EPOCH) // _MICROSECOND, row["id"], wanted.digest]
    return signing.Signer(salt=_SALT).sign_object(place)


def _after(cursor: str, *, wanted: JobFilter) -> QuerySet[FailoverJob]:
    try:
        microseconds, pk, digest = signing.Signer(salt=_SALT).unsign_object(cursor)
    except (signing.BadSignature, ValueError) as error:
        raise CursorRefused("The cursor is not one that this list gave: begin again without it.") from error
    if digest != wanted.digest:
        raise CursorRefused("The cursor belongs to a list with other filters: begin again without it.")
    created_at = _EPOCH + microseconds * _MICROSECOND
    # The first condition says nothing that the second does not: it lets the database begin in the index at the place.
    return wanted.rows().filter(Q(created_at__lte=created_at), Q(created_at__lt=created_at) | Q(pk__lt=pk))


def _shown(row: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    """Give the row as the contract shows a job."""
    started_at, completed_at = row["started_at"], row["completed_at"]
    lasted = ((completed_at or now) - started_at) // _MICROSECOND * 1000 if started_at is not None else 0
    return {
        "job_id": row["job_id"],
        "vm_id": row["source_vm_id"],
        "vm_name": row["vm_name"],
        "job_type": row["job_type"],
        "status": row["status"],
        "state": row["state"],
        "outcome": row["outcome"],
        "created_at": row["created_at"],
        "started_at": started_at,
        "completed_at": completed_at,
        "duration": lasted,
        "destination_vm_id": row["destination_vm_id"] or None,
        "window_ends_at": row["window_ends_at"],
        "overdue_since": row["overdue_since"],
    }


def _total(chosen: QuerySet[FailoverJob], *, is_filtered: bool) -> tuple[int, bool]:
    """Give the number of matches, and whether it is an estimate."""
    if not is_filtered:
        rows = _rows_of_table()
        # Statistics lag behind by some per cent; twice the bound is far enough from it to skip the look.
        if rows > 2 * COUNTED_EXACTLY:
            return rows, True
    newest_first = chosen.order_by(*_NEWEST_FIRST).values_list("pk", flat=True)
    beyond = newest_first[COUNTED_EXACTLY : COUNTED_EXACTLY + 1].first()
    if beyond is None:
        return chosen.order_by().count(), False
    newest, oldest = newest_first[:1].get(), newest_first.reverse()[:1].get()
    # As dense as its newest part: ids grow with time, and jobs are never deleted.
    return max(COUNTED_EXACTLY + 1, (COUNTED_EXACTLY + 1) * (newest - oldest + 1) // max(1, newest - beyond + 1)), True


def _rows_of_table() -> int:
    """Give about how many jobs there are, without counting: -1 where the database keeps no statistics."""
    if connection.vendor != "postgresql":
        return -1
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [FailoverJob._meta.db_table])
        return int(cursor.fetchone()[0])
