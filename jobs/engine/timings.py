"""This will learn how long commands take, for estimates and for the watcher's first look."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from django.db.models import F

from database.statements import Prepared
from jobs.models import CommandTiming

_NEWEST_SHARE = 0.3
_KNOWN = Prepared(
    lambda endpoint: CommandTiming.objects.filter(endpoint=endpoint).values_list("command", "mean_seconds"),
    texts=frozenset({"endpoint"}),
)


def learn(*, endpoint: str, command: str, seconds: Sequence[float]) -> None:
    """Fold the seconds that a command has just taken, from the call to the answer, into its moving average.

    Whoever watches does it, for many answers at once: every failover at work would wait for this row.
    """
    kept = (1.0 - _NEWEST_SHARE) ** len(seconds)
    folded = reduce(lambda mean, newest: mean + (newest - mean) * _NEWEST_SHARE, seconds, 0.0)
    if CommandTiming.objects.filter(endpoint=endpoint, command=command).update(
        mean_seconds=F("mean_seconds") * kept + folded, samples=F("samples") + len(seconds)
    ):
        return
    first = reduce(lambda mean, newest: mean + (newest - mean) * _NEWEST_SHARE, seconds)
    CommandTiming.objects.get_or_create(
        endpoint=endpoint, command=command, defaults={"mean_seconds": first, "samples": len(seconds)}
    )


def usual_seconds(*, endpoint: str, default: float = 0.0) -> dict[str, float]:
    """Give the usual seconds of every command seen on the endpoint."""
    return {command: mean or default for command, mean in _KNOWN.values(endpoint=endpoint)}
