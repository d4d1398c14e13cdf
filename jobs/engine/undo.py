"""This will make the plan that undoes another: the inverses of the steps done, in reverse order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Any, Protocol

from jobs.engine.contracts import Command, NoInverse, PlannedStep, PlannedSteps
from jobs.engine.journal import load_command, results_of
from jobs.engine.ports import Engine
from jobs.models import Phase, Plan, Step, StepState


def inverse_of(engine: Engine, *, plan: Plan, phase: Phase = Phase.REVERTING) -> PlannedSteps:
    """Give the steps that undo what the plan did; a step comes after the inverses of all that was built on its own.

    A step counts as done when it is, when it failed but left something behind, and when an operator left it while it
    was under way: then it may have taken effect, and its inverse looks first.
    """
    steps = list(plan.steps.order_by("position"))
    results = results_of(plan.job_id)
    doubtful = {step.key for step in steps if step.state == StepState.SKIPPED and step.attempts_made}
    acted = [step for step in steps if step.state == StepState.DONE or step.left_behind or step.key in doubtful]
    commands = {step.key: load_command(engine, step, results=results) for step in acted}
    effects = [_effect(command) for key, command in commands.items() if key not in doubtful]
    inverses: dict[str, tuple[Step, Command, bool]] = {}
    for step in acted:
        command = commands[step.key]
        if step.key in doubtful and command.makes_something:
            continue  # Its id was never told; what it may have made is found by its name, as an orphan.
        inverse = command.inverse(step.result)
        # What the plan itself put back (a hold released, a replica returned) is not put back a second time: by then
        # it may belong to somebody else.
        if not isinstance(inverse, NoInverse) and _effect(inverse) not in effects:
            inverses[step.key] = (step, inverse, command.undo_last)
    users = _users(steps)
    early = [key for key, (_, _, late) in inverses.items() if not late]
    planned = [
        PlannedStep(
            key=f"undo-{key}",
            phase=phase,
            command=inverse,
            after=tuple(f"undo-{user}" for user in _needed_before(key, users, inverses, early, late=late)),
        )
        for key, (_, inverse, late) in reversed(inverses.items())
    ]
    # Steps are written in an order in which they may run, so that a reader sees the undo as it happens.
    planned.sort(key=lambda step: inverses[step.key.removeprefix("undo-")][2])
    return PlannedSteps(steps=planned)


def _effect(command: Command) -> tuple[str, dict[str, Any]]:
    return command.effect or command.name, command.arguments()


def skipped_of(
    engine: Engine, *, plan: Plan, phase: Phase = Phase.CLEANUP, keys: Collection[str] | None = None
) -> PlannedSteps:
    """Give the steps of an ended undo or cleanup that an operator skipped, to be tried again in the same order.

    With `keys` only those of them.
    """
    steps = list(plan.steps.order_by("position"))
    skipped = [step for step in steps if step.state == StepState.SKIPPED and (keys is None or step.key in keys)]
    results = results_of(plan.job_id)
    after = needs_among(steps, {step.key for step in skipped})
    return PlannedSteps(
        steps=[
            PlannedStep(
                key=step.key,
                phase=phase,
                command=load_command(engine, step, results=results),
                after=after[step.key],
            )
            for step in skipped
        ]
    )


def some_of(planned: PlannedSteps, keeps: Callable[[PlannedStep], bool]) -> PlannedSteps:
    """Give the steps to keep of those that were planned, in the same order."""
    after = needs_among(planned.steps, {step.key for step in planned.steps if keeps(step)})
    return PlannedSteps(steps=[replace(step, after=after[step.key]) for step in planned.steps if keeps(step)])


class _Ordered(Protocol):
    """A step of a plan, written or not: its name, and those it comes after."""

    @property
    def key(self) -> str:
        """Give its name."""

    @property
    def after(self) -> Iterable[str]:
        """Give the names of the steps it needs."""


def needs_among(steps: Iterable[_Ordered], keys: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Give for each step which of `keys` it comes after, directly or through steps that are not among them."""
    needs: dict[str, tuple[str, ...]] = {}
    for step in steps:
        found = [(key,) if key in keys else needs.get(key, ()) for key in step.after]
        needs[step.key] = tuple(dict.fromkeys(key for some in found for key in some))
    return needs


def _needed_before(
    key: str,
    users: dict[str, set[str]],
    inverses: dict[str, tuple[Step, Command, bool]],
    early: list[str],
    *,
    late: bool,
) -> list[str]:
    if late:
        return early
    return [user for user in inverses if user in users[key] and not inverses[user][2]]


def _users(steps: list[Step]) -> dict[str, set[str]]:
    """Give for each step all steps that were built on it, directly or through others."""
    users: dict[str, set[str]] = {step.key: set() for step in steps}
    for step in reversed(steps):
        for needed in step.after:
            users[needed] |= {step.key} | users[step.key]
    return users
