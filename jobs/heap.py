"""This will keep Python's garbage collector away from what lives as long as the process does."""

from __future__ import annotations

import gc

# By default after 700 new objects; one piece of a failover's work makes some thousands and keeps few of them.
_YOUNG_OBJECTS = 20_000


def leave_alone_what_is_loaded() -> None:
    """Exempt all that exists now from collections, and collect young objects less often.

    Call it when a process has loaded what it needs and before it works. Modules, models and settings are some hundred
    thousand objects that are never garbage; walking them took one twentieth of a worker's time (docs/performance.md).
    The few dozens of others that loading leaves are not worth a walk of a tenth of a second.
    """
    gc.freeze()
    _, middle, old = gc.get_threshold()
    gc.set_threshold(_YOUNG_OBJECTS, middle, old)
