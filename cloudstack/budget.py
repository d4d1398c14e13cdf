"""Be polite to a cloud: let out so many calls a second, and none while it asked to be left alone."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

from cloudstack.endpoint import Clock

_MILLISECONDS = re.compile(r"retry after \[?(\d+)\]? ?ms", re.IGNORECASE)
_SECONDS = re.compile(r"\d{1,4}")
# What a cloud does not say: its own interval is a second.
_QUIET_SECONDS = 1.0
_LONGEST_QUIET = 30.0


class CallBudget:
    """Keep a bucket of calls for all threads of this process: it fills evenly, and a burst may empty it.

    `per_second` 0 is no limit. Nobody waits longer than `longest_wait` seconds; whoever would is told so at once.
    """

    def __init__(
        self,
        *,
        per_second: float,
        burst: int,
        clock: Clock,
        longest_wait: float = 5.0,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        """Begin with a full bucket. `wait` lets seconds pass; a test passes one that moves its clock."""
        self._per_second = per_second
        self._burst = max(1, burst)
        self._clock = clock
        self._longest_wait = longest_wait
        self._wait = wait or threading.Event().wait
        self._lock = threading.Lock()
        self._left = float(self._burst)
        self._filled_at = clock.now()
        self._quiet_until = 0.0

    def take(self) -> bool:
        """Wait for a call's turn; False when that would take too long, and then nothing was taken."""
        with self._lock:
            seconds = self._seconds_until_free()
            if seconds > self._longest_wait:
                return False
            self._left -= 1.0
        if seconds > 0.0:
            self._wait(seconds)
        return True

    def leave_alone(self, *, header: str | None, text: str) -> None:
        """Let nothing out for as long as an answer with status 429 asks, by its Retry-After or in its words."""
        with self._lock:
            self._quiet_until = self._clock.now() + min(_asked_for(header, text), _LONGEST_QUIET)

    def _seconds_until_free(self) -> float:
        now = self._clock.now()
        quiet = self._quiet_until - now
        # A moment further off than any was noted by a clock that has been set back since.
        quiet = quiet if 0.0 < quiet <= _LONGEST_QUIET else 0.0
        if self._per_second <= 0.0:
            return quiet
        gained = max(0.0, now - self._filled_at) * self._per_second
        self._left, self._filled_at = min(float(self._burst), self._left + gained), now
        return max(quiet, (1.0 - self._left) / self._per_second)


def _asked_for(header: str | None, text: str) -> float:
    if header is not None and _SECONDS.fullmatch(header.strip()):
        return float(header)
    found = _MILLISECONDS.search(text)
    return int(found[1]) / 1000.0 if found else _QUIET_SECONDS
