"""This will pause the service when the world knows more than its database, until an operator has looked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import F

from audit.head import read_head, write_head
from audit.recording import record_event
from audit.sealing import newest_head
from cloudstack import CloudError, Gateway
from cloudstack.single_flight import SingleFlight
from inventory.models import TargetCloud
from inventory.secrets import SecretUnreadable
from jobs.generation.marks import Mark, is_newer, mark_in_file, marks_in_cloud, move_tags, write_file
from jobs.generation.models import ONLY, Generation, current
from jobs.models import StepAttempt

log = structlog.get_logger(__name__)

Gateways = Callable[[TargetCloud], Gateway]


@dataclass
class GenerationGuard:
    """Answers for one process whether it may act on a cloud; each cloud is asked before the first act on it.

    A burst begins with all workers at once: one of them asks, and the others are told what he heard.
    """

    gateways: Gateways
    now: Callable[[], datetime]
    asking: SingleFlight[str] = field(default_factory=SingleFlight)
    _asked: set[str] = field(default_factory=set)
    _highest: int = 0

    def obstacle(self, endpoint: str) -> str:
        """Say why nothing may be begun on the cloud of this uuid; nothing when it may."""
        # Noted before the row is read: what another thread reads meanwhile may be newer than what this one has in hand.
        highest = self._highest
        row = current()
        if row.paused_at is not None:
            return row.paused_reason
        if row.number < highest:
            return _pause(row, [Mark(str(row.uuid), highest, "this process's memory")], now=self.now())
        self._highest = max(self._highest, row.number)
        mark = mark_in_file()
        if mark is not None and is_newer(mark, row):
            # Read again: the mark may have been moved on between the two looks.
            row = current()
            if is_newer(mark, row):
                return _pause(row, [mark], now=self.now())
        if endpoint in self._asked:
            return ""
        return self.asking.ask(endpoint, lambda: self._ask(endpoint))

    def _ask(self, endpoint: str) -> str:
        if endpoint in self._asked:
            return ""  # Another thread was told just before this one came to ask.
        cloud = TargetCloud.objects.filter(uuid=endpoint).first()
        if cloud is None:
            return ""
        try:
            marks = marks_in_cloud(self.gateways(cloud), cloud)
        except (CloudError, SecretUnreadable) as error:
            return f"It can't be read whether {cloud.name} is newer than the database: {error}"
        row = current()
        newer = [mark for mark in marks if is_newer(mark, row)]
        if newer:
            return _pause(row, newer, now=self.now())
        self._asked.add(endpoint)
        return ""


def paused_reason() -> str:
    """Give why the service is paused, nothing when it is not; asks the database only."""
    row = current()
    return row.paused_reason if row.paused_at is not None else ""


def move_on() -> Generation:
    """Let the number grow when attempts were made since, and put it in the file; never while the service is paused."""
    row = current()
    newest = StepAttempt.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    if row.paused_at is None and newest > row.attempts_to:
        same = Generation.objects.filter(pk=ONLY, number=row.number, paused_at=None)
        same.update(number=F("number") + 1, attempts_to=newest)
        row = current()
        # After the commit: outside there is never more than the database knows.
        write_file(row)
    return row


def keep_marks(guard: GenerationGuard, *, new_id: Callable[[], str], with_tags: bool) -> None:
    """Do what the keeper does from time to time: look, move on, and bring the tags nearer to the mark."""
    for cloud in TargetCloud.objects.all():
        if guard.obstacle(str(cloud.uuid)):
            continue
        row = move_on()
        if not with_tags or row.number == 0:
            continue
        try:
            move_tags(guard.gateways(cloud), cloud, row, new_id=new_id)
        except (CloudError, SecretUnreadable) as error:
            log.warning("generation_not_tagged", cloud=cloud.name, error=str(error))


def confirm(*, gateways: Gateways, actor: str, reason: str) -> Generation:
    """Go on with this database as it is; raises CloudError when a cloud can't be read.

    The marks that were seen are accepted, the number goes beyond them, and the audit keeps the head that was lost.
    """
    marks = [mark for cloud in TargetCloud.objects.all() for mark in marks_in_cloud(gateways(cloud), cloud)]
    if (kept := mark_in_file()) is not None:
        marks.append(kept)
    lost = read_head()
    with transaction.atomic():
        row = Generation.objects.select_for_update().get_or_create(pk=ONLY)[0]
        row.number = max([row.number, *(mark.number for mark in marks)]) + 1
        row.accepted = sorted({str(mark) for mark in marks})
        fields = {"reason": reason, "why": row.paused_reason, "marks": row.accepted, "audit_head": str(lost or "")}
        row.paused_at, row.paused_reason = None, ""
        row.save(update_fields=["number", "accepted", "paused_at", "paused_reason"])
        words = "The database was confirmed as it is; the service goes on."
        record_event("database_confirmed", actor=actor, subject=f"database:{row.uuid}", words=words, fields=fields)
    write_file(row)
    if lost is not None:
        write_head(newest_head())
    return row


def _pause(row: Generation, newer: list[Mark], *, now: datetime) -> str:
    seen = "; ".join(f"{mark.place} says {mark}" for mark in newer)
    reason = (
        f"The database is older than the world: it is {row}, and {seen}. Nothing is begun until somebody has compared "
        "(manage.py verify_world) and confirmed it (manage.py confirm_database)."
    )
    with transaction.atomic():
        if Generation.objects.filter(pk=ONLY, paused_at=None).update(paused_at=now, paused_reason=reason):
            record_event("paused", actor="guard", subject=f"database:{row.uuid}", words=reason)
            log.critical("database_is_old", generation=str(row), newer=seen)
    return reason
