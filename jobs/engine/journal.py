"""This will write plans and events to the journal, and read commands back from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from django.db.models import Max

from audit.recording import record_event
from jobs.engine.contracts import Command, PlannedSteps
from jobs.engine.ports import Engine
from jobs.engine.statements import Prepared, compare_and_set, insert
from jobs.models import FailoverJob, JobEvent, Plan, PlanKind, Step, StepState

log = structlog.get_logger(__name__)

_RESULTS = Prepared(
    lambda job_id: (
        Step.objects.filter(plan__job_id=job_id, state=StepState.DONE)
        .order_by("plan__number")
        .values_list("key", "result")
    )
)
# Each step makes two of them; its calls to the cloud are in the log already.
_FREQUENT = frozenset({"step_started", "step_done"})
_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9_-]+)\.([A-Za-z0-9_]+)\}")


class UnresolvedResult(Exception):
    """A step names a result that no finished step of its job has: a defect of the plan builder."""


def write_plan(engine: Engine, *, job: FailoverJob, kind: PlanKind, planned: PlannedSteps) -> Plan:
    """Write a whole plan with all its steps; call it inside a transaction."""
    last = job.plans.aggregate(last=Max("number"))["last"] or 0
    plan = Plan.objects.create(job=job, kind=kind, number=last + 1, created_at=engine.clock.now())
    Step.objects.bulk_create(
        Step(
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
        for position, step in enumerate(planned.steps)
    )
    return plan


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
    now = engine.clock.now()
    named = {name: value for name, value in (("step", step), ("async_job_id", async_job_id), ("actor", actor)) if value}
    (log.debug if kind in _FREQUENT else log.info)("job_event", job_id=job.job_id, kind=kind, words=message, **named)
    if actor:
        record_event(kind, actor=actor, subject=subject_of(job), words=message, at=now, fields={**fields, "step": step})
    insert(
        JobEvent(
            job=job,
            at=now,
            kind=kind,
            message=message,
            step_key=step,
            async_job_id=async_job_id,
            actor=actor,
            fields=fields,
        )
    )


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


def take_turn(job: FailoverJob, *, next_look_at: datetime, **values: Any) -> bool:
    """Lock and change the job's row if nobody has written anything of the job since it was read; else change nothing.

    Then what was read of its plan, steps and attempts is what is so: all who change these take a turn, a cancel
    leaves its moment, and what the watcher hears leaves another look.
    """
    as_read = {"turn": job.turn, "next_look_at": job.next_look_at, "cancel_requested_at": None}
    if not compare_and_set(
        FailoverJob, pk=job.pk, expecting=as_read, counting="turn", next_look_at=next_look_at, **values
    ):
        return False
    job.turn += 1
    for name, value in {**values, "next_look_at": next_look_at}.items():
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
