"""This will write what happened into the outbox, in the caller's transaction; it sends nothing and asks nobody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from database.statements import insert
from notifications.models import Event, Notification


def tell(
    event: Event,
    *,
    subject: str,
    words: str,
    body: Mapping[str, Any],
    at: datetime,
    email: str = "",
    slack_webhook: str = "",
) -> Notification:
    """Write one notification; `body` must hold no secret."""
    notification = Notification(
        event=event, subject=subject, words=words, body=dict(body), email=email[:254], created_at=at
    )
    notification.slack_webhook = slack_webhook
    return insert(notification)
