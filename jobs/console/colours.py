"""This will say which colour a word of the journal has: one table for lists and pages."""

from __future__ import annotations

COLOURS = {
    "queued": "default",
    "waiting": "default",
    "skipped": "default",
    "running": "info",
    "submitted": "info",
    "intended": "info",
    "answered": "info",
    "stopping": "warning",
    "waiting_for_operator": "warning",
    "window_open": "primary",
    "unknown": "warning",
    "not_done": "warning",
    "cancelled": "warning",
    "rolled_back": "warning",
    "warning": "warning",
    "unverified": "warning",
    "needs_full_resync": "danger",
    "good": "success",
    "finished": "default",
    "succeeded": "success",
    "committed": "success",
    "done": "success",
    "pass": "success",  # nosec B105
    "failed": "danger",
    "fail": "danger",
    "live": "danger",
    "test": "info",
}


def in_words(word: str | None) -> str:
    """Give a word of the code as people read it."""
    return (word or "").replace("_", " ")
