"""This will say in the API's words what is so of a job: one place for status answers, lists, admin and demo."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inventory.redaction import Redactor
from jobs.cleanup import BEING_LEFT, obstacle_to_cleanup
from jobs.durations import NANOSECONDS, format_duration
from jobs.engine.timings import usual_seconds
from jobs.engine.windows import is_being_left
from jobs.evidence import evidence_of
from jobs.leftovers import left_behind
from jobs.models import (
    AttemptState,
    FailoverJob,
    JobState,
    JobType,
    Plan,
    PlanState,
    Priority,
    Question,
    Step,
    StepState,
)
from jobs.queue import Place, place_of
from jobs.retries import obstacle_to_retry
from jobs.rollback_windows import window_body
from jobs.snapshot_sets import CHOSEN
from jobs.start_options import accepts_stalled, older_snapshots
from jobs.timeline import plans_of
from jobs.verbs import obstacle_to_commit, obstacle_to_extension, obstacle_to_rollback

_GUESSED_SECONDS = 5.0
_REDACTOR = Redactor()
# Scheme and host of an address, then all that may hold a secret; what stands before an @ may as well.
_ADDRESS = re.compile(r"(\w+://)(?:[^/@\s]*@)?([^/\s]*)\S*")


@dataclass(frozen=True)
class AllowedAction:
    """A verb that may be used now, or the reason why not."""

    action: str
    allowed: bool
    reason: str


def duration_ns(job: FailoverJob, *, now: datetime) -> int:
    """Give nanoseconds from the start to the end, or to now; 0 before the start."""
    if job.started_at is None:
        return 0
    end = job.completed_at or now
    return int((end - job.started_at).total_seconds() * 1_000_000_000)


def status_body(job: FailoverJob, *, now: datetime) -> dict[str, Any]:
    """Give the body of a status answer, without the envelope."""
    steps = list(Step.objects.filter(plan__job=job).select_related("plan").order_by("plan__number", "position"))
    return {
        "job_id": job.job_id,
        "status": job.status,
        "state": job.state,
        "outcome": job.outcome,
        "progress": job.progress,
        "start_time": job.started_at,
        "duration": duration_ns(job, now=now),
        "current_steps": current_steps(job),
        "queue": queue_body(job),
        "steps": [step_body(step) for step in steps],
        "allowed_actions": actions_body(job),
        "questions": [question_body(question) for question in open_questions(job)],
        "job_details": details(job, steps),
    }


def details(job: FailoverJob, steps: Sequence[Step]) -> dict[str, Any]:
    """Give `job_details` of the contract, and what was made; `steps` are all steps in the order of their plans."""
    return {
        "job_type": job.job_type,
        "vm_id": job.source_vm_id,
        "vm_name": job.vm_name,
        "destination_vm_id": job.destination_vm_id or None,
        "snapshot_id": job.snapshot_id or None,
        "error_message": job.error_message or None,
        "started_at": job.started_at,
        "completed_at": job.completed_at,
        "custom_config": {**job.custom_config, **_asked_of_test(job), "network_mappings": _networks_in_use(job)},
        "notification_config": _without_secrets(job.notification_config),
        "unknown_fields": job.unknown_fields,
        "warnings": job.warnings,
        "requested_by": job.requested_by or None,
        "reason": job.reason or None,
        "priority": Priority(job.priority).name.lower(),
        "point_of_no_return_at": job.point_of_no_return_at,
        "strategy": job.specification.get("strategy"),
        "window_opened_at": job.window_opened_at,
        **_window(job),
        "evidence": evidence_of(job, steps) if _is_planned_test(job) else None,
        "left_behind": left_behind(job, steps),
        "stalled_replication": _torn(job),
        "older_snapshots": _older(job),
        "rollback_window": window_body(job),
        "retry_of": job.retry_of.job_id if job.retry_of is not None else None,
        **({"debug": {"plans": plans_of(job)}} if job.is_watched_closely else {}),
    }


def _asked_of_test(job: FailoverJob) -> dict[str, Any]:
    if job.window_seconds is None:
        return {}
    return {"test_duration": format_duration(job.window_seconds * NANOSECONDS), "auto_cleanup": job.auto_cleanup}


def _without_secrets(value: Any) -> Any:
    """Show an address by its host only: whoever has the address of a webhook may send to it."""
    match value:
        case dict():
            return {name: _without_secrets(inner) for name, inner in value.items()}
        case list():
            return [_without_secrets(inner) for inner in value]
        case str() if "://" in value:
            return _ADDRESS.sub(r"\1\2/…", value)
        case _:
            return value


def _networks_in_use(job: FailoverJob) -> dict[str, str]:
    """Give the network that each source network became, mapped or overridden; evidence lists them NIC by NIC."""
    nics = job.specification.get("nics", [])
    return {nic["source_network"]: nic["network_id"] for nic in nics if nic.get("source_network")}


def _torn(job: FailoverJob) -> dict[str, Any] | None:
    """Give what the replica held, where a start went on in spite of a stalled replication."""
    if not accepts_stalled(job.custom_config):
        return None
    event = job.events.filter(kind="stalled_replication_accepted").first()
    return {**event.fields["stalled_replication"], "accepted_by": event.actor} if event is not None else None


def _older(job: FailoverJob) -> dict[str, Any] | None:
    """Give the older snapshots that a test was made of, and who asked for that and why."""
    if not older_snapshots(job.custom_config):
        return None
    event = job.events.filter(kind=CHOSEN).first()
    if event is None:
        return None
    return {**event.fields["snapshots"], "chosen_by": event.actor, "reason": event.fields["reason"]}


def _window(job: FailoverJob) -> dict[str, Any]:
    return {"window_ends_at": job.window_ends_at, "overdue_since": job.overdue_since}


def _is_planned_test(job: FailoverJob) -> bool:
    return job.job_type == JobType.TEST and bool(job.specification)


def current_steps(job: FailoverJob) -> list[str]:
    """Say in words what is being done, waited for, or asked at this moment."""
    plan = moving_plan(job)
    if plan is None:
        return []
    words = [question.text for question in open_questions(job)]
    if place := _place(job):
        words.append(place.reason)
    for step in plan.steps.exclude(state__in=[StepState.DONE, StepState.SKIPPED, StepState.FAILED]):
        if step.state == StepState.RUNNING:
            words.append(f"{step.title}{_doubt(step)}")
        elif step.reason:
            words.append(f"{step.title}: {step.reason}")
    return words


def queue_body(job: FailoverJob) -> dict[str, Any] | None:
    """Give where a queued job stands and what it waits for; None when it does not wait for its turn."""
    place = _place(job)
    return {"position": place.position, "reason": place.reason} if place else None


def _place(job: FailoverJob) -> Place | None:
    return place_of(job, vm=job.vm) if job.state == JobState.QUEUED else None


def step_body(step: Step) -> dict[str, Any]:
    """Give one line of the timeline: a step of any plan of the job, in words, with its times."""
    return {
        "phase": step.phase,
        "title": step.title,
        "state": step.state,
        "reason": step.reason or None,
        "started_at": step.started_at,
        "finished_at": step.finished_at,
    }


def _doubt(step: Step) -> str:
    """Say why a running step takes its time, when its last call had no proven effect."""
    attempt = step.attempts.filter(state=AttemptState.UNKNOWN).first()
    if attempt is None:
        return ""
    said = str(attempt.answer.get("text", "")).rstrip(".") or "no usable answer came"
    until = attempt.settled_after or attempt.next_look_at
    wait = f" from {until:%H:%M:%S} UTC on, when the request can do nothing any more" if until else ""
    return f": {said}. Whether it took effect is read back{wait}."


def moving_plan(job: FailoverJob) -> Plan | None:
    """Give the plan that the job is in, None after the end."""
    return job.plans.filter(state__in=[PlanState.RUNNING, PlanState.STOPPING]).first()


def open_questions(job: FailoverJob) -> list[Question]:
    """Give the questions that wait for an answer."""
    return list(job.questions.filter(answered_at__isnull=True))


def question_body(question: Question) -> dict[str, Any]:
    """Give a question with what was seen and the safe choices."""
    return {
        "id": question.pk,
        "kind": question.kind,
        "question": question.text,
        "seen": _REDACTOR.cleaned(question.seen),
        "choices": question.choices,
        "volumes": question.volumes,
        "volumes_read_at": question.volumes_read_at,
        "asked_at": question.asked_at,
    }


def actions_body(job: FailoverJob) -> list[dict[str, Any]]:
    """Give the verbs that may be used now, and the reason why not the others, in the API's words."""
    actions = allowed_actions(job)
    return [{"action": each.action, "allowed": each.allowed, "reason": each.reason} for each in actions]


def allowed_actions(job: FailoverJob) -> list[AllowedAction]:
    """Say which verbs may be used now, and why not the others."""
    asked = bool(open_questions(job))
    cleanup, extend, back = obstacle_to_cleanup(job), obstacle_to_extension(job), obstacle_to_rollback(job)
    retry, stay = obstacle_to_retry(job), obstacle_to_commit(job)
    if job.state == JobState.FINISHED:
        cancel = "The job is finished."
    elif job.window_opened_at is not None:
        cancel = "The test VM was started; the cleanup ends a test."
    elif job.point_of_no_return_at is not None:
        cancel = "The start of the target VM was ordered; from there on only a rollback undoes it."
    elif job.cancel_requested_at is not None:
        cancel = "It is being cancelled already."
    elif is_being_left(job):
        cancel = BEING_LEFT
    else:
        cancel = ""
    return [
        AllowedAction("cancel", allowed=not cancel, reason=cancel),
        AllowedAction("answer", allowed=asked, reason="" if asked else "No question is open."),
        AllowedAction("retry", allowed=not retry, reason=retry),
        AllowedAction("cleanup", allowed=not cleanup, reason=cleanup),
        AllowedAction("extend", allowed=not extend, reason=extend),
        AllowedAction("rollback", allowed=not back, reason=back),
        AllowedAction("commit", allowed=not stay, reason=stay),
    ]


def estimated_duration(*, endpoint: str, job_type: str) -> str:
    """Give a range of minutes learned from how long commands took on this cloud; the contract's words before that."""
    learned = usual_seconds(endpoint=endpoint)
    if not learned:
        return "5-10 minutes" if job_type == JobType.LIVE else "3-10 minutes"
    disk_made_ready = "detach_from_appliance" if job_type == JobType.LIVE else "create_clone"
    path = ("take_snapshot", disk_made_ready, "attach_to_target", "start_target")
    return _range_of_minutes(sum(learned.get(command, _GUESSED_SECONDS) for command in path))


def estimated_cleanup_time(*, endpoint: str) -> str:
    """Give a range of minutes learned from how long cleanups' commands took; the contract's words before that."""
    path = ("stop_target", "detach_from_target", "destroy_target", "delete_snapshot")
    learned = usual_seconds(endpoint=endpoint)
    if not any(command in learned for command in path):
        return "2-5 minutes"
    return _range_of_minutes(sum(learned.get(command, _GUESSED_SECONDS) for command in path))


def _range_of_minutes(seconds: float) -> str:
    low = max(1, int(seconds // 60))
    return f"{low}-{max(low + 1, int(-(-seconds * 2 // 60)))} minutes"
