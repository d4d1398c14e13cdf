"""This will hold the outbox, who wants to be told, and what became of each delivery."""

from __future__ import annotations

import uuid

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from inventory.models.stamped import Stamped, one_of
from inventory.secrets import seal, unseal
from notifications.addresses import AddressNotAllowed, webhook_address

_SUBSCRIPTION = "notifications_subscription"
_NOTIFICATION = "notifications_notification"


class Event(models.TextChoices):
    """What is told of a failover, and of the clouds."""

    STARTED = "started", "a worker took the job"
    RUNNING = "running", "the test VM was seen running"
    QUESTION = "question", "the job waits for an operator's answer"
    OVERDUE = "overdue", "the test's time is over and nothing was cleaned up"
    FINISHED = "finished", "the job ended; its outcome says how"
    CLEANUP_DONE = "cleanup_done", "the cleanup that ended the job is done"
    DRIFT = "drift", "a cloud differs from what inventory and journal say, and did not before"
    TRIAL = "trial", "somebody tries the webhook out"


class Channel(models.TextChoices):
    """By which way it is told."""

    EMAIL = "email", "e-mail"
    SLACK = "slack", "Slack webhook"
    WEBHOOK = "webhook", "signed webhook"


class DeliveryState(models.TextChoices):
    """Where a delivery is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class Notification(models.Model):
    """One thing that happened, written in the transaction in which it happened; deliveries are made of it later."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    event = models.CharField(max_length=20, choices=Event.choices)
    subject = models.CharField(max_length=200, help_text="public id of the job, or the cloud, or the webhook")
    words = models.TextField(help_text="what happened, for people")
    body = models.JSONField(default=dict, help_text="what signed webhooks are sent, beside event, words and times")
    email = models.CharField(max_length=254, blank=True, help_text="who is told by e-mail, as the start asked")
    slack_webhook_sealed = models.TextField(
        blank=True, editable=False, help_text="Slack webhook that the start asked for, sealed with FIELD_KEY"
    )
    created_at = models.DateTimeField()
    fanned_out_at = models.DateTimeField(null=True, blank=True, help_text="when its deliveries were written")

    class Meta:
        """Newest first."""

        ordering = ("-id",)
        constraints = (one_of("event", Event, name="notification_event_known"),)
        indexes = (
            models.Index(fields=["id"], condition=Q(fanned_out_at__isnull=True), name="notification_to_fan_out"),
            models.Index(fields=["subject"], name="notification_of_job"),
            models.Index(fields=["created_at"], name="notification_by_age"),
        )

    def __str__(self) -> str:
        return f"{self.event} {self.subject}"

    @property
    def slack_webhook(self) -> str:
        """Open the Slack webhook; SecretUnreadable when it was sealed with another key."""
        return unseal(self.slack_webhook_sealed, table=_NOTIFICATION, row=self.uuid, field="slack_webhook")

    @slack_webhook.setter
    def slack_webhook(self, address: str) -> None:
        self.slack_webhook_sealed = seal(address, table=_NOTIFICATION, row=self.uuid, field="slack_webhook")


class Subscription(Stamped):
    """A program that wants to be told by a signed webhook."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100, unique=True)
    url = models.CharField(
        max_length=500, help_text="https://host/path; the host must be listed in the setting WEBHOOK_HOSTS"
    )
    secret_sealed = models.TextField(editable=False, help_text="secret that signs, sealed with FIELD_KEY")
    events = models.JSONField(default=list, blank=True, help_text="the events that are told; none listed: all of them")
    is_active = models.BooleanField(default=True, help_text="whether anything is sent there")

    class Meta:
        """By name."""

        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def secret(self) -> str:
        """Open the secret; SecretUnreadable when it was sealed with another key."""
        return unseal(self.secret_sealed, table=_SUBSCRIPTION, row=self.uuid, field="secret")

    @secret.setter
    def secret(self, text: str) -> None:
        self.secret_sealed = seal(text, table=_SUBSCRIPTION, row=self.uuid, field="secret")

    def clean(self) -> None:
        """Refuse an address whose host is not on the list, events that there are not, and a missing secret."""
        try:
            webhook_address(self.url)
        except AddressNotAllowed as error:
            raise ValidationError({"url": str(error)}) from error
        if not isinstance(self.events, list) or not set(map(str, self.events)) <= set(Event.values):
            raise ValidationError({"events": f"A list of some of these: {', '.join(Event.values)}."})
        if not self.secret_sealed:
            raise ValidationError("The secret that signs what is sent is missing.")

    def wants(self, event: str) -> bool:
        """Say whether the event is told to it."""
        return not self.events or event in self.events


class Delivery(models.Model):
    """One notification on its way to one receiver; it is leased row by row, so that of several deliverers one sends."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=10, choices=Channel.choices)
    subscription = models.ForeignKey(
        Subscription, null=True, blank=True, on_delete=models.SET_NULL, related_name="deliveries"
    )
    receiver = models.CharField(max_length=300, help_text="whom it goes to, without secrets: an address or a host")
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    tries = models.PositiveIntegerField(default=0, help_text="since it was last asked for")
    next_try_at = models.DateTimeField(help_text="not tried before")
    lease = models.UUIDField(null=True, blank=True, help_text="the try that is under way; its answer counts only so")
    leased_until = models.DateTimeField(null=True, blank=True, help_text="another may try from then on")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="when it was delivered or given up")
    trouble = models.CharField(max_length=300, blank=True, help_text="why the last try failed, in words")

    class Meta:
        """Each notification goes once to each receiver."""

        ordering = ("-id",)
        constraints = (
            one_of("channel", Channel, name="delivery_channel_known"),
            one_of("state", DeliveryState, name="delivery_state_known"),
            models.UniqueConstraint(
                fields=["notification", "channel"], condition=~Q(channel="webhook"), name="one_delivery_per_channel"
            ),
            models.UniqueConstraint(fields=["notification", "subscription"], name="one_delivery_per_subscription"),
        )
        indexes = (models.Index(fields=["next_try_at"], condition=Q(state="pending"), name="delivery_due"),)

    def __str__(self) -> str:
        return f"{self.notification} to {self.receiver}"


class DeliveryTry(models.Model):
    """One try of a delivery: the log that says what the receiver answered."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="log")
    at = models.DateTimeField(help_text="when it was begun")
    seconds = models.FloatField(help_text="how long it took")
    http_status = models.PositiveIntegerField(null=True, blank=True, help_text="what a webhook answered; null: nothing")
    trouble = models.CharField(max_length=300, blank=True, help_text="why it failed, in words; blank: it was taken")

    class Meta:
        """Oldest first."""

        ordering = ("delivery", "id")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.trouble or 'delivered'}"
