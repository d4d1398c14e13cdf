"""Hold stories of questions to the choices that the code offers, and say what a choice must leave behind."""

from __future__ import annotations

import ast
import functools
import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jobs import services
from jobs.commands import COMMANDS
from jobs.engine import questions
from jobs.engine.contracts import Choice
from jobs.models import FailoverJob, JobState, Outcome, Question
from tests.house.tree import ROOT, parsed
from tests.support.scenes import Scene
from tests.support.service import describe
from tests.support.telling import answer, carry_on, until_called
from tests.support.worlds import assert_released, assert_waits_for_operator

Asked = tuple[str, str]
Told = Callable[..., None]
# Which story takes which choice of which asker.
TAKEN: dict[Asked, str] = {}
_KINDS = {
    "HoldReplication": "guard",
    "ask_about_long_wait": "guard",
    "ask_about_undo": "undo_step",
    "ask_about_foreign_id": "foreign_job_id",
}


def hang_the_copy_elsewhere(stage: Scene, job: FailoverJob) -> tuple[str, str]:
    """Clean a test up, and have a stranger hang its copy on the appliance in the midst; give the ids of both."""
    stage.service.clean_up(job)
    until_called(stage, "detachVolume", times=2)  # the placeholder's, and the copy's
    stage.service.clock.stepped.advance(1.1)
    copy = next(volume for volume in stage.simulator.volumes() if job.marker in volume.name)
    appliance = stage.inventory.appliance.virtual_machine_id
    by_hand(stage, "attachVolume", id=copy.id, virtualmachineid=appliance)
    carry_on(stage)
    assert_waits_for_operator(job, kind="unseen_success")
    return copy.id, appliance


def takes(asker: str, choice: str) -> Callable[[Told], Told]:
    """Say of a story that it answers a question of `asker` (function or command) with this choice; it is held to it."""

    def hold_to_it(story: Told) -> Told:
        TAKEN[asker, choice] = story.__name__

        @functools.wraps(story)
        def told(*args: object, **named: object) -> None:
            story(*args, **named)
            kind = _KINDS.get(asker, asker.removeprefix("ask_about_"))
            assert Question.objects.filter(kind=kind, answer=choice, answered_by="olga").exists()

        return told

    return hold_to_it


def offered() -> set[Asked]:
    """Give every choice that the code offers, by the function or command that asks."""
    return {*_offered_by_the_engine(), *_offered_by_commands()}


def _offered_by_the_engine() -> Iterator[Asked]:
    for asker in ast.walk(parsed(ROOT / "jobs/engine/questions.py")):
        if isinstance(asker, ast.FunctionDef):
            for choices in _choices_in(asker, call="ask"):
                yield from ((asker.name, choice) for choice in _choices_named(choices, vars(questions)))


def _offered_by_commands() -> Iterator[Asked]:
    for module in {command.__module__ for command in COMMANDS}:
        names = vars(importlib.import_module(module))
        for command in ast.walk(parsed(ROOT / f"{module.replace('.', '/')}.py")):
            if isinstance(command, ast.ClassDef):
                for choices in _choices_in(command, call="Ask"):
                    yield from ((command.name, choice) for choice in _choices_named(choices, names))


def _choices_in(tree: ast.AST, *, call: str) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == call:
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "choices")


def _choices_named(tree: ast.AST, names: Mapping[str, Any]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(names.get(node.id), Choice):
            yield names[node.id].answer
        elif isinstance(node, ast.Name) and node.id == questions._ways_out.__name__:
            yield from (questions.LEAVE.answer, questions.SKIP.answer)


def assert_left(stage: Scene, job: FailoverJob, answered: Answered) -> None:
    """See that the job failed, holds and asks nothing, that nothing was sent since, and where every disk hangs."""
    job.refresh_from_db()
    assert (job.state, job.outcome) == (JobState.FINISHED, Outcome.FAILED), describe(job)
    assert not job.questions.filter(answered_at=None).exists(), describe(job)
    assert answered.calls == len(stage.simulator.calls.mutating()), describe(job)
    assert answered.places == _places(stage), describe(job)
    assert_released(job)


class Answered:
    """What was so when a question was answered."""

    def __init__(self, stage: Scene, job: FailoverJob, choice: str) -> None:
        """Note it, answer, and carry on."""
        self.calls = len(stage.simulator.calls.mutating())
        self.places = _places(stage)
        answer(stage, job, choice)
        carry_on(stage)


def _places(stage: Scene) -> dict[str, str | None]:
    return {volume.id: volume.vm_id for volume in stage.simulator.volumes()}


def disk_of(job: FailoverJob, position: int) -> str:
    """Give the replica at a position of the job's VM."""
    job.refresh_from_db()
    return str(job.specification["disks"][position]["volume_id"])


def by_hand(stage: Scene, command: str, **params: Any) -> None:
    """Let somebody else do something in CloudStack, and see it done."""
    stage.simulator.call(command, **params)
    stage.service.clock.stepped.advance(1.1)


def answer_to(stage: Scene, job: FailoverJob, question: Question, choice: str) -> None:
    """Answer one of several open questions, and carry on."""
    services.answer(
        engine=stage.service.engine, job_id=job.job_id, question_id=question.pk, choice=choice, actor="olga"
    )
    carry_on(stage)


def assert_asked_again(job: FailoverJob, *, kind: str) -> None:
    """See that the job asks the same a second time."""
    assert_waits_for_operator(job, kind=kind)
    assert job.questions.filter(kind=kind).count() == 2
