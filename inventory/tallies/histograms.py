"""This will sort seconds into the buckets of a histogram, each of which is a tally."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from inventory.tallies.counting import TALLIES

# Upper bounds in seconds; what takes longer is counted in a last bucket without one.
BOUNDS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "step_seconds": (0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800),
        "time_to_running_seconds": (5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 3600),
    }
)
ENDLESS = "+Inf"
SUM = "_sum"
BUCKET = "_bucket"


def observe(metric: str, labels: Mapping[str, str], *, seconds: float) -> None:
    """Count one more thing that took so long."""
    bound = next((str(float(bound)) for bound in BOUNDS[metric] if seconds <= bound), ENDLESS)
    TALLIES.add(metric + BUCKET, {**labels, "le": bound})
    TALLIES.add(metric + SUM, labels, by=max(0.0, seconds))
