"""This will give tests a receiver, a clock that they move, and a deliverer on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifications.deliveries import Deliverer
from notifications.models import Event, Notification, Subscription
from notifications.outbox import tell
from notifications.sending import Sender
from tests.notifications.receiver import Receiver, listening

SECRET = "a-secret-of-the-receiver"


@dataclass
class MovedClock:
    """A clock that the test moves."""

    at: datetime = field(default_factory=lambda: datetime(2026, 5, 1, 3, 0, tzinfo=UTC))

    def now(self) -> datetime:
        """Give its time."""
        return self.at

    def advance(self, **by: float) -> None:
        """Move it on."""
        self.at += timedelta(**by)


@pytest.fixture
def moved() -> MovedClock:
    """Give a clock at three in the morning."""
    return MovedClock()


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """Give a receiver that the settings allow."""
    with listening() as receiver:
        settings.WEBHOOK_HOSTS = [receiver.origin]
        settings.SLACK_HOSTS = [receiver.origin]
        yield receiver


@pytest.fixture
def deliverer(moved: MovedClock) -> Deliverer:
    """Give a deliverer whose pauses are as long as they may be."""
    return Deliverer(Sender(now=moved.now), chance=lambda: 1.0)


@pytest.fixture
def told(db: None, moved: MovedClock) -> Callable[..., Notification]:
    """Write notifications into the outbox."""

    def write(event: Event = Event.FINISHED, **more: Any) -> Notification:
        body = {"job_id": "live-failover-one-1", "job_type": "live", "vm_name": "web-1", "outcome": "succeeded"}
        return tell(event, subject="live-failover-one-1", words="It ended.", body=body, at=moved.now(), **more)

    return write


def subscribe(url: str, *, name: str = "portal", **more: Any) -> Subscription:
    """Write a subscription with its secret."""
    subscription = Subscription(name=name, url=url, **more)
    subscription.secret = SECRET
    subscription.save()
    return subscription
