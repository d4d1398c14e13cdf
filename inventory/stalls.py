"""This will tell a replication that is under way from one whose engine has fallen silent: it died with its site."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from inventory.models import UNFINISHED_REPLICATION, Replication


def last_word_of(run: Replication) -> datetime:
    """Give when the engine last said anything about the run; where it does not say so, when its word last changed."""
    return run.last_word_at or run.updated_at


def is_stalled(run: Replication, *, now: datetime) -> bool:
    """Whether an unfinished run was not heard of for longer than its heartbeat (`REPLICATION_HEARTBEAT_SECONDS`)."""
    limit = timedelta(seconds=settings.REPLICATION_HEARTBEAT_SECONDS)
    return run.status in UNFINISHED_REPLICATION and now - last_word_of(run) > limit
