"""This will prove that what is in the outbox reaches who wants it, whatever receivers do, and nobody else."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection

from notifications.deliveries import MOST_TRIES, Deliverer, deliver_again
from notifications.models import Delivery, DeliveryState, DeliveryTry, Event, Notification, Subscription
from notifications.sending import Sender
from tests.notifications.conftest import SECRET, MovedClock, subscribe
from tests.notifications.receiver import Receiver, listening

pytestmark = pytest.mark.django_db
Told = Callable[..., Notification]


def test_a_webhook_is_signed_and_says_what_happened(receiver: Receiver, told: Told, deliverer: Deliverer) -> None:
    subscribe(f"{receiver.origin}/hook?from=dr")
    notification = told()

    assert deliverer.deliver_due() == 1

    path, headers, body = receiver.came[0]
    signed = headers["X-Failover-Timestamp"].encode() + b"." + body
    assert headers["X-Failover-Signature"] == hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert (path, headers["X-Failover-Event"]) == ("/hook?from=dr", "finished")
    said = json.loads(body)
    assert (said["event"], said["job_id"], said["outcome"]) == ("finished", "live-failover-one-1", "succeeded")
    assert (said["notification_id"], said["sequence"]) == (str(notification.uuid), notification.pk)
    assert Delivery.objects.get().state == DeliveryState.DELIVERED
    assert SECRET not in body.decode() and deliverer.deliver_due() == 0


def test_only_the_events_that_a_subscription_names_are_told(
    receiver: Receiver, told: Told, deliverer: Deliverer
) -> None:
    subscribe(f"{receiver.origin}/all")
    subscribe(f"{receiver.origin}/questions", name="pager", events=["question"])
    subscribe(f"{receiver.origin}/off", name="off", is_active=False)
    told(Event.STARTED)
    told(Event.QUESTION)

    deliverer.deliver_due()

    assert sorted(path for path, _, _ in receiver.came) == ["/all", "/all", "/questions"]


def test_a_failing_receiver_is_asked_again_with_growing_pauses_and_the_same_id(
    receiver: Receiver, told: Told, deliverer: Deliverer, moved: MovedClock
) -> None:
    subscribe(receiver.origin)
    receiver.answers = [500, 503, 200]
    told()

    asked_after = []
    while Delivery.objects.filter(state=DeliveryState.DELIVERED).count() == 0:
        before = len(receiver.came)
        deliverer.deliver_due()
        if len(receiver.came) > before:
            asked_after.append((moved.now() - Notification.objects.get().created_at).total_seconds())
        moved.advance(seconds=5)

    assert asked_after == [0, 10, 30]
    assert len({headers["X-Failover-Delivery"] for _, headers, _ in receiver.came}) == 1
    assert len({headers["X-Failover-Timestamp"] for _, headers, _ in receiver.came}) == 3
    assert [(one.http_status, one.trouble) for one in DeliveryTry.objects.all()] == [
        (500, "It answered 500."),
        (503, "It answered 503."),
        (200, ""),
    ]


def test_pauses_are_spread_by_chance(told: Told, moved: MovedClock, settings: Any) -> None:
    settings.WEBHOOK_HOSTS = ["http://127.0.0.1:9"]
    subscribe("http://127.0.0.1:9/")
    told()

    Deliverer(Sender(now=moved.now), chance=lambda: 0.0).deliver_due()

    assert Delivery.objects.get().next_try_at - moved.now() == timedelta(seconds=5)


def test_after_many_tries_a_delivery_is_given_up_and_can_be_asked_for_again(
    receiver: Receiver, told: Told, deliverer: Deliverer, moved: MovedClock
) -> None:
    subscribe(receiver.origin)
    receiver.answers = [500]
    told()
    for _ in range(MOST_TRIES + 3):
        deliverer.deliver_due()
        moved.advance(hours=2)
    assert (len(receiver.came), Delivery.objects.get().state) == (MOST_TRIES, DeliveryState.GIVEN_UP)

    receiver.answers = [200]
    assert deliver_again(Delivery.objects.all(), now=moved.now()) == 1
    deliverer.deliver_due()

    assert Delivery.objects.get().state == DeliveryState.DELIVERED
    assert DeliveryTry.objects.count() == MOST_TRIES + 1


def test_a_receiver_that_is_gone_for_good_is_not_asked_again(
    receiver: Receiver, told: Told, deliverer: Deliverer
) -> None:
    subscribe(receiver.origin)
    receiver.answers = [410]
    told()

    deliverer.deliver_due()

    assert Delivery.objects.get().state == DeliveryState.GIVEN_UP


def test_a_receiver_that_asks_for_time_gets_it(
    receiver: Receiver, told: Told, deliverer: Deliverer, moved: MovedClock
) -> None:
    subscribe(receiver.origin)
    receiver.answers, receiver.headers = [429], {"Retry-After": "77"}
    told()

    deliverer.deliver_due()

    assert Delivery.objects.get().next_try_at == moved.now() + timedelta(seconds=77)


def test_who_is_silent_or_dead_holds_up_nobody_else(
    receiver: Receiver, told: Told, moved: MovedClock, settings: Any
) -> None:
    with listening() as silent:
        silent.silent = True
        settings.WEBHOOK_HOSTS = [receiver.origin, silent.origin, "http://127.0.0.1:9"]
        subscribe(silent.origin, name="silent")
        subscribe("http://127.0.0.1:9/", name="dead")
        subscribe(receiver.origin, name="well")
        for _ in range(3):
            told()
        hurried = Deliverer(Sender(now=moved.now), chance=lambda: 1.0, patience=1.0)

        assert hurried.deliver_due() == 3

        assert len(receiver.came) == 3
        # Whoever failed was asked once in this round, and the rest of his waits unspent.
        tries = dict(DeliveryTry.objects.values_list("delivery__subscription__name", "trouble").exclude(trouble=""))
        assert tries["silent"].startswith("It came to no end") and "cannot be reached" in tries["dead"]
        assert DeliveryTry.objects.exclude(trouble="").count() == 2
        moved.advance(hours=1)
        hurried.deliver_due()
        # The try that hangs is not joined by another.
        assert len(silent.came) == 1


def test_a_redirect_is_not_followed(receiver: Receiver, told: Told, deliverer: Deliverer) -> None:
    with listening() as elsewhere:
        subscribe(receiver.origin)
        receiver.answers, receiver.headers = [302], {"Location": f"{elsewhere.origin}/steal"}
        told()

        deliverer.deliver_due()

        assert elsewhere.came == []
        assert "redirects are not followed" in Delivery.objects.get().trouble


def test_a_host_that_left_the_list_gets_nothing_more(
    receiver: Receiver, told: Told, deliverer: Deliverer, settings: Any
) -> None:
    subscribe(receiver.origin)
    told()
    settings.WEBHOOK_HOSTS = [f"http://127.0.0.1:{receiver.port + 1}", "127.0.0.1", f"127.0.0.1:{receiver.port}"]

    deliverer.deliver_due()

    assert receiver.came == []
    assert Delivery.objects.get().state == DeliveryState.GIVEN_UP
    assert "WEBHOOK_HOSTS" in Delivery.objects.get().trouble


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.net.evil.test/x",
        "https://evil.test/hooks.example.net",
        "https://hooks.example.net@evil.test/",
        "https://hooks.example.net:444/",
        "http://hooks.example.net/",
        "https://hooks.example.net\\@evil.test/",
        "https://hooks.example.net/\nHost: evil.test",
        "https://169.254.169.254/latest",
        "ftp://hooks.example.net/",
        "//hooks.example.net/",
        "https://[::1",
        "",
    ],
)
def test_only_hosts_of_the_list_may_be_subscribed(url: str, settings: Any) -> None:
    settings.WEBHOOK_HOSTS = ["hooks.example.net"]
    subscription = Subscription(name="x", url=url)
    subscription.secret = SECRET

    with pytest.raises(ValidationError):
        subscription.full_clean()


def test_a_listed_host_may_be_subscribed_in_any_case_of_letters(settings: Any) -> None:
    settings.WEBHOOK_HOSTS = ["Hooks.Example.net", "other.example.net:8443"]
    for url in ("https://hooks.EXAMPLE.net/a", "https://other.example.net:8443/b"):
        subscription = Subscription(name=url, url=url)
        subscription.secret = SECRET
        subscription.full_clean()


def test_secrets_are_sealed_and_reach_neither_log_nor_rows(
    receiver: Receiver, told: Told, deliverer: Deliverer, caplog: pytest.LogCaptureFixture
) -> None:
    subscribe(receiver.origin)
    told(slack_webhook=f"{receiver.origin}/services/T0/B0/hush")
    receiver.answers = [500]
    with caplog.at_level(logging.INFO):
        deliverer.deliver_due()

    assert {path for path, _, _ in receiver.came} == {"/", "/services/T0/B0/hush"}
    rows = []
    with connection.cursor() as cursor:
        for table in ("notification", "subscription", "delivery", "deliverytry"):
            cursor.execute(f"SELECT * FROM notifications_{table}")
            rows += cursor.fetchall()
    for text in (str(rows), caplog.text):
        assert SECRET not in text and "hush" not in text


def test_slack_is_told_in_words_that_call_nobody(receiver: Receiver, told: Told, deliverer: Deliverer) -> None:
    notification = told(slack_webhook=f"{receiver.origin}/x")
    Notification.objects.filter(pk=notification.pk).update(words="<!channel> & all")

    deliverer.deliver_due()

    text = json.loads(receiver.came[0][2])["text"]
    assert "&lt;!channel&gt; &amp; all" in text and "Live failover of web-1 succeeded" in text


def test_who_gave_an_address_gets_an_e_mail(told: Told, deliverer: Deliverer, settings: Any) -> None:
    settings.EMAIL_HOST = "mail.example.net"
    notification = told(email="ops@example.net")
    Notification.objects.filter(pk=notification.pk).update(body={**notification.body, "vm_name": "web\nBcc: x@y.z"})

    deliverer.deliver_due()

    message = mail.outbox[0]
    assert (message.to, message.subject) == (["ops@example.net"], "Live failover of web Bcc: x@y.z succeeded")
    assert "It ended." in message.body and message.recipients() == ["ops@example.net"]


def test_a_person_is_told_of_an_end_once_and_a_program_of_both(
    receiver: Receiver, told: Told, deliverer: Deliverer, settings: Any
) -> None:
    settings.EMAIL_HOST = "mail.example.net"
    subscribe(receiver.origin)
    told(Event.CLEANUP_DONE, email="ops@example.net")
    told(Event.FINISHED, email="ops@example.net")

    deliverer.deliver_due()

    assert (len(mail.outbox), len(receiver.came)) == (1, 2)


def test_without_a_mail_server_it_is_given_up_and_says_why(told: Told, deliverer: Deliverer) -> None:
    told(email="ops@example.net")

    deliverer.deliver_due()

    delivery = Delivery.objects.get()
    assert (delivery.state, "EMAIL_HOST" in delivery.trouble) == (DeliveryState.GIVEN_UP, True)


def test_a_mail_server_that_is_gone_is_asked_again(told: Told, deliverer: Deliverer, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    told(email="ops@example.net")

    deliverer.deliver_due()

    delivery = Delivery.objects.get()
    assert (delivery.state, "cannot be reached" in delivery.trouble) == (DeliveryState.PENDING, True)


def test_of_two_deliverers_one_sends(receiver: Receiver, told: Told, deliverer: Deliverer, moved: MovedClock) -> None:
    subscribe(receiver.origin)
    told()
    other = Deliverer(Sender(now=moved.now))
    deliverer._fan_out()
    ours, theirs = deliverer._due_by_receiver(), other._due_by_receiver()

    assert (len(deliverer._leased(ours)), len(other._leased(theirs))) == (1, 0)
    assert other.deliver_due() == 0


def test_what_a_killed_deliverer_had_leased_is_sent_when_its_lease_is_out(
    receiver: Receiver, told: Told, deliverer: Deliverer, moved: MovedClock
) -> None:
    subscribe(receiver.origin)
    told()
    killed = Deliverer(Sender(now=moved.now))
    killed._fan_out()
    killed._leased(killed._due_by_receiver())

    assert deliverer.deliver_due() == 0
    moved.advance(seconds=121)
    assert deliverer.deliver_due() == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_ends_its_try_and_not_the_deliverer(told: Told, moved: MovedClock, receiver: Receiver) -> None:
    class Broken(requests.Session):
        def post(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("nobody foresaw this")

    subscribe(receiver.origin)
    told()

    Deliverer(Sender(now=moved.now, session_factory=Broken)).deliver_due()

    assert "error in this service" in Delivery.objects.get().trouble
    assert Delivery.objects.get().state == DeliveryState.PENDING


def test_what_ended_long_ago_is_forgotten_and_what_is_under_way_stays(
    receiver: Receiver, told: Told, deliverer: Deliverer, moved: MovedClock
) -> None:
    subscribe(receiver.origin)
    receiver.answers = [200, 500]
    told()
    told(Event.STARTED)
    deliverer.deliver_due()
    moved.advance(days=31)

    deliverer.forget_old()

    assert [one.event for one in Notification.objects.all()] == ["started"]


def test_the_command_delivers_and_makes_given_up_ones_again(receiver: Receiver, told: Told) -> None:
    subscribe(receiver.origin)
    told()
    receiver.answers = [410, 200]
    out = io.StringIO()

    call_command("deliver_notifications", "--once", stdout=out)
    assert out.getvalue() == "0 delivered, 0 still to be delivered.\n"
    call_command("deliver_notifications", "--again", str(Delivery.objects.get().pk), stdout=out)

    assert Delivery.objects.get().state == DeliveryState.DELIVERED
    with pytest.raises(CommandError, match="no delivery 999"):
        call_command("deliver_notifications", "--again", "999")
