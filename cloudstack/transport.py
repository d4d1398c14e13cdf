"""Make one call: signed by `cs`, fenced by `expires`, always POST, never repeated."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from cs import CloudStackApiException

from cloudstack.answers import Body, ErrorAnswer, UnusableAnswer, opened
from cloudstack.arguments import Parameters, checked_values
from cloudstack.budget import CallBudget
from cloudstack.endpoint import Clock, Endpoint
from cloudstack.errors import CallError
from cloudstack.line import Line, NoAnswer, NothingSent
from cloudstack.skew import SkewMeter
from cloudstack.wire import SigningClient, Wire

Stage = Literal["not_sent", "no_answer", "unusable_answer", "error_answer"]


class CallFailed(Exception):
    """Tell how far a call came that gave no result; `repeatable` when a read may be tried again at once."""

    def __init__(self, error: CallError, *, stage: Stage, repeatable: bool = False) -> None:
        """Keep the error and the stage for the one who decides what it means."""
        super().__init__(str(error))
        self.error = error
        self.stage = stage
        self.repeatable = repeatable


@dataclass(frozen=True)
class Exchange:
    """Tell of one call that was made: how far it came (`answered`, or the stage at which it failed) and its seconds."""

    command: str
    outcome: Stage | Literal["answered"]
    seconds: float
    async_job_id: str | None


Observer = Callable[[Exchange], None]


class Transport:
    """Keep one `cs` client, with one line, per thread and process: a connection is not made to be shared."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        clock: Clock,
        new_line: Callable[[], Line],
        observer: Observer | None = None,
    ) -> None:
        """Connect to nothing yet."""
        self.endpoint = endpoint
        self.clock = clock
        self.skew = SkewMeter()
        self._budget = CallBudget(per_second=endpoint.calls_per_second, burst=endpoint.burst, clock=clock)
        self._new_line = new_line
        self._observer = observer
        self._of_thread = threading.local()

    def call(
        self,
        command: str,
        parameters: Parameters,
        *,
        expires: float,
        timeout: float,
        max_answer_bytes: int,
        async_job_id: str | None = None,
    ) -> Body:
        """Send the command once and return the body of its answer; raise CallFailed when there is none.

        `expires` in unix seconds is rounded down: the request is void from then on, never later.
        """
        with self._observed(command, async_job_id):
            client, wire = self._client()
            wire.timeout = timeout
            wire.max_answer_bytes = max_answer_bytes
            sent = {**checked_values(parameters), "signatureVersion": "3", "expires": expires_text(expires)}
            try:
                # A request whose fence is over by then is refused by CloudStack, as one that was slow on its way.
                if not self._budget.take():
                    raise NothingSent(
                        "too many calls: the cloud is left alone until its budget of calls has grown again",
                        repeatable=False,
                    )
                status, text = _exchange(client, command, sent)
                return opened(command, http_status=status, text=text, async_job_id=async_job_id)
            except NothingSent as failure:
                raise CallFailed(
                    _without_answer(command, failure, async_job_id), stage="not_sent", repeatable=failure.repeatable
                ) from failure
            except NoAnswer as failure:
                raise CallFailed(
                    _without_answer(command, failure, async_job_id), stage="no_answer", repeatable=failure.repeatable
                ) from failure
            except UnusableAnswer as failure:
                raise CallFailed(_without_answer(command, failure, async_job_id), stage="unusable_answer") from failure
            except ErrorAnswer as failure:
                raise CallFailed(failure.error, stage="error_answer") from failure

    @contextmanager
    def _observed(self, command: str, async_job_id: str | None) -> Iterator[None]:
        """Tell the observer how the call within ended, and how long it took."""
        began = self.clock.now()
        outcome: Stage | Literal["answered"] = "not_sent"
        try:
            yield
            outcome = "answered"
        except CallFailed as failed:
            outcome = failed.stage
            raise
        finally:
            if self._observer is not None:
                self._observer(Exchange(command, outcome, max(0.0, self.clock.now() - began), async_job_id))

    def _client(self) -> tuple[SigningClient, Wire]:
        """Return this thread's client; a forked child makes its own, for the sockets belong to the parent."""
        if getattr(self._of_thread, "process_id", None) != os.getpid():
            self._of_thread.process_id = os.getpid()
            self._of_thread.client = self._made_client()
        client: tuple[SigningClient, Wire] = self._of_thread.client
        return client

    def _made_client(self) -> tuple[SigningClient, Wire]:
        wire = Wire(
            self._new_line(),
            timeout=self.endpoint.timeout,
            heard=self._hear_date,
            too_many=self._budget.leave_alone,
        )
        client = SigningClient(
            self.endpoint.url,
            key=self.endpoint.api_key,
            secret=self.endpoint.secret_key,
            method="post",
            retry=0,
            trace=False,
            fetch_result=False,
            session=wire,
        )
        return client, wire

    def _hear_date(self, cloud: float) -> None:
        self.skew.note(cloud=cloud, ours=self.clock.now())


def expires_text(moment: float) -> str:
    """Spell a unix time as CloudStack reads `expires`: whole seconds, rounded down."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def _exchange(client: SigningClient, command: str, sent: Parameters) -> tuple[int, str]:
    """Return status and text. cs only signs and sends; it would throw away the envelope's name, so we open it."""
    try:
        return 200, getattr(client, command)(json=False, response="json", **sent)
    except CloudStackApiException as answer:
        return answer.response.status_code, str(answer.error)


def _without_answer(command: str, failure: Exception, async_job_id: str | None) -> CallError:
    return CallError(
        command=command,
        http_status=None,
        error_code=None,
        cs_error_code=None,
        text=str(failure),
        async_job_id=async_job_id,
    )
