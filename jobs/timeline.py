"""This will tell a job's story: its plans with every step and attempt, and its events, oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch

from inventory.redaction import Redactor
from jobs.models import FailoverJob, JobEvent, Plan, Step, StepAttempt

# What clouds answered is shown as it was kept; a cloud may have put a secret into it.
_REDACTOR = Redactor()


@dataclass(frozen=True)
class EventPage:
    """This will hold a page of events; `last` is the id to go on after, also when the page is empty."""

    events: list[dict[str, Any]]
    last: int
    has_more: bool


def plans_of(job: FailoverJob) -> list[dict[str, Any]]:
    """Give all plans of the job in their order, with steps and attempts; four queries, whatever the job did."""
    plans = Plan.objects.filter(job=job).order_by("number")
    return [plan_body(plan) for plan in plans.prefetch_related(*with_steps())]


def with_steps(prefix: str = "") -> tuple[Prefetch[Any], ...]:
    """Name what `plan_body` reads of each plan, so that it is read for all plans at once."""
    return (
        Prefetch(f"{prefix}steps", Step.objects.order_by("position")),
        Prefetch(f"{prefix}steps__attempts", StepAttempt.objects.order_by("number")),
    )


def events_of(job: FailoverJob, *, after: int = 0, limit: int = 100) -> EventPage:
    """Give the events with larger ids than `after`, oldest first."""
    found = list(JobEvent.objects.filter(job=job, pk__gt=after).order_by("pk")[: limit + 1])
    shown = found[:limit]
    return EventPage(
        events=[_event(event) for event in shown],
        last=shown[-1].pk if shown else after,
        has_more=len(found) > limit,
    )


def plan_body(plan: Plan) -> dict[str, Any]:
    """Give a plan with its steps and their attempts, as the journal holds them; secrets are taken out."""
    return {
        "number": plan.number,
        "kind": plan.kind,
        "state": plan.state,
        "stop_reason": plan.stop_reason or None,
        "created_at": plan.created_at,
        "finished_at": plan.finished_at,
        "steps": [_step(step) for step in plan.steps.all()],
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "key": step.key,
        "phase": step.phase,
        "title": step.title,
        "command": step.command,
        "arguments": _REDACTOR.cleaned(step.arguments),
        "after": step.after,
        "is_point_of_no_return": step.is_point_of_no_return,
        "state": step.state,
        "reason": step.reason or None,
        "waiting_for": step.waiting_for or None,
        "waiting_since": step.waiting_since,
        "not_before": step.not_before,
        "started_at": step.started_at,
        "finished_at": step.finished_at,
        "left_behind": step.left_behind,
        "result": _REDACTOR.cleaned(step.result),
        "attempts": [_attempt(attempt) for attempt in step.attempts.all()],
    }


def _attempt(attempt: StepAttempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "async_job_id": attempt.async_job_id,
        "state": attempt.state,
        "owner": attempt.owner,
        "intent_at": attempt.intent_at,
        "deadline": attempt.deadline,
        "submitted_at": attempt.submitted_at,
        "answered_at": attempt.answered_at,
        "ended_at": attempt.ended_at,
        "settled_after": attempt.settled_after,
        "next_look_at": attempt.next_look_at,
        "answer": _REDACTOR.cleaned(attempt.answer),
        "readings": _REDACTOR.cleaned(attempt.readings),
        "explanation": attempt.explanation or None,
    }


def _event(event: JobEvent) -> dict[str, Any]:
    return {
        "id": event.pk,
        "at": event.at,
        "kind": event.kind,
        "message": event.message,
        "step": event.step_key or None,
        "async_job_id": event.async_job_id or None,
        "actor": event.actor or None,
        "fields": event.fields,
    }
