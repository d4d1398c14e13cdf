"""This will name who calls."""

from __future__ import annotations

from rest_framework.request import Request


def actor_of(request: Request) -> str:
    """Give the name that jobs and timelines show of the caller."""
    return str(request.user.get_username())
