"""This will count what callers do, in a window of one minute that slides, and say how long they have to wait.

The counts are in a cache and not in the database: a read must not become a write. The window slides by weighing:
what was counted in the minute before counts for the share of it that is not yet a minute ago. So a caller costs two
numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import structlog
from django.conf import settings
from django.core.cache import BaseCache, caches
from redis.exceptions import RedisError

from failover_project.api.clock import seconds

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

WINDOW = 60.0
# Longer than a count matters: two windows.
_KEPT_SECONDS = 150
# After a failure the shared cache is left alone for so long: each request would wait for its timeout.
_LEFT_ALONE_SECONDS = 10.0
# What a wait is longer than what was worked out, so that who waits exactly so long is let through.
_MARGIN = 0.01


@dataclass
class Counter:
    """This will count in the shared cache, or, while that is gone, in this process: never without a limit."""

    own: BaseCache
    shared: BaseCache | None
    clock: Callable[[], float]
    _shared_again_at: float = field(default=0.0)

    def take(self, key: str, *, per_minute: int) -> float | None:
        """Count one more; give the seconds to wait, and count nothing, when that is one too many. 0 is no limit."""
        if per_minute <= 0:
            return None
        return self._counted(lambda cache: _take(cache, key, per_minute=per_minute, now=self.clock()))

    def give_back(self, key: str) -> None:
        """Uncount one: it was none of those that are counted."""
        self._counted(lambda cache: _uncount(cache, f"{key}|{int(self.clock() // WINDOW)}"))

    def _counted(self, operation: Callable[[BaseCache], Result]) -> Result:
        if self.shared is not None and self.clock() >= self._shared_again_at:
            try:
                return operation(self.shared)
            except (RedisError, OSError) as error:
                self._shared_again_at = self.clock() + _LEFT_ALONE_SECONDS
                log.warning("limits_counted_in_this_process", error=str(error))
        return operation(self.own)


def counter() -> Counter:
    """Give the counter of this process."""
    return _COUNTER


def _take(cache: BaseCache, key: str, *, per_minute: int, now: float) -> float | None:
    index, elapsed = divmod(now, WINDOW)
    current = f"{key}|{int(index)}"
    before = int(cache.get(f"{key}|{int(index) - 1}") or 0)
    cache.add(current, 0, timeout=_KEPT_SECONDS)
    # Counted first, so that of many at once none sees a place that another takes.
    earlier = cache.incr(current) - 1
    wait = _wait(before=before, earlier=earlier, elapsed=elapsed, limit=per_minute)
    if wait is not None:
        cache.decr(current)
    return wait


def _wait(*, before: int, earlier: int, elapsed: float, limit: int) -> float | None:
    """Give how long until the weighed count is below the limit; None when it is."""
    if before * (1 - elapsed / WINDOW) + earlier < limit:
        return None
    if earlier >= limit:
        # Not in this window any more; in the next one when enough of this one is a minute ago.
        return WINDOW - elapsed + WINDOW * (1 - limit / earlier) + _MARGIN
    return WINDOW * (1 - (limit - earlier) / before) - elapsed + _MARGIN


def _uncount(cache: BaseCache, key: str) -> None:
    if cache.get(key):
        cache.decr(key)


_COUNTER = Counter(
    own=caches["default"], shared=caches["shared"] if "shared" in settings.CACHES else None, clock=seconds
)
