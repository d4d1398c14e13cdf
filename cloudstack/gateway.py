"""Be the one door to a CloudStack: reads raise what went wrong, writes return what became of them, nothing waits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cloudstack.destroy import DENY_ALL, DestroyPort
from cloudstack.endpoint import Clock, Endpoint
from cloudstack.line import HttpLine, Line
from cloudstack.listing import Reader
from cloudstack.reads import Reads
from cloudstack.sending import Sender
from cloudstack.transport import Observer, Transport
from cloudstack.writes import Writes


class Gateway(Reads, Writes):
    """Speak to one CloudStack with one key; safe to use from many threads at once."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        clock: Clock,
        destroy_port: DestroyPort = DENY_ALL,
        new_line: Callable[[], Line] | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Connect to nothing yet. `new_line` makes the line of a thread; a test passes one to a cloud of its own.

        `observer` is told of each call after it was made.
        """
        self.endpoint = endpoint
        self.clock = clock
        self._transport = Transport(
            endpoint, clock=clock, new_line=new_line or partial(HttpLine, endpoint, clock=clock), observer=observer
        )
        self._reader = Reader(self._transport)
        self._sender = Sender(self._transport)
        self._slow_timeout = endpoint.slow_timeout
        self._destroy_port = destroy_port

    @property
    def clock_skew(self) -> float | None:
        """Return seconds that the cloud's clock is ahead of ours (median of the newest answers), None before one."""
        return self._transport.skew.seconds
