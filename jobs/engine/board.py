"""This will lay out what the journal holds of a job's moving plan: read once, looked at by all who decide or act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from jobs.engine.journal import results_of
from jobs.engine.leases import living_owners
from jobs.engine.ports import Engine, has_come
from jobs.engine.statements import Prepared
from jobs.models import AttemptState, FailoverJob, Plan, PlanKind, PlanState, Question, Step, StepAttempt, StepState
from jobs.models.attempt import UNFINISHED_ATTEMPTS

_MOVING_PLAN = Prepared(
    lambda job_id: Plan.objects.filter(job_id=job_id, state__in=[PlanState.RUNNING, PlanState.STOPPING]).order_by()
)
_STEPS = Prepared(lambda plan_id: Step.objects.filter(plan_id=plan_id).order_by("position"))
_UNFINISHED = Prepared(
    lambda plan_id: StepAttempt.objects.filter(step__plan_id=plan_id, state__in=list(UNFINISHED_ATTEMPTS)).order_by(
        "pk"
    )
)
_ASKED = Prepared(
    lambda job_id: (
        Question.objects.filter(job_id=job_id, answered_at__isnull=True, step__isnull=False)
        .order_by()
        .values_list("step_id")
    )
)
_OVER = frozenset({StepState.DONE, StepState.SKIPPED})


@dataclass
class Board:
    """A job, its moving plan, the plan's steps in order, their unfinished attempts, and the steps asked about.

    `due_phases` are the phases with a step that may start now, as the last decision saw it.
    """

    job: FailoverJob
    plan: Plan
    steps: list[Step]
    unfinished: list[StepAttempt]
    asked: frozenset[int]
    due_phases: list[str] = field(default_factory=list)

    @property
    def all_over(self) -> bool:
        """Say whether every step is done or skipped."""
        return all(step.state in _OVER for step in self.steps)

    @property
    def startable(self) -> list[Step]:
        """Give the waiting steps of a running plan whose needs are met, whether or not their time has come."""
        if self.plan.state != PlanState.RUNNING:
            return []
        over = {step.key for step in self.steps if step.state in _OVER}
        return [
            step
            for step in self.steps
            if step.state == StepState.WAITING and step.pk not in self.asked and over.issuperset(step.after)
        ]

    def ready(self, *, now: datetime, phase: str | None = None) -> list[Step]:
        """Give the startable steps whose time has come, of one phase or of all."""
        return [
            step
            for step in self.startable
            if (phase is None or step.phase == phase) and has_come(step.not_before, now=now)
        ]

    def due_attempts(self, engine: Engine, *, phase: str) -> list[StepAttempt]:
        """Give the unfinished attempts of the phase that something can be done about now."""
        now = engine.clock.now()
        mine = [a for a in self.unfinished if a.step.phase == phase and a.step_id not in self.asked]
        intended = [attempt for attempt in mine if attempt.state == AttemptState.INTENDED]
        living = living_owners(engine) if intended else set()
        forgotten = engine.later(-engine.rules.longest_call)
        orphaned = [one for one in intended if one.owner not in living or one.intent_at <= forgotten]
        due = [a for a in mine if a not in intended and has_come(a.next_look_at, now=now)]
        return orphaned + due

    @cached_property
    def results(self) -> Mapping[str, Mapping[str, Any]]:
        """Give the results of the job's finished steps by step key: those that commands' placeholders may name."""
        if self.plan.kind == PlanKind.FORWARD:
            return {step.key: step.result for step in self.steps if step.state == StepState.DONE}
        return results_of(self.job.pk)


def read_board(job: FailoverJob, *, plan: Plan | None = None) -> Board | None:
    """Read the board of a job's moving plan, or of the plan that was just written; None when no plan moves."""
    plan = plan or _MOVING_PLAN.row(job_id=job.pk)
    if plan is None:
        return None
    plan.job = job
    steps = _STEPS.rows(plan_id=plan.pk)
    by_id = {step.pk: step for step in steps}
    for step in steps:
        step.plan = plan
    unfinished = _UNFINISHED.rows(plan_id=plan.pk)
    for attempt in unfinished:
        attempt.step = by_id[attempt.step_id]
    asked = frozenset(step_id for (step_id,) in _ASKED.values(job_id=job.pk))
    return Board(job=job, plan=plan, steps=steps, unfinished=unfinished, asked=asked)
