"""This will carry the outbox to its receivers: fan out, lease row by row, try, note, and put off with growing pauses.

One try at a time and receiver, those of several receivers side by side: who is dead holds up nobody else, and whoever
failed is not asked again in the same round. Answers are noted by compare-and-set on the lease: a deliverer that comes
back after its lease was out changes nothing. A receiver may get a notification twice, never with another id.
"""

from __future__ import annotations

import random
import threading
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F, Q

from database.statements import compare_and_set
from inventory.tallies.counting import TALLIES
from notifications.addresses import AddressNotAllowed, origin_of
from notifications.models import (
    Channel,
    Delivery,
    DeliveryState,
    DeliveryTry,
    Event,
    Notification,
    Subscription,
)
from notifications.sending import Answer, Sender

log = structlog.get_logger(__name__)

MOST_TRIES = 15
FIRST_PAUSE, LONGEST_PAUSE = 10.0, 3600.0
# Longer than any try is waited for: connecting and answering have time-outs, but an answer may come in drips.
LEASE = timedelta(seconds=120)
PATIENCE_SECONDS = 30.0
SIDE_BY_SIDE = 8
MOST_AT_ONCE = 200
KEPT_FOR = timedelta(days=30)
_BROKE_OFF = Answer(trouble="An error in this service broke it off; the log says which.")


@dataclass
class _Try:
    """A try on a thread of its own."""

    delivery: Delivery
    began: datetime
    over: threading.Event = field(default_factory=threading.Event)
    answer: Answer = _BROKE_OFF

    def answer_within(self, seconds: float) -> Answer:
        """Give the answer; who does not come to an end is let be."""
        if self.over.wait(seconds):
            return self.answer
        return Answer(trouble=f"It came to no end within {seconds:g} s.")


@dataclass
class Deliverer:
    """Delivers what is due, one round at a time; clock, chance and network are passed in."""

    sender: Sender
    chance: Callable[[], float] = field(default=random.random)
    patience: float = PATIENCE_SECONDS
    _tries: dict[str, _Try] = field(default_factory=dict)

    def deliver_due(self) -> int:
        """Do one round; give how many deliveries were taken by their receivers."""
        self._fan_out()
        queues = self._due_by_receiver()
        delivered = 0
        while queues:
            wave = [self._begin(delivery) for delivery in self._leased(queues)]
            for one in wave:
                answer = one.answer_within(self.patience)
                delivered += self._note(one.delivery, answer, began=one.began)
                if answer.trouble:
                    queues.pop(_receiver(one.delivery), None)
        return delivered

    def forget_old(self) -> int:
        """Remove notifications whose deliveries ended long ago; give how many those were."""
        old = Notification.objects.filter(created_at__lt=self._now() - KEPT_FOR, fanned_out_at__isnull=False)
        return old.exclude(deliveries__state=DeliveryState.PENDING).delete()[0]

    def _fan_out(self) -> None:
        fresh = list(Notification.objects.filter(fanned_out_at__isnull=True).order_by("pk")[:MOST_AT_ONCE])
        if not fresh:
            return
        subscriptions = list(Subscription.objects.filter(is_active=True))
        now = self._now()
        with transaction.atomic():
            # Of two that fan out at once each notification is one's; they take them in the same order, so neither waits
            # for what the other waits for.
            mine = [one for one in fresh if _take_to_fan_out(one, now=now)]
            Delivery.objects.bulk_create(
                [delivery for one in mine for delivery in _deliveries_of(one, subscriptions, now=now)]
            )

    def _due_by_receiver(self) -> dict[str, deque[Delivery]]:
        now = self._now()
        free = Q(leased_until__isnull=True) | Q(leased_until__lte=now)
        due = Delivery.objects.filter(free, state=DeliveryState.PENDING, next_try_at__lte=now)
        queues: dict[str, deque[Delivery]] = defaultdict(deque)
        for delivery in due.select_related("notification", "subscription").order_by("next_try_at", "pk")[:MOST_AT_ONCE]:
            before = self._tries.get(_receiver(delivery))
            # Who still holds an earlier try gets no second one.
            if before is None or before.over.is_set():
                queues[_receiver(delivery)].append(delivery)
        return queues

    def _leased(self, queues: dict[str, deque[Delivery]]) -> list[Delivery]:
        """Take the next delivery of each receiver that nobody else took; receivers without one are done."""
        wave = []
        for receiver in list(queues)[:SIDE_BY_SIDE]:
            while queues[receiver]:
                if self._lease(delivery := queues[receiver].popleft()):
                    wave.append(delivery)
                    break
            if not queues[receiver]:
                del queues[receiver]
        return wave

    def _lease(self, delivery: Delivery) -> bool:
        now, lease = self._now(), uuid.uuid4()
        as_read = Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.PENDING, lease=delivery.lease)
        if not as_read.update(lease=lease, leased_until=now + LEASE, tries=F("tries") + 1):
            return False
        delivery.lease, delivery.tries = lease, delivery.tries + 1
        return True

    def _begin(self, delivery: Delivery) -> _Try:
        """Send on a thread that nobody waits for when this service ends: the lease lets another send again."""
        one = self._tries[_receiver(delivery)] = _Try(delivery, self._now())
        threading.Thread(target=_carry_out, args=(one, self.sender), name="delivery", daemon=True).start()
        return one

    def _note(self, delivery: Delivery, answer: Answer, *, began: datetime) -> bool:
        """Write what became of a try; give whether it was delivered."""
        now = self._now()
        state, next_try_at = self._verdict(delivery, answer, now=now)
        with transaction.atomic():
            DeliveryTry.objects.create(
                delivery=delivery,
                at=began,
                seconds=round((now - began).total_seconds(), 3),
                http_status=answer.http_status,
                trouble=answer.trouble[:300],
            )
            Delivery.objects.filter(pk=delivery.pk, lease=delivery.lease, state=DeliveryState.PENDING).update(
                state=state,
                next_try_at=next_try_at,
                lease=None,
                leased_until=None,
                ended_at=None if state == DeliveryState.PENDING else now,
                trouble=answer.trouble[:300],
            )
        outcome = "failed" if answer.trouble and state == DeliveryState.PENDING else str(state)
        TALLIES.add("notification_tries", {"channel": str(delivery.channel), "outcome": outcome})
        (log.warning if answer.trouble else log.info)(
            "delivery_tried",
            delivery=str(delivery.uuid),
            job_id=delivery.notification.subject,
            request_id=delivery.notification.body.get("request_id"),
            notified=delivery.notification.event,
            channel=delivery.channel,
            receiver=delivery.receiver,
            state=str(state),
            trouble=answer.trouble,
        )
        return not answer.trouble

    def _verdict(self, delivery: Delivery, answer: Answer, *, now: datetime) -> tuple[DeliveryState, datetime]:
        if not answer.trouble:
            return DeliveryState.DELIVERED, now
        if not answer.again or delivery.tries >= MOST_TRIES:
            return DeliveryState.GIVEN_UP, now
        pause = min(FIRST_PAUSE * 2.0 ** (delivery.tries - 1), LONGEST_PAUSE)
        # Between half of it and all of it: receivers that come back are not met by everybody at once.
        pause *= 0.5 + self.chance() / 2
        return DeliveryState.PENDING, now + timedelta(seconds=max(pause, answer.wait_seconds or 0.0))

    def _now(self) -> datetime:
        return self.sender.now()


def deliver_again(deliveries: Iterable[Delivery], *, now: datetime) -> int:
    """Let deliveries be made once more, whatever became of them; give how many those were."""
    return Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries]).update(
        state=DeliveryState.PENDING,
        tries=0,
        next_try_at=now,
        lease=None,
        leased_until=None,
        ended_at=None,
        trouble="",
    )


def delivery_to(subscription: Subscription, notification: Notification, *, now: datetime) -> Delivery:
    """Give the delivery of a notification to one webhook, not yet written."""
    return Delivery(
        notification=notification,
        channel=Channel.WEBHOOK,
        subscription=subscription,
        receiver=_host(subscription.url)[:300],
        next_try_at=now,
    )


def _take_to_fan_out(notification: Notification, *, now: datetime) -> bool:
    return compare_and_set(Notification, pk=notification.pk, expecting={"fanned_out_at": None}, fanned_out_at=now)


def _deliveries_of(
    notification: Notification, subscriptions: Iterable[Subscription], *, now: datetime
) -> list[Delivery]:
    told: list[tuple[Channel, Subscription | None, str]] = [
        (Channel.WEBHOOK, one, _host(one.url)) for one in subscriptions if one.wants(notification.event)
    ]
    # What a start asked for goes to a person, who is told of the same end once.
    if notification.event != Event.CLEANUP_DONE:
        if notification.email:
            told.append((Channel.EMAIL, None, notification.email))
        if notification.slack_webhook_sealed:
            told.append((Channel.SLACK, None, "Slack"))
    return [
        Delivery(notification=notification, channel=channel, subscription=one, receiver=receiver[:300], next_try_at=now)
        for channel, one, receiver in told
    ]


def _host(address: str) -> str:
    try:
        return str(origin_of(address))
    except AddressNotAllowed:
        return "an address that is none"


def _receiver(delivery: Delivery) -> str:
    """Name what a failing try says something of: all mail goes by one server, all Slack by one host."""
    return f"webhook:{delivery.subscription_id}" if delivery.channel == Channel.WEBHOOK else delivery.channel


def _carry_out(one: _Try, sender: Sender) -> None:
    ended = False
    try:
        one.answer = sender.send(one.delivery)
        ended = True
    finally:
        if not ended:
            log.error("delivery_broke_off", delivery=str(one.delivery.uuid), exc_info=True)
        one.over.set()
