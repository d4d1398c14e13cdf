"""This will send a worker's events to Flower a few times a second, many at once, instead of each by itself."""

from __future__ import annotations

from typing import Any

from celery import bootsteps

EVERY_SECONDS = 0.5
# So many are kept while none can be sent.
MOST_KEPT = 10_000


class EventsInBatches(bootsteps.StartStopStep):
    """Let the consumer's dispatcher of events keep what happens to tasks until the next of its regular flushes."""

    requires = ("celery.worker.consumer.events:Events",)

    def start(self, parent: Any) -> None:
        """Begin; after a loss of the broker the consumer starts again, with another dispatcher."""
        dispatcher = parent.event_dispatcher
        if dispatcher is None or parent.hub is None:
            # Without an event loop (the in-process broker) nothing is kept back.
            return
        dispatcher.on_send_buffered = None
        dispatcher.buffer_limit = MOST_KEPT
        self._timer = parent.timer.call_repeatedly(EVERY_SECONDS, dispatcher.flush)

    def stop(self, parent: Any) -> None:
        """End the flushes."""
        timer, self._timer = getattr(self, "_timer", None), None
        if timer is not None:
            timer.cancel()
