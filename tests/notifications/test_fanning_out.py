"""Deliveries of many notifications are written together, and of each notification once, whoever else writes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from notifications.deliveries import Deliverer
from notifications.models import Delivery, Event, Notification
from tests.notifications.conftest import MovedClock, subscribe
from tests.notifications.receiver import Receiver

pytestmark = pytest.mark.django_db
Told = Callable[..., Notification]


def test_what_another_has_taken_meanwhile_is_left_to_him(
    receiver: Receiver, told: Told, deliverer: Deliverer, moved: MovedClock
) -> None:
    subscribe(receiver.origin)
    first, taken, last = told(), told(), told()
    is_taken = False

    def take_one(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        nonlocal is_taken
        if sql.startswith('UPDATE "notifications_notification"') and not is_taken:
            is_taken = True
            Notification.objects.filter(pk=taken.pk).update(fanned_out_at=moved.now())
        return execute(sql, *rest)

    with connection.execute_wrapper(take_one):
        assert deliverer.deliver_due() == 2

    assert set(Delivery.objects.values_list("notification_id", flat=True)) == {first.pk, last.pk}


def test_many_that_nobody_wants_to_hear_of_cost_a_statement_each_and_one_transaction(
    receiver: Receiver, told: Told, deliverer: Deliverer
) -> None:
    subscribe(receiver.origin, events=["question"])
    for _ in range(20):
        told(Event.STARTED)
    statements: list[str] = []

    def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        assert deliverer.deliver_due() == 0

    assert not Notification.objects.filter(fanned_out_at=None).exists()
    assert sum(sql.startswith("UPDATE") for sql in statements) == 20
    # What is to be told, to whom, what is due; the transaction of the test makes one within it a savepoint.
    assert len(statements) <= 20 + 5
