"""This will remove orphans, one by one: read again, say so in the job's timeline, send one call, read back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from audit.recording import COMMAND_LINE
from cloudstack import Accepted, Completed, DestroyForbidden, Gateway, Outcome, Ticket
from jobs.engine.journal import record
from jobs.engine.ports import Engine
from jobs.generation.guard import paused_reason
from jobs.made import REMOVED_EVENT, Kind
from jobs.orphans import Orphan, look_again, read

_LOOK_SECONDS = 1.0
_LONGEST_SECONDS = 600.0


@dataclass(frozen=True)
class Removal:
    """How it ended: gone as read back, or why not."""

    gone: bool
    words: str


def remove_orphan(
    orphan: Orphan, *, engine: Engine, gateway: Gateway, expunge: bool, pause: Callable[[float], None]
) -> Removal:
    """Remove one orphan that may go; `pause` waits so many seconds for the cloud's job. Raises CloudError.

    The gateway's destroy port has the last word. A call whose answer was lost is read back and never repeated: the
    next run of the command finds what is left.
    """
    if paused := paused_reason():
        return Removal(gone=False, words=paused)
    again = look_again(orphan, gateway=gateway)
    if again.job is None or not again.may_go:
        return Removal(gone=False, words=again.obstacle or "it is not proved ours")
    if read(gateway, kind=orphan.kind, id=orphan.id) is None:
        return Removal(gone=True, words="it is gone already")
    ticket = Ticket(async_job_id=engine.new_id(), deadline=engine.later(engine.rules.fence).timestamp())
    words = f"Removes what nobody owns: {orphan}."
    record(engine, again.job, "orphan", words, async_job_id=ticket.async_job_id, actor=COMMAND_LINE)
    try:
        outcome = _send(orphan, gateway, expunge=expunge, ticket=ticket)
    except DestroyForbidden as forbidden:
        return Removal(gone=False, words=str(forbidden))
    said = _said_at_the_end(outcome, gateway, pause)
    if read(gateway, kind=orphan.kind, id=orphan.id) is not None:
        return Removal(gone=False, words=said or "CloudStack reported success, but it is still there")
    record(engine, again.job, REMOVED_EVENT, f"Removed: {orphan}.", id=orphan.id)
    return Removal(gone=True, words="removed, and read back")


def _send(orphan: Orphan, gateway: Gateway, *, expunge: bool, ticket: Ticket) -> Outcome:
    match orphan.kind:
        case Kind.VOLUME:
            return gateway.delete_volume(orphan.id, ticket=ticket)
        case Kind.MACHINE:
            return gateway.destroy_virtual_machine(orphan.id, expunge=expunge, ticket=ticket)
        case Kind.SNAPSHOT:
            return gateway.delete_snapshot(orphan.id, ticket=ticket)


def _said_at_the_end(outcome: Outcome, gateway: Gateway, pause: Callable[[float], None]) -> str:
    """Wait for the end of the call's job; give what went wrong, nothing when CloudStack reports success."""
    if isinstance(outcome, Completed):
        return ""
    if not isinstance(outcome, Accepted):
        return outcome.error.text
    waited = 0.0
    while waited < _LONGEST_SECONDS:
        job = gateway.async_job(outcome.async_job_id)
        if job is None or job.status == "succeeded":
            return ""
        if job.status == "failed":
            return job.error_text or "the job failed without a reason"
        pause(_LOOK_SECONDS)
        waited += _LOOK_SECONDS
    return f"job {outcome.async_job_id} has not ended within {_LONGEST_SECONDS:.0f} s"
