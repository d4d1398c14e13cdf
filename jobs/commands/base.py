"""This will give commands what they share: their JSON form, and the translation of the gateway's outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

from cloudstack import Accepted, CallError, Completed, NotSent, Outcome, Refused
from cloudstack import Lost as CallLost
from cloudstack import Ticket as CallTicket
from jobs.engine.contracts import Answer, Finished, Lost, NoInverse, Submitted, Ticket
from jobs.engine.contracts import NotSent as AnswerNotSent
from jobs.engine.contracts import Refused as AnswerRefused

# Refusals after which the same call may succeed later: signature too old (401), rate limit, maintenance, capacity.
TRANSIENT_CODES = frozenset({401, 429, 503, 533})
# CloudStack's own invitation to come back, whatever the code.
TRANSIENT_WORDS = ("try again", "other active snapshot task")

# What a step waits for comes within minutes, or somebody has to see to it (seconds).
LONGEST_WAIT = 900.0
# What copies a disk, or writes to it, may take longer (seconds).
LONGEST_COPY = 3600.0


@dataclass(frozen=True)
class CommandBase:
    """The common part of every command: its fields are its arguments."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    longest_create_seconds: ClassVar[float] = 1.0
    limit_seconds: ClassVar[float] = 3600.0
    undo_last: ClassVar[bool] = False
    makes_something: ClassVar[bool] = False
    only_the_answer_proves: ClassVar[bool] = False
    effect: ClassVar[str] = ""

    def arguments(self) -> dict[str, Any]:
        """Give the fields as JSON."""
        return asdict(self)

    @classmethod
    def load(cls, arguments: Mapping[str, Any]) -> Self:
        """Make the command of its JSON form; fields of a newer release that it lacks take their defaults."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in arguments.items() if name in known})

    def inverse(self, result: Mapping[str, Any]) -> Any:
        """Say that nothing needs to be undone, unless a command knows better."""
        return NoInverse("It changes nothing that lasts.")


def ticket_of(ticket: Ticket) -> CallTicket:
    """Give the gateway's form of the engine's ticket."""
    return CallTicket(async_job_id=ticket.async_job_id, deadline=ticket.deadline.timestamp())


def answer_of(outcome: Outcome) -> Answer:
    """Translate what became of a call."""
    match outcome:
        case Accepted(async_job_id=job_id, entity_id=entity, job_id_honoured=ours):
            return Submitted(async_job_id=job_id, is_ours=ours, entity_id=entity)
        case Completed():
            return Finished()
        case Refused(error=error):
            return AnswerRefused(text=error.text, code=error.error_code, transient=is_transient(error))
        case CallLost(error=error):
            return Lost(text=str(error))
        case NotSent(error=error):
            return AnswerNotSent(text=str(error))


def is_transient(error: CallError) -> bool:
    """Whether the same call may succeed later."""
    return words_are_transient(code=error.error_code or error.http_status, text=error.text)


def words_are_transient(*, code: int | None, text: str) -> bool:
    """Whether a refusal with this code and text may pass by itself."""
    lowered = text.lower()
    return code in TRANSIENT_CODES or any(words in lowered for words in TRANSIENT_WORDS)
