"""This will add one event to the audit, in the transaction of what it tells of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.utils import timezone

from audit.chain import mac_of
from audit.models import AuditEvent
from database.statements import insert, insert_all

# Who runs a management command.
COMMAND_LINE = "command line"


def record_event(
    kind: str,
    *,
    actor: str,
    subject: str = "",
    words: str = "",
    at: datetime | None = None,
    fields: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Write the event unsealed: a chain written here would make every transaction wait for every other.

    `fields` must hold no secret. Texts are cut to their columns, and cleaned of what a database refuses.
    """
    event = event_of(kind, actor=actor, subject=subject, words=words, at=at, fields=fields)
    return insert(event)


def record_events(events: Sequence[AuditEvent]) -> None:
    """Write events of `event_of` in one statement, in their order."""
    insert_all(events)


def event_of(
    kind: str,
    *,
    actor: str,
    subject: str = "",
    words: str = "",
    at: datetime | None = None,
    fields: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Make an event that is still to be written; the arguments are those of `record_event`."""
    event = AuditEvent(
        at=at or timezone.now(),
        kind=_text(kind, 60),
        actor=_text(actor, 150),
        subject=_text(subject, 300),
        words=_text(words, 4000),
        fields=json.dumps(dict(fields or {}), default=str, sort_keys=True),
        request_id=_text(str(structlog.contextvars.get_contextvars().get("request_id", "")), 100),
    )
    event.mac = mac_of(event)
    return event


def _text(text: str, most: int) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:most]
