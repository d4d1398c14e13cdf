"""Send mutating calls under a ticket and say what became of each."""

from __future__ import annotations

from collections.abc import Callable

from cloudstack.answers import Body, UnusableAnswer
from cloudstack.arguments import Parameters
from cloudstack.decoding import Fields
from cloudstack.endpoint import Ticket
from cloudstack.errors import CallError
from cloudstack.line import MAX_ANSWER_BYTES
from cloudstack.outcomes import Accepted, Completed, Completion, Failure, Fenced, Lost, Submission
from cloudstack.refusals import failure_of
from cloudstack.results import VirtualMachine, Volume
from cloudstack.transport import CallFailed, Transport

MAX_FENCE_SECONDS = 30.0
_FENCE_TOLERANCE = 1.0

DecodeResult = Callable[[Body], Volume | VirtualMachine | None]


class Sender:
    """Send each command exactly once, with the ticket's deadline as `expires`."""

    def __init__(self, transport: Transport) -> None:
        """Send through this transport."""
        self._transport = transport

    def submit(self, command: str, parameters: Parameters, *, ticket: Ticket, slow: bool = False) -> Submission:
        """Send an asynchronous command, whose job shall bear the ticket's id."""
        named = {**parameters, "customjobid": ticket.async_job_id}
        body = self._sent(command, named, ticket=ticket, slow=slow)
        if not isinstance(body, dict):
            return body
        try:
            return _accepted(Fields("answer", body), ticket)
        except UnusableAnswer as unusable:
            return Lost(_answer_error(command, ticket, str(unusable)))

    def complete(
        self, command: str, parameters: Parameters, decode: DecodeResult, *, ticket: Ticket, slow: bool = False
    ) -> Completion:
        """Send a synchronous command; it has no job, so of the ticket only the deadline counts."""
        body = self._sent(command, parameters, ticket=ticket, slow=slow)
        if not isinstance(body, dict):
            return body
        try:
            return Completed(decode(body))
        except UnusableAnswer as unusable:
            return Lost(_answer_error(command, ticket, str(unusable)))

    def _sent(self, command: str, parameters: Parameters, *, ticket: Ticket, slow: bool) -> dict[str, object] | Failure:
        fenced = self._fence(command, ticket)
        if fenced is not None:
            return fenced
        endpoint = self._transport.endpoint
        try:
            body = self._transport.call(
                command,
                parameters,
                expires=ticket.deadline,
                timeout=endpoint.slow_timeout if slow else endpoint.timeout,
                max_answer_bytes=MAX_ANSWER_BYTES,
                async_job_id=ticket.async_job_id,
            )
        except CallFailed as failed:
            return failure_of(failed)
        return dict(body)

    def _fence(self, command: str, ticket: Ticket) -> Fenced | None:
        """Let nothing out after the deadline, which counts in whole seconds as CloudStack reads it."""
        ahead = int(ticket.deadline) - self._transport.clock.now()
        if ahead > MAX_FENCE_SECONDS + _FENCE_TOLERANCE:
            raise ValueError(f"a ticket may run for {MAX_FENCE_SECONDS:g} s, not for {ahead:.0f} s")
        if ahead > 0:
            return None
        return Fenced(_answer_error(command, ticket, f"its deadline passed {-ahead:.1f} s ago, so it was not sent"))


def _accepted(answer: Fields, ticket: Ticket) -> Accepted:
    async_job_id = answer.text("jobid")
    return Accepted(
        async_job_id=async_job_id,
        entity_id=answer.optional_text("id"),
        job_id_honoured=async_job_id == ticket.async_job_id,
    )


def _answer_error(command: str, ticket: Ticket, text: str) -> CallError:
    return CallError(
        command=command,
        http_status=None,
        error_code=None,
        cs_error_code=None,
        text=text,
        async_job_id=ticket.async_job_id,
    )
