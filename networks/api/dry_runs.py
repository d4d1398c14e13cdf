"""This will tell the handlers that can say what they would do from those that only do it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

_Handler = TypeVar("_Handler", bound=Callable[..., Any])


def has_dry_run(handler: _Handler) -> _Handler:
    """Say of a handler that it knows `dry_run`; asked of any other that changes something, it is refused."""
    handler.has_dry_run = True  # type: ignore[attr-defined]
    return handler


def knows_dry_run(handler: object) -> bool:
    """Say whether the handler can."""
    return bool(getattr(handler, "has_dry_run", False))
