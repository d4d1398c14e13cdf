"""This will run the parts of the service as threads of one process; a part that dies takes the process down, visibly.

The database then holds all that matters, and the next process goes on with it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import structlog
from celery import Celery
from celery.worker import WorkController

log = structlog.get_logger(__name__)

EXIT_PART_DIED = 70


def run_part(name: str, work: Callable[[], None]) -> threading.Thread:
    """Start a thread that does the work for ever; whatever ends it unasked ends the process."""
    thread = threading.Thread(target=run_now, args=(name, work), name=name, daemon=True)
    thread.start()
    return thread


def run_now(name: str, work: Callable[[], None]) -> None:
    """Do the work in this thread; whatever ends it unasked ends the process."""
    ended_as_asked = False
    try:
        work()
        ended_as_asked = True
    finally:
        if not ended_as_asked:
            log.critical("part_died", part=name, exc_info=True)
            # No clean-up: a half-dead service that still answers is worse than one that is started again.
            os._exit(EXIT_PART_DIED)


def worker_in_threads(app: Celery, *, threads: int) -> WorkController:
    """Give a Celery worker that runs inside this process on a pool of threads."""
    return app.WorkController(
        app=app,
        pool_cls="threads",
        concurrency=threads,
        without_heartbeat=True,
        without_mingle=True,
        without_gossip=True,
    )
