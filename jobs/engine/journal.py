"""This will write plans and events to the journal, and read commands back from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import structlog
from django.db.models import Max

from audit.recording import event_of, record_event, record_events
from database.statements import Prepared, compare_and_set, insert, insert_all
from database.together import Change, New, NotAsExpected, Write, write_as_one
from jobs.engine.contracts import Command, PlannedSteps
from jobs.engine.ports import Engine
from jobs.models import FailoverJob, JobEvent, Plan, PlanKind, Step, StepState

log = structlog.get_logger(__name__)

_RESULTS = Prepared(
    lambda job_id: (
        Step.objects.filter(plan__job_id=job_id, state=StepState.DONE)
        .order_by("plan__number")
        .values_list("key", "result")
    )
)
# The event of a target VM that ran without its job's doing.
SEEN_RUNNING = "seen_running"
# Each step makes two of them; its calls to the cloud are in the log already.
_FREQUENT = frozenset({"step_started", "step_done"})
# Databases take so many parameters at once, and VMs may have many disks.
_MOST_AT_ONCE = 400
_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9_-]+)\.([A-Za-z0-9_]+)\}")


class UnresolvedResult(Exception):
    """A step names a result that no finished step of its job has: a defect of the plan builder."""


def write_plan(engine: Engine, *, job: FailoverJob, kind: PlanKind, planned: PlannedSteps) -> Plan:
    """Write a whole plan with all its steps; call it inside a transaction."""
    last = job.plans.aggregate(last=Max("number"))["last"] or 0
    plan = Plan.objects.create(job=job, kind=kind, number=last + 1, created_at=engine.clock.now())
    Step.objects.bulk_create(steps_of(plan, planned))
    return plan


def write_first_plans(engine: Engine, planned: Sequence[tuple[FailoverJob, PlannedSteps]]) -> None:
    """Write the forward plans of jobs that were just made, in few statements; call it inside a transaction."""
    now = engine.clock.now()
    plans = [Plan(job=job, kind=PlanKind.FORWARD, number=1, created_at=now) for job, _ in planned]
    insert_all(plans)
    steps = [step for plan, (_, of_plan) in zip(plans, planned, strict=True) for step in steps_of(plan, of_plan)]
    for first in range(0, len(steps), _MOST_AT_ONCE):
        insert_all(steps[first : first + _MOST_AT_ONCE])


def steps_of(plan: Plan, planned: PlannedSteps) -> Iterator[Step]:
    """Give the rows of a plan's steps, still to be written."""
    for position, step in enumerate(planned.steps):
        yield Step(
            plan=plan,
            key=step.key,
            position=position,
            phase=step.phase,
            command=step.command.name,
            version=step.command.version,
            arguments=step.command.arguments(),
            after=list(step.after),
            title=step.command.title()[:200],
            is_point_of_no_return=step.is_point_of_no_return,
        )


def record(
    engine: Engine,
    job: FailoverJob,
    kind: str,
    message: str,
    *,
    step: str = "",
    async_job_id: str = "",
    actor: str = "",
    **fields: Any,
) -> None:
    """Add one event to timeline and log; what somebody did goes into the audit too, in the same transaction."""
    event = _logged(engine, job, kind, message, step=step, async_job_id=async_job_id, actor=actor, fields=fields)
    if actor:
        of_step = {**fields, "step": step}
        record_event(kind, actor=actor, subject=subject_of(job), words=message, at=event.at, fields=of_step)
    insert(event)


def told(engine: Engine, job: FailoverJob, kind: str, message: str, *, step: str, async_job_id: str = "") -> New:
    """Give an event that nobody caused, still to be written, for the timeline; it is in the log already."""
    return New([_logged(engine, job, kind, message, step=step, async_job_id=async_job_id)])


def _logged(
    engine: Engine,
    job: FailoverJob,
    kind: str,
    message: str,
    *,
    step: str = "",
    async_job_id: str = "",
    actor: str = "",
    fields: Mapping[str, Any] = MappingProxyType({}),
) -> JobEvent:
    named = _named(step=step, async_job_id=async_job_id, actor=actor)
    (log.debug if kind in _FREQUENT else log.info)("job_event", job_id=job.job_id, kind=kind, words=message, **named)
    return JobEvent(
        job=job,
        at=engine.clock.now(),
        kind=kind,
        message=message,
        step_key=step,
        async_job_id=async_job_id,
        actor=actor,
        fields=dict(fields),
    )


@dataclass(frozen=True)
class Told:
    """An event of a job that is still to be written: what `record` takes."""

    job: FailoverJob
    kind: str
    message: str
    fields: Mapping[str, Any]


def record_each(engine: Engine, told: Sequence[Told], *, actor: str) -> None:
    """Add what one actor did to several jobs to their timelines, the log and the audit, in two statements."""
    now = engine.clock.now()
    for one in told:
        log.info("job_event", job_id=one.job.job_id, kind=one.kind, words=one.message, **_named(actor=actor))
    if actor:
        record_events(
            [
                event_of(
                    one.kind,
                    actor=actor,
                    subject=subject_of(one.job),
                    words=one.message,
                    at=now,
                    fields={**one.fields, "step": ""},
                )
                for one in told
            ]
        )
    insert_all(
        [
            JobEvent(job=one.job, at=now, kind=one.kind, message=one.message, actor=actor, fields=dict(one.fields))
            for one in told
        ]
    )


def _named(**texts: str) -> dict[str, str]:
    return {name: text for name, text in texts.items() if text}


def subject_of(job: FailoverJob) -> str:
    """Give the name by which the audit speaks of a job."""
    return f"job:{job.job_id}"


def trace(engine: Engine, job: FailoverJob, kind: str, message: str, *, step: str = "", **fields: Any) -> None:
    """Add an event that only those want who look closely (`debug_mode`)."""
    if job.is_watched_closely:
        record(engine, job, f"debug_{kind}", message, step=step, **fields)


def lock(engine: Engine, job: FailoverJob) -> None:
    """Take the job's row for this transaction: before plan, step or attempt, so that nobody locks the other way round.

    The sweeper looks soon, should this process die before it decides again.
    """
    job.next_look_at = engine.later(engine.rules.patience_with_bell)
    compare_and_set(FailoverJob, pk=job.pk, expecting={}, counting="turn", next_look_at=job.next_look_at)


def write_in_turn_of(job: FailoverJob, *writes: Write, next_look_at: datetime, **values: Any) -> bool:
    """Write this, and the values on the job's row, as one if nobody has written of the job since it was read.

    Else nothing is written, and False. What was read of plan, steps and attempts is what is so where the turn has come:
    all who change these take one, a cancel leaves its moment, and what the watcher hears leaves another look.
    """
    as_read = {"turn": job.turn, "next_look_at": job.next_look_at, "cancel_requested_at": None}
    values = {**values, "next_look_at": next_look_at}
    try:
        write_as_one(Change(FailoverJob, job.pk, values, as_read, counting="turn"), *writes)
    except NotAsExpected:
        return False
    job.turn += 1
    for name, value in values.items():
        setattr(job, name, value)
    return True


def load_command(engine: Engine, step: Step, *, results: Mapping[str, Mapping[str, Any]]) -> Command:
    """Give the step's command with every placeholder resolved; raises UnresolvedResult, UnknownCommand."""
    arguments = {name: _resolve(value, results, step) for name, value in step.arguments.items()}
    return engine.catalogue.load(name=step.command, version=step.version, arguments=arguments)


def results_of(job_id: int) -> dict[str, dict[str, Any]]:
    """Give the results of the job's finished steps by step key; the newest plan wins."""
    return {key: result for key, result in _RESULTS.values(job_id=job_id)}


def _resolve(value: Any, results: Mapping[str, Mapping[str, Any]], step: Step) -> Any:
    if isinstance(value, list):
        return [_resolve(item, results, step) for item in value]
    if isinstance(value, dict):
        return {name: _resolve(item, results, step) for name, item in value.items()}
    match = _PLACEHOLDER.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    key, name = match.groups()
    try:
        return results[key][name]
    except KeyError as error:
        raise UnresolvedResult(f"step {step.key} needs {name} of step {key}, which has no such result") from error
