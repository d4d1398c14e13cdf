"""This will note when parts of the service last ended a round, and send canaries: does a worker hear messages?

A canary is a message like any other: by the broker to whichever worker takes it, who notes when it came. One process at
a time sends it, and not again while one is out, so that none heap up where no worker lives.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from kombu.exceptions import OperationalError

from jobs.models import Pulse, PulsePart

log = structlog.get_logger(__name__)

CANARY_EVERY = timedelta(seconds=15)
# A canary that was lost (a broker that was started again) is not waited for longer.
CANARY_LOST_AFTER = timedelta(seconds=30)


def note_round(part: PulsePart, *, ended_at: datetime, seconds: float | None = None) -> None:
    """Note that a round of the part came to its end."""
    values = {"ended_at": ended_at, "seconds": seconds}
    if not Pulse.objects.filter(part=part).update(**values):
        Pulse.objects.update_or_create(part=part, defaults=values)


def publish_canary(sent_at: float) -> None:
    """Send a canary, the most urgent of all: it shows whether messages are worked on, not how many wait."""
    from jobs.tasks import canary

    canary.apply_async(args=(sent_at,), retry=False, priority=0)


def send_canary_when_due(*, now: datetime, publish: Callable[[float], None] = publish_canary) -> bool:
    """Send a canary unless one is out or the last one is young; False when none was sent."""
    pulse = Pulse.objects.filter(part=PulsePart.CANARY).first()
    if pulse is not None and not _is_due(pulse, now=now):
        return False
    try:
        publish(now.timestamp())
    except (OperationalError, OSError) as error:
        log.warning("canary_lost", error=str(error))
        return False
    if not Pulse.objects.filter(part=PulsePart.CANARY).update(began_at=now):
        Pulse.objects.get_or_create(part=PulsePart.CANARY, defaults={"began_at": now})
    return True


def hear_canary(*, sent_at: float, now: datetime) -> None:
    """Note that a canary came, in the worker that it came to."""
    note_round(PulsePart.CANARY, ended_at=now, seconds=round(max(0.0, now.timestamp() - sent_at), 3))


def _is_due(pulse: Pulse, *, now: datetime) -> bool:
    if pulse.began_at is None:
        return True
    is_out = pulse.ended_at is None or pulse.ended_at < pulse.began_at
    pause = CANARY_LOST_AFTER if is_out else CANARY_EVERY
    # A beginning that lies ahead was noted by a clock that has been set back since.
    return not timedelta(0) <= now - pulse.began_at < pause
