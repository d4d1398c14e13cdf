"""This will count in memory and add the counts to the database in batches: one statement every few seconds.

Counting costs a lock and a dictionary, never a query. A process that is killed loses what it counted since its last
batch; one whose database is away keeps counting and adds it up later.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

log = structlog.get_logger(__name__)

FLUSH_SECONDS = 5.0
_ADD = (
    "INSERT INTO tallies_tally (metric, labels, total) VALUES {rows} "
    "ON CONFLICT (metric, labels) DO UPDATE SET total = tallies_tally.total + excluded.total"
)
_MOST_AT_ONCE = 200
_LONGEST_LABELS = 800

Key = tuple[str, str]


@dataclass
class Tallies:
    """Counts of this process that are not in the database yet; safe to use from many threads at once."""

    _counts: dict[Key, float] = field(default_factory=lambda: defaultdict(float))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, metric: str, labels: Mapping[str, str], *, by: float = 1.0) -> None:
        """Count; a transaction that fails afterwards is counted all the same."""
        key = (metric, labels_text(labels))
        with self._lock:
            self._counts[key] += by

    def flush(self) -> int:
        """Add what was counted to the database; give how many sums grew. Raises what the database raises."""
        with self._lock:
            counts, self._counts = self._counts, defaultdict(float)
        # In one order for all processes: of two that add to the same rows none waits for the other in a circle.
        left = sorted(counts.items())
        try:
            while left:
                _add(left[:_MOST_AT_ONCE])
                left = left[_MOST_AT_ONCE:]
        finally:
            with self._lock:
                for key, count in left:
                    self._counts[key] += count
        return len(counts)


TALLIES = Tallies()


def flush_forever(stop: threading.Event, tallies: Tallies = TALLIES) -> None:
    """Flush every few seconds; a database that is away is tried again, and nothing is forgotten meanwhile."""
    while not stop.wait(FLUSH_SECONDS):
        close_old_connections()
        try:
            tallies.flush()
        except (DatabaseError, InterfaceError) as error:
            log.warning("tallies_not_flushed", error=str(error))


def labels_text(labels: Mapping[str, str]) -> str:
    """Give the labels as the one text that stands for them; raises ValueError where they do not fit the column."""
    return _text_of(tuple(labels.items()))


@lru_cache(maxsize=4096)
def _text_of(labels: tuple[tuple[str, str], ...]) -> str:
    # Few labels are counted often, and to spell them takes longer than to count.
    text = json.dumps(dict(labels), sort_keys=True, ensure_ascii=False)
    if len(text) > _LONGEST_LABELS:
        raise ValueError(f"labels of a tally are short, and not {text[:60]}…")
    return text


def _add(counts: list[tuple[Key, float]]) -> None:
    rows = ", ".join(["(%s, %s, %s)"] * len(counts))
    values = [value for (metric, labels), count in counts for value in (metric, labels, count)]
    with connection.cursor() as cursor:
        cursor.execute(_ADD.format(rows=rows), values)
