"""This will send a webhook a trial, so that nobody learns in the night of a failover that it was set up wrong."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from database.statements import insert
from notifications.deliveries import delivery_to
from notifications.models import Delivery, Event, Notification, Subscription


def send_trial(subscription: Subscription, *, actor: str, now: datetime) -> Delivery:
    """Write a trial for this webhook alone; it is sent by whoever delivers, also where the webhook is switched off."""
    notification = Notification(
        event=Event.TRIAL,
        subject=subscription.name[:200],
        words=f"{actor} tries out the webhook {subscription.name}: nothing happened, and nothing is to be done.",
        body={"requested_by": actor},
        created_at=now,
        # It goes to nobody else.
        fanned_out_at=now,
    )
    with transaction.atomic():
        delivery = delivery_to(subscription, insert(notification), now=now)
        delivery.save()
    return delivery
