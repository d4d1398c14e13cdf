"""This will say by what a program is ended, and let its children end with it whatever happens."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

# What a user, a supervisor and a closed terminal send.
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1


def dies_with(parent: int) -> Callable[[], None] | None:
    """Give what a child does first, so that the kernel kills it when its parent is killed with -9 (Linux only)."""
    if not sys.platform.startswith("linux"):
        return None
    # Loaded here, not in the child: between fork and exec as little as possible may happen.
    prctl = ctypes.CDLL(None).prctl

    def ask_for_death() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)  # The parent was killed in this very moment.

    return ask_for_death
