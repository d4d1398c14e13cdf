"""This will gather what a job's page shows, in a number of queries that does not grow with the job."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse

from jobs.console.verbs import VERBS
from jobs.evidence import evidence_of
from jobs.leftovers import left_behind
from jobs.models import FailoverJob, JobState, JobType, Step
from jobs.presentation import allowed_actions, current_steps, open_questions
from jobs.timeline import plans_of

_EVENTS_SHOWN = 200


def story_of(job: FailoverJob, *, now: datetime) -> dict[str, Any]:
    """Give the context of the part of the page that renews itself."""
    plans = plans_of(job)
    for plan in plans:
        for step in plan["steps"]:
            step["took"] = _seconds(step["started_at"], step["finished_at"], now=now)
            step["shown_result"] = _readable(step["result"])
            for attempt in step["attempts"]:
                attempt["shown_answer"] = _readable(attempt["answer"])
                attempt["shown_readings"] = _readable(attempt["readings"])
    newest = job.events.order_by("-pk")[:_EVENTS_SHOWN]
    return {
        "job": job,
        "lasted": _seconds(job.started_at, job.completed_at, now=now),
        "is_finished": job.state == JobState.FINISHED,
        "doing": current_steps(job),
        "questions": [_question(question) for question in open_questions(job)],
        "verbs": [
            _button(job, known.action) for known in allowed_actions(job) if known.allowed and known.action in VERBS
        ],
        "plans": list(reversed(plans)),
        "left": left_behind(job),
        "evidence": _evidence(job),
        "events": list(newest),
        "shown_at": now,
    }


def _button(job: FailoverJob, name: str) -> dict[str, Any]:
    verb = VERBS[name]
    address = reverse(f"admin:jobs_failoverjob_{name}", args=[job.pk])
    return {"label": verb.button, "address": address, "is_dangerous": verb.is_dangerous}


def _evidence(job: FailoverJob) -> dict[str, Any] | None:
    """Give what the journal proves of a test; nothing of a live failover."""
    if job.job_type != JobType.TEST or not job.specification:
        return None
    steps = Step.objects.filter(plan__job=job).select_related("plan").order_by("plan__number", "position")
    return evidence_of(job, list(steps))


def _question(question: Any) -> dict[str, Any]:
    return {"row": question, "seen": _readable(question.seen)}


def _readable(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str) if value else ""


def _seconds(start: datetime | None, end: datetime | None, *, now: datetime) -> str:
    """Give how long it took, as people say it."""
    if start is None:
        return ""
    spent = max(0.0, ((end or now) - start).total_seconds())
    if spent < 60:
        return f"{spent:.1f} s"
    return str(timedelta(seconds=round(spent)))
