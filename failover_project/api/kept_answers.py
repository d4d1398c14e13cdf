"""This will claim Idempotency-Keys and keep answers under them, so that a request that is repeated is done once.

Three things make a second job impossible. The claim is committed before the work: of two requests one gets it. The
answer is written in the transaction of the work: there is never one without the other. And only the holder of the claim
may write it: a request that was taken for dead and is not fails at its own commit.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from database.statements import Prepared, compare_and_set, insert
from failover_project.api.clock import present
from failover_project.api.envelope import LocalTimes
from failover_project.api.models import IdempotentAnswer

KEPT_FOR = timedelta(hours=24)
# Longer than any request works (a start validates within 10 s). Whoever is taken for dead too early loses nothing but
# his answer: he cannot write any more.
CLAIMED_FOR = timedelta(seconds=30)
_ATTEMPTS = 3
_PART = Prepared(
    lambda principal, route, key, part: IdempotentAnswer.objects.filter(
        principal=principal, route=route, key=key, part=part, completed_at__isnull=False
    ).order_by(),
    texts=frozenset({"principal", "route", "key", "part"}),
)


class KeyReused(Exception):
    """This will say that the key belongs to another request."""

    error_code = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was sent with another path, query or body")


class KeyInProgress(Exception):
    """This will say that the request under this key is still being carried out, by somebody else."""

    error_code = "IDEMPOTENCY_KEY_IN_PROGRESS"
    wait = 1.0

    def __init__(self) -> None:
        super().__init__("The request under this Idempotency-Key is still being carried out")


@dataclass(frozen=True)
class Scope:
    """This will say where a key counts: one caller, one route."""

    principal: str
    route: str
    key: str

    def rows(self) -> QuerySet[IdempotentAnswer]:
        """Give what is kept under the key."""
        return IdempotentAnswer.objects.filter(principal=self.principal, route=self.route, key=self.key)


@dataclass(frozen=True)
class Kept:
    """This will be the answer that was given before."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """This will keep the answers of the one request that holds the key."""

    scope: Scope
    fingerprint: str
    token: str
    # The row of the whole, and until when it is kept.
    row: int = 0
    kept_until: datetime | None = None

    def keep(self, answer: Mapping[str, Any], *, part: str = "", status: int = 200) -> None:
        """Write the answer into the open transaction; raises KeyInProgress when the claim is another's by now."""
        now = present()
        written = {"completed_at": now, "status": status, "body": json.dumps(answer, cls=LocalTimes)}
        if not part:
            self._mine_or_nothing(**written)
            return
        self._mine_or_nothing(claimed_until=now + CLAIMED_FOR)
        # As old as the whole: the parts are never there without it.
        columns = _columns(self, now) | {"kept_until": self.kept_until}
        insert(IdempotentAnswer(**columns, part=part, **written))

    def kept(self, *, part: str) -> dict[str, Any] | None:
        """Give the answer that an earlier request under this key kept for the part; raises KeyInProgress.

        The claim begins afresh: a bulk may take long, each of its parts does not.
        """
        self._mine_or_nothing(claimed_until=present() + CLAIMED_FOR)
        scope = self.scope
        row = _PART.row(principal=scope.principal, route=scope.route, key=scope.key, part=part)
        return None if row is None else _answer_in(row).body

    def finish(self, answer: Mapping[str, Any], *, status: int) -> None:
        """Keep the answer of a request that wrote nothing else, unless it was kept already."""
        if self._mine().exists():
            self.keep(answer, status=status)

    def release(self) -> None:
        """Give the key back when nothing was kept under it; with parts of a bulk kept it stays the same request's."""
        if self.scope.rows().exclude(part="").exists():
            self._mine().update(claimed_until=present())
        else:
            self._mine().delete()

    def _mine(self) -> QuerySet[IdempotentAnswer]:
        return self.scope.rows().filter(part="", claim=self.token, completed_at=None)

    def _mine_or_nothing(self, **changes: Any) -> None:
        expecting = {"claim": self.token, "completed_at": None}
        if not compare_and_set(IdempotentAnswer, pk=self.row, expecting=expecting, **changes):
            raise KeyInProgress


def claim(scope: Scope, *, fingerprint: str) -> Claim | Kept:
    """Take the key, or give the answer kept under it; raises KeyReused, KeyInProgress. Call it in no transaction."""
    wanted = Claim(scope, fingerprint, secrets.token_hex(16))
    for _ in range(_ATTEMPTS):
        now = present()
        IdempotentAnswer.objects.bulk_create([IdempotentAnswer(**_columns(wanted, now))], ignore_conflicts=True)
        row = scope.rows().filter(part="").first()
        if row is None:
            continue  # Whoever held it gave it back in this moment.
        held = replace(wanted, row=row.pk, kept_until=row.kept_until)
        if row.claim == wanted.token:
            _forget_old(now)
            return held
        if row.kept_until <= now:
            _forget_old(now)
            continue
        if row.fingerprint != fingerprint:
            raise KeyReused
        if row.completed_at is not None:
            return _answer_in(row)
        if row.claimed_until <= now and _take_over(row, wanted, now):
            return held
    raise KeyInProgress


def _take_over(row: IdempotentAnswer, wanted: Claim, now: datetime) -> bool:
    """Take the key from a request that died, or that will find at its commit that it is too late."""
    taken = IdempotentAnswer.objects.filter(pk=row.pk, claim=row.claim, completed_at=None)
    return bool(taken.update(claim=wanted.token, claimed_until=now + CLAIMED_FOR))


def _forget_old(now: datetime) -> None:
    IdempotentAnswer.objects.filter(kept_until__lte=now).delete()


def _columns(of: Claim, now: datetime) -> dict[str, Any]:
    return {
        "principal": of.scope.principal,
        "route": of.scope.route,
        "key": of.scope.key,
        "fingerprint": of.fingerprint,
        "claim": of.token,
        "claimed_until": now + CLAIMED_FOR,
        "kept_until": now + KEPT_FOR,
    }


def _answer_in(row: IdempotentAnswer) -> Kept:
    return Kept(status=row.status or 200, body=json.loads(row.body))
