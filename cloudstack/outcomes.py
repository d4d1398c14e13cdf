"""Tell apart what may have become of a mutating call; one of these is returned, never raised."""

from __future__ import annotations

from dataclasses import dataclass

from cloudstack.errors import CallError
from cloudstack.results import VirtualMachine, Volume


@dataclass(frozen=True)
class Accepted:
    """Say that CloudStack took the job.

    `job_id_honoured` is False when the answer names another job id than the ticket's: then a lost answer
    could not be traced on this cloud, and the run has to stop.
    """

    async_job_id: str
    entity_id: str | None
    job_id_honoured: bool


@dataclass(frozen=True)
class Completed:
    """Say that a synchronous command is done; `result` is the object that it answered with, if any."""

    result: Volume | VirtualMachine | None


@dataclass(frozen=True)
class Refused:
    """Say that CloudStack refused before it took the job: nothing was started, though a create may leave its entity."""

    error: CallError


@dataclass(frozen=True)
class Lost:
    """Say that the call may have taken effect or not; only reading can tell."""

    error: CallError


@dataclass(frozen=True)
class NotSent:
    """Say that not one byte of the request was sent: surely nothing happened."""

    error: CallError


@dataclass(frozen=True)
class Fenced(NotSent):
    """Say that the ticket's deadline had passed, so nothing was sent."""


Submission = Accepted | Refused | Lost | NotSent
Completion = Completed | Refused | Lost | NotSent
Outcome = Accepted | Completed | Refused | Lost | NotSent
Failure = Refused | Lost | NotSent
