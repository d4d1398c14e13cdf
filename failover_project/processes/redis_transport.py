"""This will speak to Redis for Celery with one client for each pool of connections.

The library makes a client for every message and every event; making one costs more than sending through it.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis


class Channel(redis.Channel):
    """A channel that makes its clients once; a client is safe to be used by many threads, and its pool renews it."""

    def _create_client(self, asynchronous: bool = False) -> Any:
        pool = self.async_pool if asynchronous else self.pool
        name = "_kept_async" if asynchronous else "_kept"
        kept_pool, client = getattr(self, name, (None, None))
        # After a loss of the broker the channel makes another pool.
        if kept_pool is not pool:
            client = super()._create_client(asynchronous)  # type: ignore[misc]  # kombu has no types
            setattr(self, name, (pool, client))
        return client


class Transport(redis.Transport):
    """Redis, by channels that keep their clients."""

    Channel = Channel


def use() -> None:
    """Let Celery take this transport for every URL of Redis."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
