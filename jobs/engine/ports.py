"""This will gather what the engine is given: clock, bell, worlds, commands. Nothing of it is looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from jobs.engine.contracts import AsyncJobs, Clock, Command
from jobs.models import FailoverJob, Step


class Bell(Protocol):
    """Wakes whoever works on a phase of a job; a ring that gets lost changes nothing but the time."""

    def ring(self, *, job_id: int, phase: str) -> None:
        """Ask for the phase's due work to be done soon."""


class Worlds(Protocol):
    """Gives commands the world they act on."""

    def of(self, job: FailoverJob) -> Any:
        """Give the world of one job: opaque here, typed for the commands."""

    def about_to_change(self, job: FailoverJob, resources: Iterable[str]) -> None:
        """Take note that a call is made which may change these resources of the job."""

    def async_jobs(self, endpoint: str) -> AsyncJobs:
        """Give the async jobs of an endpoint, for the watcher."""

    def clock_skew_seconds(self, job: FailoverJob) -> float | None:
        """Give how far the cloud's clock is ahead of ours, as last measured; None when it was never measured."""


class Catalogue(Protocol):
    """Makes commands of their names and arguments."""

    def load(self, *, name: str, version: int, arguments: Mapping[str, Any]) -> Command:
        """Give the command; raises UnknownCommand."""


class Ledger(Protocol):
    """What the apps around the engine keep in step with it, in the engine's transactions."""

    def step_done(
        self, *, job: FailoverJob, command: str, result: Mapping[str, Any], seconds: float
    ) -> Mapping[str, Any]:
        """Take note of a result that is about to be written, and how long the step took; told twice is no harm.

        Give what the job's row is to show of it: the target VM, the snapshot.
        """

    def started(self, *, job: FailoverJob) -> None:
        """Take note that a worker took the job."""

    def asked(self, *, job: FailoverJob, words: str) -> None:
        """Take note that the job has a question for an operator."""

    def lets_be_left(self, *, job: FailoverJob, step: Step) -> str:
        """Name who said beforehand that this step may be left undone; nothing where a person has to say so."""

    def left(self, *, step: Step) -> Mapping[str, Any]:
        """Say what a step that is left undone leaves: its resource, why, and what is to be done."""

    def overdue(self, *, job: FailoverJob, words: str) -> None:
        """Take note that a test's time is over and nothing was cleaned up."""

    def window_opened(self, *, job: FailoverJob) -> None:
        """Take note that the test VM runs; a job whose replicas are free gives its VM back here."""

    def content_in_doubt(self, *, job: FailoverJob) -> None:
        """Take note that the job's replicas may hold writes that replication does not know of."""

    def finished(self, *, job: FailoverJob, words: str) -> None:
        """Give back what the job held outside the engine (the VM's reservation); the words say how it ended."""


class Gate(Protocol):
    """Lets queued jobs begin, so many at once as the places they work on take."""

    def obstacle(self, job: FailoverJob) -> str:
        """Say what a queued job waits for, nothing when it may begin; asked in the transaction in which it begins."""


class UnknownCommand(Exception):
    """A step names a command or version that this release does not know."""


@dataclass(frozen=True)
class Rules:
    """The engine's times. All are in seconds; DESIGN section 4 gives their reasons."""

    # `expires` of a mutating request lies so far ahead; CloudStack refuses it afterwards.
    fence: float = 8.0
    # Beyond this the cloud's clock cannot be trusted with fences.
    largest_skew: float = 10.0
    # A lease lives so long without a heartbeat.
    lease: float = 15.0
    # No call lasts so long (twice the longest timeout, and a reserve). What its owner did not write down by then, he
    # never will: he lives, but the database failed him at that moment.
    longest_call: float = 150.0
    # After an async job failed, the host may still act for so long.
    settle_after_failure: float = 30.0
    gap_after_failure: float = 10.0
    # After a lost answer that left no async job, two readings lie so far apart.
    gap_after_loss: float = 2.0
    # A job that succeeded but cannot be seen is looked at for so long before a person is asked.
    patience_after_success: float = 60.0
    # An unknown that stays unclear is looked at for so long before a person is asked.
    patience_when_unclear: float = 600.0
    # A known failure may be sent again so often, with growing pauses.
    attempts: int = 3
    # In an undo one more try costs little and a person's night much.
    undo_attempts: int = 5
    first_pause: float = 2.0
    longest_pause: float = 60.0
    # Unexpected errors in a row after which a job is parked for a person.
    defects: int = 5
    # The sweeper rings again for a job whose bell was not followed by work for so long.
    patience_with_bell: float = 5.0
    # A step that queues for a resource is rung for when it is free; so long after, it looks for itself.
    patience_in_queue: float = 30.0


# Nothing but a window is ever put off for so many seconds.
FARTHEST = 600.0


def has_come(moment: datetime | None, *, now: datetime) -> bool:
    """Say whether it is time; a moment further off than any was noted by a clock that has been set back since."""
    return moment is None or moment <= now or moment > now + timedelta(seconds=FARTHEST)


@dataclass(frozen=True)
class Engine:
    """Everything the engine's functions need, passed as their first argument."""

    clock: Clock
    bell: Bell
    worlds: Worlds
    catalogue: Catalogue
    ledger: Ledger
    gate: Gate
    owner: str
    new_id: Callable[[], str]
    # Errors that mean "the world cannot be read just now"; everything else is our defect.
    unreachable: tuple[type[Exception], ...]
    rules: Rules = field(default_factory=Rules)
    # Says why nothing may be begun on an endpoint, nothing when it may: the database may be older than the world.
    obstacle: Callable[[str], str] = field(default=lambda _: "")

    def later(self, seconds: float) -> datetime:
        """Give the moment `seconds` from now."""
        return self.clock.now() + timedelta(seconds=seconds)
