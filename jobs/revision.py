"""This will name the state that a job's status shows: equal names, equal status, but for what the clock alone moves.

It is what an ETag is made of, so it must change whenever the status would: it covers every row that the status is built
from, and reads no more of them than can change. To leave out a change is a lie to whoever polls; to see one where there
is none costs an answer.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.conf import settings

from jobs.made import REMOVED_EVENT
from jobs.models import FailoverJob, JobEvent, Plan, Question, Step, StepAttempt
from jobs.models.attempt import UNFINISHED_ATTEMPTS
from jobs.presentation import queue_body

# Change it with the shape of the status, so that nobody keeps an answer of an earlier release.
_SHAPE = 1
# Columns that the status does not show, or that never change.
_UNSHOWN = frozenset(
    {"next_look_at", "turn", "defects", "specification", "network_mappings", "notification_config", "request_id"}
)


def revision_of(job: FailoverJob) -> str:
    """Give the revision; read it before the status is built, so that it is never newer than what it names."""
    return hashlib.blake2b(repr(_parts(job)).encode(), digest_size=16).hexdigest()


def _parts(job: FailoverJob) -> list[Any]:
    columns = [field.attname for field in FailoverJob._meta.concrete_fields if field.name not in _UNSHOWN]
    steps = Step.objects.filter(plan__job=job).order_by("plan__number", "position")
    unfinished = StepAttempt.objects.filter(step__plan__job=job, state__in=UNFINISHED_ATTEMPTS).order_by("pk")
    return [
        _SHAPE,
        settings.TIME_ZONE,
        [getattr(job, column) for column in columns],
        # A job that waits for its turn moves up when others end.
        queue_body(job),
        list(Plan.objects.filter(job=job).order_by("number").values_list("pk", "state", "stop_reason")),
        list(
            steps.values_list(
                "pk",
                "state",
                "reason",
                "started_at",
                "finished_at",
                "attempts_made",
                "left_behind",
                "waiting_for",
                "waiting_since",
                "not_before",
            )
        ),
        list(unfinished.values_list("pk", "state", "settled_after", "next_look_at")),
        list(Question.objects.filter(job=job).order_by("pk").values_list("pk", "answered_at", "volumes_read_at")),
        list(JobEvent.objects.filter(job=job, kind=REMOVED_EVENT).order_by("pk").values_list("pk", flat=True)),
    ]
