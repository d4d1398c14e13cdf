"""This will end steps and stop plans, inside the transactions of those who know the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from database.statements import compare_and_set
from jobs.engine.journal import record
from jobs.engine.ports import Engine
from jobs.models import FailoverJob, Plan, PlanKind, PlanState, Step, StepState


def end_step_as_done(engine: Engine, *, job: FailoverJob, step: Step, result: Mapping[str, Any], words: str) -> None:
    """Mark a running step done, inside the caller's transaction."""
    now = engine.clock.now()
    compare_and_set(
        Step,
        pk=step.pk,
        expecting={"state": StepState.RUNNING},
        state=StepState.DONE,
        result=dict(result),
        finished_at=now,
        reason="",
        waiting_for="",
        not_before=None,
    )
    seconds = max(0.0, (now - (step.started_at or now)).total_seconds())
    engine.ledger.step_done(job=job, command=step.command, result=result, seconds=seconds)
    record(engine, job, "step_done", words, step=step.key)


def end_step_as_failed(engine: Engine, *, job: FailoverJob, step: Step, sentence: str, code: int | None) -> None:
    """Mark a running step failed and stop its plan, inside the caller's transaction."""
    Step.objects.filter(pk=step.pk, state=StepState.RUNNING).update(
        state=StepState.FAILED, reason=sentence, finished_at=engine.clock.now(), waiting_for="", not_before=None
    )
    if step.plan.kind == PlanKind.FORWARD:
        stop_plan(engine, plan=step.plan, reason=f"{step.title}: {sentence}")
        FailoverJob.objects.filter(pk=job.pk, error_message="").update(error_message=f"{step.title}: {sentence}")
    record(engine, job, "step_failed", f"{step.title}: {sentence}", step=step.key, error_code=code)


def ended(words: str) -> str:
    """Give what somebody else said as a sentence that another may follow."""
    said = words.rstrip()
    return said if said.endswith((".", "!", "?")) else f"{said}."


def stop_plan(engine: Engine, *, plan: Plan, reason: str) -> bool:
    """Let a running plan start nothing more; False when it did not run."""
    return bool(
        Plan.objects.filter(pk=plan.pk, state=PlanState.RUNNING).update(state=PlanState.STOPPING, stop_reason=reason)
    )
