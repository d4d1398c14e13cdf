"""An administrator learns by a trial whether a webhook is set up right, before a failover needs it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.urls import reverse

from notifications.deliveries import Deliverer
from notifications.messages import signature_of, title_of
from notifications.models import Delivery, DeliveryState, Notification
from tests.admin.conftest import browser_of
from tests.notifications.conftest import SECRET, MovedClock, subscribe
from tests.notifications.receiver import Receiver

pytestmark = pytest.mark.django_db

LIST = reverse("admin:notifications_subscription_changelist")


def _tried_out(users: Any, role: str, *pks: int) -> Any:
    return browser_of(users, role).post(LIST, {"action": "try_out", "_selected_action": list(pks)})


@pytest.fixture
def ready(moved: MovedClock, deliverer: Deliverer) -> Deliverer:
    """Give a deliverer whose clock is past what the console writes."""
    moved.advance(days=3650)
    return deliverer


def test_a_trial_goes_signed_to_the_chosen_webhook_alone_whatever_events_it_chose(
    django_user_model: Any, receiver: Receiver, ready: Deliverer
) -> None:
    chosen = subscribe(f"{receiver.origin}/chosen", events=["drift"])
    subscribe(f"{receiver.origin}/other", name="other")

    assert _tried_out(django_user_model, "admin", chosen.pk).status_code == 302
    assert ready.deliver_due() == 1

    ((path, headers, body),) = receiver.came
    seconds = int(headers["X-Failover-Timestamp"])
    assert (path, headers["X-Failover-Event"]) == ("/chosen", "trial")
    assert headers["X-Failover-Signature"] == signature_of(body, secret=SECRET, seconds=seconds)
    assert "nothing is to be done" in json.loads(body)["words"]
    assert title_of(Notification.objects.get()) == "A trial of portal"


def test_what_a_receiver_answers_to_a_trial_is_shown(
    django_user_model: Any, receiver: Receiver, ready: Deliverer
) -> None:
    subscription = subscribe(receiver.origin)
    receiver.answers = [410]

    _tried_out(django_user_model, "admin", subscription.pk)
    ready.deliver_due()

    delivery = Delivery.objects.get()
    assert (delivery.state, "410" in delivery.trouble) == (DeliveryState.GIVEN_UP, True)


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_nobody_but_an_administrator_sends_a_trial(django_user_model: Any, receiver: Receiver, role: str) -> None:
    subscription = subscribe(receiver.origin)

    _tried_out(django_user_model, role, subscription.pk)

    assert not Notification.objects.exists()


def test_a_trial_is_no_event_that_can_be_subscribed_to(django_user_model: Any) -> None:
    page = browser_of(django_user_model, "admin").get(reverse("admin:notifications_subscription_add"))

    assert 'value="drift"' in page.content.decode() and 'value="trial"' not in page.content.decode()
