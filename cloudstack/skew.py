"""Measure by how much the cloud's clock differs from ours."""

from __future__ import annotations

import statistics
import threading
from collections import deque

_SAMPLES = 5


class SkewMeter:
    """Keep the newest samples; one late answer does not move the median."""

    def __init__(self) -> None:
        """Start knowing nothing."""
        self._samples: deque[float] = deque(maxlen=_SAMPLES)
        self._lock = threading.Lock()

    def note(self, *, cloud: float, ours: float) -> None:
        """Take one sample: the Date of an answer and our time when it came, both unix seconds.

        A Date is cut to the second, so it stands for any moment of that second; the smallest difference
        that explains it is kept.
        """
        nearest = min(max(ours, cloud), cloud + 1.0)
        with self._lock:
            self._samples.append(nearest - ours)

    @property
    def seconds(self) -> float | None:
        """Return seconds that the cloud is ahead of us (negative: behind), None before the first answer."""
        with self._lock:
            return statistics.median(self._samples) if self._samples else None
