"""This will end steps and stop plans, inside the transactions of those who know the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from database.statements import compare_and_set
from database.together import Change
from jobs.engine.journal import record
from jobs.engine.ports import Engine
from jobs.models import FailoverJob, Plan, PlanKind, PlanState, Step, StepState


def step_is_done(engine: Engine, *, step: Step, result: Mapping[str, Any]) -> Change:
    """Give the change that marks a running step done, still to be written."""
    values = {
        "state": StepState.DONE,
        "result": dict(result),
        "finished_at": engine.clock.now(),
        "reason": "",
        "waiting_for": "",
        "not_before": None,
    }
    # What became of its attempt is worth writing whatever somebody has made of the step meanwhile.
    return Change(Step, step.pk, values, {"state": StepState.RUNNING}, needed=False)


def take_note(engine: Engine, *, job: FailoverJob, step: Step, result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Let the apps around the engine know of a result, before it is written; give what the job's row shows of it."""
    seconds = max(0.0, (engine.clock.now() - (step.started_at or engine.clock.now())).total_seconds())
    return engine.ledger.step_done(job=job, command=step.command, result=result, seconds=seconds)


def end_step_as_done(engine: Engine, *, job: FailoverJob, step: Step, result: Mapping[str, Any], words: str) -> None:
    """Mark a running step done, inside the caller's transaction."""
    shown = take_note(engine, job=job, step=step, result=result)
    step_is_done(engine, step=step, result=result).write()
    if shown:
        compare_and_set(FailoverJob, pk=job.pk, expecting={}, **shown)
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
