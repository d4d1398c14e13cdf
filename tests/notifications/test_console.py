"""This will prove that administrators set up webhooks, operators deliver again, and nobody sees a secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from notifications.deliveries import Deliverer
from notifications.models import Delivery, DeliveryState, Notification, Subscription
from tests.admin.conftest import browser_of
from tests.notifications.conftest import SECRET, subscribe
from tests.notifications.receiver import Receiver

pytestmark = pytest.mark.django_db


def _typed(url: str, **more: Any) -> dict[str, Any]:
    return {"name": "portal", "url": url, "secret": SECRET, "events": ["question"], "is_active": "on", **more}


def _add() -> str:
    return reverse("admin:notifications_subscription_add")


def test_an_administrator_adds_a_webhook_whose_secret_is_never_shown(django_user_model: Any, settings: Any) -> None:
    settings.WEBHOOK_HOSTS = ["portal.example.net"]
    admin = browser_of(django_user_model, "admin")

    assert admin.post(_add(), _typed("https://portal.example.net/hook")).status_code == 302

    subscription = Subscription.objects.get()
    assert (subscription.secret, subscription.events) == (SECRET, ["question"])
    page = reverse("admin:notifications_subscription_change", args=[subscription.pk])
    assert SECRET not in admin.get(page).content.decode()
    assert admin.post(page, _typed(subscription.url, secret="")).status_code == 302
    subscription.refresh_from_db()
    assert subscription.secret == SECRET


def test_a_host_that_is_not_listed_and_a_missing_secret_are_refused(django_user_model: Any, settings: Any) -> None:
    settings.WEBHOOK_HOSTS = ["portal.example.net"]
    admin = browser_of(django_user_model, "admin")

    elsewhere = admin.post(_add(), _typed("https://evil.example.net/hook"))
    without = admin.post(_add(), _typed("https://portal.example.net/hook", secret=""))

    assert "WEBHOOK_HOSTS" in elsewhere.content.decode() and "is missing" in without.content.decode()
    assert not Subscription.objects.exists()


def test_operators_and_viewers_change_no_webhook(django_user_model: Any) -> None:
    for role in ("operator", "viewer"):
        assert browser_of(django_user_model, role).post(_add(), _typed("https://x.example.net/")).status_code == 403


def test_an_operator_delivers_again_and_a_viewer_only_looks(
    django_user_model: Any, receiver: Receiver, told: Callable[..., Notification], deliverer: Deliverer
) -> None:
    subscribe(receiver.origin)
    receiver.answers = [410]
    told()
    deliverer.deliver_due()
    delivery = Delivery.objects.get()
    asked = {"action": "make_again", "_selected_action": [delivery.pk]}
    address = reverse("admin:notifications_delivery_changelist")

    def ask(browser: Client) -> str:
        browser.post(address, asked)
        delivery.refresh_from_db()
        return delivery.state

    assert ask(browser_of(django_user_model, "viewer")) == DeliveryState.GIVEN_UP
    assert ask(browser_of(django_user_model, "operator")) == DeliveryState.PENDING


def test_outbox_and_deliveries_are_shown_with_every_try_and_changed_by_nobody(
    django_user_model: Any, receiver: Receiver, told: Callable[..., Notification], deliverer: Deliverer
) -> None:
    root = Client()
    root.force_login(django_user_model.objects.create_superuser("root"))
    subscribe(receiver.origin)
    receiver.answers = [418]
    notification = told(slack_webhook=f"{receiver.origin}/services/hush")
    deliverer.deliver_due()
    delivery = Delivery.objects.get(channel="webhook")

    outbox = root.get(reverse("admin:notifications_notification_change", args=[notification.pk]))
    one = root.get(reverse("admin:notifications_delivery_change", args=[delivery.pk]))

    assert "hush" not in outbox.content.decode() and "It answered 418." in one.content.decode()
    for model, row in (("notification", notification), ("delivery", delivery)):
        assert root.post(reverse(f"admin:notifications_{model}_change", args=[row.pk]), {}).status_code == 403
        assert root.post(reverse(f"admin:notifications_{model}_delete", args=[row.pk]), {}).status_code == 403
