"""This will tell the time to tokens, limits and kept answers; `API_CLOCK` is where tests pass in their own."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings


def seconds() -> float:
    """Give unix seconds."""
    return float(settings.API_CLOCK())


def present() -> datetime:
    """Give the same moment with its zone."""
    return datetime.fromtimestamp(seconds(), tz=UTC)
