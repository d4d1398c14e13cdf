"""This will learn how long commands take, for estimates and for the watcher's first look."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from django.db import IntegrityError, transaction

from database.statements import Prepared, compare_and_set, insert
from jobs.models import CommandTiming

_NEWEST_SHARE = 0.3
_KNOWN = Prepared(
    lambda endpoint: CommandTiming.objects.filter(endpoint=endpoint).values_list("command", "mean_seconds"),
    texts=frozenset({"endpoint"}),
)
_OF_COMMAND = Prepared(
    lambda endpoint, command: (
        CommandTiming.objects.filter(endpoint=endpoint, command=command)
        .order_by()
        .values_list("pk", "mean_seconds", "samples")
    ),
    texts=frozenset({"endpoint", "command"}),
)


def learn(*, endpoint: str, command: str, seconds: Sequence[float]) -> None:
    """Fold the seconds that a command has just taken, from the call to the answer, into its moving average.

    Whoever watches does it, for many answers at once: every failover at work would wait for this row.
    """
    while not _add_to_known(endpoint, command, seconds):
        try:
            with transaction.atomic():
                mean = reduce(_fold, seconds)
                insert(CommandTiming(endpoint=endpoint, command=command, mean_seconds=mean, samples=len(seconds)))
        except IntegrityError:
            continue  # Another watcher, who is just being relieved, was the first to learn of it.
        return


def _add_to_known(endpoint: str, command: str, seconds: Sequence[float]) -> bool:
    """Fold the seconds into what is known of the command, False when that is nothing."""
    while known := _OF_COMMAND.values(endpoint=endpoint, command=command):
        ((pk, mean, samples),) = known
        learned: dict[str, Any] = {"mean_seconds": reduce(_fold, seconds, mean), "samples": samples + len(seconds)}
        # What somebody else learned meanwhile is not forgotten: it is read again.
        if compare_and_set(CommandTiming, pk=pk, expecting={"samples": samples}, **learned):
            return True
    return False


def _fold(mean: float, newest: float) -> float:
    return mean + (newest - mean) * _NEWEST_SHARE


def usual_seconds(*, endpoint: str, default: float = 0.0) -> dict[str, float]:
    """Give the usual seconds of every command seen on the endpoint."""
    return {command: mean or default for command, mean in _KNOWN.values(endpoint=endpoint)}
