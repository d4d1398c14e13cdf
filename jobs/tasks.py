"""This will give Celery one task per phase, so that Flower shows them, and the canary.

A phase's task does its due work and returns.
"""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task

from jobs.engine.advance import advance
from jobs.models import Phase
from jobs.pulses import hear_canary
from jobs.runtime import process_engine


def _task_of(phase: str) -> Task[Any, Any]:
    @shared_task(name=f"jobs.phases.{phase}", ignore_result=True, acks_late=False)
    def run(job_id: int, phase: str) -> None:
        """Do the phase's due work."""
        advance(process_engine(), job_id=job_id, phase=phase)

    return run


PHASE_TASKS: dict[str, Task[Any, Any]] = {phase: _task_of(phase) for phase in Phase.values}


@shared_task(name="jobs.canary", ignore_result=True, acks_late=False)
def canary(sent_at: float) -> None:
    """Note that a message came from its sender to this worker; `sent_at` is in unix seconds."""
    hear_canary(sent_at=sent_at, now=process_engine().clock.now())
