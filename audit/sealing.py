"""This will chain what is committed: one sealer at a time gives each event its place and tells the head."""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog
from django.db import IntegrityError, transaction

from audit.chain import START, hash_of, key_id, mac_of, same
from audit.head import Head, read_head, write_head
from audit.models import AuditEvent, AuditSeal

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 500
# Transactions commit in another order than they take their ids; none is open for so many events.
OVERLAP = 10_000


@dataclass
class Sealer:
    """Seals what is not sealed; of several, the database lets one win each place."""

    _forged: set[int] = field(default_factory=set)
    _searched_all: bool = False

    def seal_pending(self) -> int:
        """Seal up to MOST_AT_ONCE events and tell the head; give how many those were."""
        before = newest_head()
        events = [event for event in self._unsealed() if self._is_ours(event)]
        if not events:
            return 0
        try:
            with transaction.atomic():
                head = _append(events, before)
        except IntegrityError:
            return 0  # Another sealer took the place first; the next round goes on from its head.
        _tell(head)
        return len(events)

    def _unsealed(self) -> list[AuditEvent]:
        """Look at the newest, and once in a process's life at all of them."""
        events = AuditEvent.objects.filter(seal=None).exclude(pk__in=self._forged).order_by("pk")
        if self._searched_all:
            newest = AuditSeal.objects.order_by("-position").values_list("event_id", flat=True).first() or 0
            events = events.filter(pk__gt=newest - OVERLAP)
        found = list(events[:MOST_AT_ONCE])
        self._searched_all = self._searched_all or len(found) < MOST_AT_ONCE
        return found

    def _is_ours(self, event: AuditEvent) -> bool:
        if same(event.mac, mac_of(event)):
            return True
        self._forged.add(event.pk)
        log.critical("audit_event_forged", row=event.pk)
        return False


def newest_head() -> Head:
    """Give the newest seal of the database; position 0 when there is none."""
    seal = AuditSeal.objects.order_by("-position").first()
    return Head(position=seal.position, hash=seal.hash, key_id=seal.key_id) if seal else Head(0, START, key_id())


def _append(events: list[AuditEvent], head: Head) -> Head:
    seals = []
    for event in events:
        position = head.position + 1
        head = Head(position, hash_of(position=position, before=head.hash, mac=event.mac), key_id())
        seals.append(AuditSeal(position=position, event=event, key_id=head.key_id, hash=head.hash))
    AuditSeal.objects.bulk_create(seals)
    return head


def _tell(head: Head) -> None:
    """Move the head outside on, unless the database no longer holds the one that was told before."""
    told = read_head()
    if told is not None and told.position > 0:
        kept = AuditSeal.objects.filter(position=told.position, hash=told.hash).exists()
        if not kept:
            # Not overwritten: the file is the proof. `verify_audit` tells, and `confirm_database` accepts it.
            log.critical("audit_tail_cut", told=str(told), found=str(head))
            return
    write_head(head)
