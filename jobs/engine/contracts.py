"""This will define what the engine asks of commands and of the world; it names no cloud and no plan.

A command is small and keeps four things side by side: guard, submit, confirm, inverse. Each returns one of the closed
sums below; the engine alone decides what follows from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol

type_Json = dict[str, Any]


class Clock(Protocol):
    """The time; passed in, so that a test can move it."""

    def now(self) -> datetime:
        """Give the present as an aware datetime."""


@dataclass(frozen=True)
class Ticket:
    """What a call carries: our async job id, and the moment after which the cloud itself refuses the request."""

    async_job_id: str
    deadline: datetime


@dataclass(frozen=True)
class Choice:
    """One safe answer to an operator question.

    `answer` is one of the engine's verbs: retry, look_again, treat_as_done, undo, skip, leave.
    """

    answer: Literal["retry", "look_again", "treat_as_done", "undo", "skip", "leave"]
    effect: str


# --- guard: what must be true before the command may run ---


@dataclass(frozen=True)
class Clear:
    """The command may run."""


@dataclass(frozen=True)
class Already:
    """The cloud is already as the step wants it; nothing is sent. `result` is what later steps may name."""

    result: type_Json
    seen: str


@dataclass(frozen=True)
class Wait:
    """Not now; look again in `seconds`. The reason is shown to people.

    What may never come by itself has a `limit` in seconds: so long after, a person is asked. `may_undo` offers him to
    stop there and undo; not where somebody else may have started the target VM, which has written then. `in_doubt` says
    that it was seen to run, so that the content of the replicas on it is in doubt whatever becomes of the job.
    """

    reason: str
    seconds: float = 5.0
    limit: float | None = None
    may_undo: bool = False
    in_doubt: bool = False


@dataclass(frozen=True)
class Refuse:
    """The command must not run; the sentence says why and what to do. `in_doubt` is as for a wait."""

    sentence: str
    in_doubt: bool = False


@dataclass(frozen=True)
class Ask:
    """Only a person can tell."""

    text: str
    seen: type_Json
    choices: tuple[Choice, ...]


Guarded = Clear | Already | Wait | Refuse | Ask


# --- submit: the one call ---


@dataclass(frozen=True)
class Submitted:
    """The cloud took an async job; `is_ours` is False when it did not take our job id."""

    async_job_id: str
    is_ours: bool
    entity_id: str | None = None


@dataclass(frozen=True)
class Finished:
    """A synchronous call succeeded."""


@dataclass(frozen=True)
class Refused:
    """Refused before anything was started. `transient` means that the same call may succeed later."""

    text: str
    code: int | None
    transient: bool = False


@dataclass(frozen=True)
class Lost:
    """No usable answer: it may have happened."""

    text: str


@dataclass(frozen=True)
class NotSent:
    """Surely nothing was sent."""

    text: str


Answer = Submitted | Finished | Refused | Lost | NotSent


# --- confirm: what is read from the cloud ---


@dataclass(frozen=True)
class Holds:
    """The cloud is as the step wants it."""

    result: type_Json
    seen: str


@dataclass(frozen=True)
class Absent:
    """The cloud is as if the step had never run."""

    seen: str


@dataclass(frozen=True)
class LeftBehind:
    """The step did not succeed but left something that its inverse must remove."""

    result: type_Json
    seen: str


@dataclass(frozen=True)
class Unclear:
    """Neither: something is under way, or somebody else's hand is in it. `still_moving` is worth waiting for."""

    seen: str
    still_moving: bool = False


Sight = Holds | Absent | LeftBehind | Unclear


# --- inverse ---


@dataclass(frozen=True)
class NoInverse:
    """Nothing needs to be, or can be, undone; the reason is for the reader."""

    reason: str


class Command(Protocol):
    """A change to the world, with all that is needed to make it safely. Frozen dataclasses implement it."""

    name: ClassVar[str]
    version: ClassVar[int]
    # After an answer was lost, a create command may go on in the server for so long before its async job exists.
    longest_create_seconds: ClassVar[float]
    # How long the async job may stay unfinished before a person is asked.
    limit_seconds: ClassVar[float]
    # In an undo, this command's inverse comes after everything else (a rollback point goes last).
    undo_last: ClassVar[bool]
    # Commands of one effect and the same arguments do the same; empty stands for the name.
    effect: ClassVar[str]
    # Its inverse is aimed at what it made, by the id in its result.
    makes_something: ClassVar[bool]
    # Its effect cannot be read: without a good answer it counts as not done, and repeating it is harmless.
    only_the_answer_proves: ClassVar[bool]

    def title(self) -> str:
        """Say in words what will be done, for plans, timelines and questions."""

    def touches(self) -> tuple[str, ...]:
        """Name the resources that stay reserved until the attempt is known to be over."""

    def guard(self, world: Any) -> Guarded:
        """Read what must be true before the call."""

    def submit(self, world: Any, ticket: Ticket) -> Answer:
        """Make the one call, as the last thing; what it reads before may raise that the world cannot be read."""

    def confirm(self, world: Any) -> Sight:
        """Read whether it took effect."""

    def inverse(self, result: Mapping[str, Any]) -> Command | NoInverse:
        """Give the command that undoes it."""

    def arguments(self) -> type_Json:
        """Give the fields as JSON; `Catalogue.load` makes the same command of them."""


# --- the watcher's view ---


@dataclass(frozen=True)
class AsyncAnswer:
    """What the cloud says of an async job. `refused` means failed before any host was asked (errorcode 431)."""

    status: Literal["pending", "succeeded", "failed"]
    refused: bool = False
    transient: bool = False
    code: int | None = None
    text: str = ""


class AsyncJobs(Protocol):
    """The async jobs of one endpoint."""

    def one(self, async_job_id: str) -> AsyncAnswer | None:
        """Give the job, or None when the cloud knows no such job."""

    def unfinished(self) -> frozenset[str]:
        """Give the ids of all jobs that have not ended."""


# --- plans as data ---


@dataclass(frozen=True)
class PlannedStep:
    """A step as a plan builder writes it. `after` holds keys of earlier steps."""

    key: str
    phase: str
    command: Command
    after: tuple[str, ...] = ()
    is_point_of_no_return: bool = False


@dataclass(frozen=True)
class PlannedSteps:
    """A whole plan, before it is written to the journal."""

    steps: Sequence[PlannedStep]
    warnings: tuple[str, ...] = field(default=())


def result_of(step_key: str, name: str) -> str:
    """Give the placeholder for a result that an earlier step will have; it is resolved when the step is claimed."""
    return f"${{{step_key}.{name}}}"
