"""This will keep an error that nobody foresaw from disturbing anything but the work in which it happened.

The one broad except of the project is here.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

log = structlog.get_logger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Defect:
    """What went wrong in a piece of work; the log tells all about it under `error_id`."""

    error: Exception
    error_id: str


def isolated(work: Callable[[], T]) -> T | Defect:
    """Do the work; an error that nobody foresaw is our defect: it is logged once, and the caller goes on without it."""
    try:
        return work()
    except Exception as error:
        error_id = f"err-{uuid.uuid4()}"
        log.exception("defect", defect=repr(error), error_id=error_id)
        return Defect(error, error_id)
