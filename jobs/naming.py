"""This will say in the log whose async job ended: in CloudStack it has a number, here a step, a job and a request."""

from __future__ import annotations

import structlog

from jobs.engine.contracts import AsyncAnswer
from jobs.engine.statements import Prepared
from jobs.models import StepAttempt

log = structlog.get_logger(__name__)

_NAMES = Prepared(
    lambda async_job_id: (
        StepAttempt.objects.filter(async_job_id=async_job_id)
        .order_by()
        .values_list("step__plan__job__job_id", "step__plan__job__request_id", "step__key")
    ),
    texts=frozenset({"async_job_id"}),
)


def log_end_of(async_job_id: str, answer: AsyncAnswer | None) -> None:
    """Log what was heard of an async job that is no longer under way; None: CloudStack does not know it."""
    status = "unknown" if answer is None else answer.status
    for job_id, request_id, step in _NAMES.values(async_job_id=async_job_id):
        (log.info if status == "succeeded" else log.warning)(
            "async_job_ended",
            job_id=job_id,
            request_id=request_id or None,
            step=step,
            async_job_id=async_job_id,
            status=status,
            text=answer.text if answer else "",
        )
