"""This will lay out what the journal holds of a job's moving plan: read once, looked at by all who decide or act."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Exists, FilteredRelation, Model, OuterRef, Q, QuerySet

from database.statements import Prepared
from jobs.engine.journal import results_of
from jobs.engine.leases import living_owners
from jobs.engine.ports import Engine, has_come
from jobs.models import AttemptState, FailoverJob, Plan, PlanKind, PlanState, Question, Step, StepAttempt, StepState
from jobs.models.attempt import UNFINISHED_ATTEMPTS

M = TypeVar("M", bound=Model)
_MOVING = [PlanState.RUNNING, PlanState.STOPPING]

_MOVING_PLAN = Prepared(lambda job_id: Plan.objects.filter(job_id=job_id, state__in=_MOVING).order_by())


@cache
def _columns(model: type[Model]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.concrete_fields)


def _rows_of(job_id: int) -> QuerySet[Step, Any]:
    """Select each step of the moving plan with the plan, its unfinished attempt (one at most), and whether it asks."""
    asks = Question.objects.filter(step=OuterRef("pk"), answered_at__isnull=True)
    open_attempt = FilteredRelation("attempts", condition=Q(attempts__state__in=list(UNFINISHED_ATTEMPTS)))
    return (
        Step.objects.filter(plan__job_id=job_id, plan__state__in=_MOVING)
        .annotate(open=open_attempt, is_asked=Exists(asks))
        .order_by("position")
        .values_list(
            *_columns(Step),
            *(f"plan__{name}" for name in _columns(Plan)),
            *(f"open__{name}" for name in _columns(StepAttempt)),
            "is_asked",
        )
    )


# One statement: what decides and acts must see plan, steps and attempts of the same moment.
_ROWS: Prepared[Step] = Prepared(_rows_of)
_OVER = frozenset({StepState.DONE, StepState.SKIPPED})


@dataclass
class Board:
    """A job, its moving plan, the plan's steps in order, their unfinished attempts, and the steps asked about.

    `due_phases` are the phases with a step that may start now, as the last decision saw it. `is_exact` says that
    what its owner has written since is on it too, and decided upon; whether somebody else has written shows when he
    takes a turn.
    """

    job: FailoverJob
    plan: Plan
    steps: list[Step]
    unfinished: list[StepAttempt]
    asked: frozenset[int]
    due_phases: list[str] = field(default_factory=list)
    is_exact: bool = True

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

    def ready(self, *, now: datetime) -> list[Step]:
        """Give the startable steps whose time has come."""
        return [step for step in self.startable if has_come(step.not_before, now=now)]

    def due_attempts(self, engine: Engine) -> list[StepAttempt]:
        """Give the unfinished attempts that something can be done about now."""
        now = engine.clock.now()
        mine = [a for a in self.unfinished if a.step_id not in self.asked]
        intended = [attempt for attempt in mine if attempt.state == AttemptState.INTENDED]
        living = living_owners(engine) if intended else set()
        forgotten = engine.later(-engine.rules.longest_call)
        orphaned = [one for one in intended if one.owner not in living or one.intent_at <= forgotten]
        due = [a for a in mine if a not in intended and has_come(a.next_look_at, now=now)]
        return orphaned + due

    @property
    def results(self) -> Mapping[str, Mapping[str, Any]]:
        """Give the results of the job's finished steps by step key: those that commands' placeholders may name."""
        return {**self._earlier, **{step.key: step.result for step in self.steps if step.state == StepState.DONE}}

    @cached_property
    def _earlier(self) -> Mapping[str, Mapping[str, Any]]:
        return {} if self.plan.kind == PlanKind.FORWARD else results_of(self.job.pk)

    def put_done(self, step: Step, *, result: Mapping[str, Any], at: datetime) -> None:
        """Note that a step is done and its attempt known."""
        step.state, step.result, step.finished_at = StepState.DONE, dict(result), at
        step.reason, step.waiting_for, step.not_before = "", "", None
        self.unfinished = [one for one in self.unfinished if one.step_id != step.pk]

    def put_running(self, step: Step, attempt: StepAttempt) -> None:
        """Note that a step was claimed by an attempt."""
        step.state, step.attempts_made = StepState.RUNNING, attempt.number
        step.started_at = step.started_at or attempt.intent_at
        step.reason, step.waiting_for = "", ""
        step.not_before = step.waiting_since = step.wait_limit = None
        self.unfinished.append(attempt)


def read_board(job: FailoverJob) -> Board | None:
    """Read the board of a job's moving plan; None when no plan moves."""
    rows = _ROWS.values(job_id=job.pk)
    if not rows:
        empty = _MOVING_PLAN.row(job_id=job.pk)
        return None if empty is None else Board(job=job, plan=empty, steps=[], unfinished=[], asked=frozenset())
    of_plan, of_attempt = len(_columns(Step)), len(_columns(Step)) + len(_columns(Plan))
    plan = _made(Plan, rows[0][of_plan:of_attempt])
    plan.job = job
    board = Board(job=job, plan=plan, steps=[], unfinished=[], asked=frozenset(_asked(rows)))
    attempt_id = of_attempt + _columns(StepAttempt).index("id")
    for row in rows:
        step = _made(Step, row[:of_plan])
        step.plan = plan
        board.steps.append(step)
        if row[attempt_id] is not None:
            attempt = _made(StepAttempt, row[of_attempt:-1])
            attempt.step = step
            board.unfinished.append(attempt)
    board.unfinished.sort(key=lambda one: one.pk)
    return board


def _asked(rows: list[list[Any]]) -> Iterator[int]:
    """Give the ids of the steps with an open question."""
    at = _columns(Step).index("id")
    return (row[at] for row in rows if row[-1])


def _made(model: type[M], values: list[Any]) -> M:
    return model.from_db(DEFAULT_DB_ALIAS, _columns(model), values)
