"""This will wait for what real processes do, with a deadline and without a bare sleep."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class NeverCame(Exception):
    """What was waited for did not come in time."""


def wait_until(condition: Callable[[], bool], *, within: float, what: str, every: float = 0.1) -> float:
    """Give the seconds until the condition held; raises NeverCame."""
    pause = threading.Event()
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > within:
            raise NeverCame(f"not within {within:.0f} s: {what}")
        pause.wait(every)
    return time.monotonic() - began
