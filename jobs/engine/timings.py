"""This will learn how long commands take, for estimates and for the watcher's first look."""

from __future__ import annotations

from django.db.models import F

from jobs.engine.ports import Engine
from jobs.engine.statements import Prepared
from jobs.models import CommandTiming, StepAttempt

_NEWEST_SHARE = 0.3
_KNOWN = Prepared(
    lambda endpoint: CommandTiming.objects.filter(endpoint=endpoint).values_list("command", "mean_seconds"),
    texts=frozenset({"endpoint"}),
)


def learn(engine: Engine, *, attempt: StepAttempt, command: str) -> None:
    """Fold the seconds from submission to the answer into the command's moving average."""
    if attempt.submitted_at is None or attempt.answered_at is None:
        return
    seconds = (attempt.answered_at - attempt.submitted_at).total_seconds()
    folded = CommandTiming.objects.filter(endpoint=attempt.endpoint, command=command).update(
        mean_seconds=F("mean_seconds") + (seconds - F("mean_seconds")) * _NEWEST_SHARE, samples=F("samples") + 1
    )
    if not folded:
        CommandTiming.objects.get_or_create(
            endpoint=attempt.endpoint, command=command, defaults={"mean_seconds": seconds, "samples": 1}
        )


def usual_seconds(*, endpoint: str, default: float = 0.0) -> dict[str, float]:
    """Give the usual seconds of every command seen on the endpoint."""
    return {command: mean or default for command, mean in _KNOWN.values(endpoint=endpoint)}
