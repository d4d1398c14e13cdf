"""This will learn how long commands take, for estimates and for the watcher's first look."""

from __future__ import annotations

from jobs.engine.ports import Engine
from jobs.models import CommandTiming, StepAttempt

_NEWEST_SHARE = 0.3


def learn(engine: Engine, *, attempt: StepAttempt, command: str) -> None:
    """Fold the seconds from submission to the answer into the command's moving average."""
    if attempt.submitted_at is None or attempt.answered_at is None:
        return
    seconds = (attempt.answered_at - attempt.submitted_at).total_seconds()
    timing, created = CommandTiming.objects.get_or_create(
        endpoint=attempt.endpoint, command=command, defaults={"mean_seconds": seconds, "samples": 1}
    )
    if created:
        return
    mean = timing.mean_seconds + (seconds - timing.mean_seconds) * _NEWEST_SHARE
    # Two workers may fold at once and one sample be lost: it is an average, nothing decides on it.
    CommandTiming.objects.filter(pk=timing.pk).update(mean_seconds=mean, samples=timing.samples + 1)


def usual_seconds(*, endpoint: str, default: float = 0.0) -> dict[str, float]:
    """Give the usual seconds of every command seen on the endpoint."""
    rows = CommandTiming.objects.filter(endpoint=endpoint).values_list("command", "mean_seconds")
    return {command: mean or default for command, mean in rows}
