"""This will show outbox and deliveries, make deliveries again, and let administrators say which programs are told."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget

from inventory.admin import ReadOnlyAdmin, SealingForm
from notifications.deliveries import deliver_again
from notifications.models import Delivery, DeliveryState, DeliveryTry, Event, Notification, Subscription
from notifications.trials import send_trial

_COLOURS = {
    DeliveryState.PENDING.value: "info",
    DeliveryState.DELIVERED.value: "success",
    DeliveryState.GIVEN_UP.value: "danger",
}


class SubscriptionForm(SealingForm):
    """This will take the secret of a subscription, which is never shown again, and its events by their names."""

    secret_fields = ("secret",)
    secret = forms.CharField(
        required=False,
        min_length=16,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Signs what is sent; 16 characters or more. Write only. Leave empty to keep the stored one.",
    )
    events = forms.MultipleChoiceField(
        required=False,
        # A trial is asked for, webhook by webhook.
        choices=[choice for choice in Event.choices if choice[0] != Event.TRIAL],
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: all of them.",
    )


@admin.register(Subscription)
class SubscriptionAdmin(ModelAdmin):  # type: ignore[misc]
    """This will let administrators add, change and remove subscriptions."""

    form = SubscriptionForm
    fields = ("name", "url", "secret", "events", "is_active", "created_at", "updated_at")
    list_display = ("name", "url", "is_active", "updated_at")
    search_fields = ("name", "url")
    readonly_fields = ("created_at", "updated_at")
    actions = ("try_out",)

    @admin.action(description="Send a trial", permissions=["change"])
    def try_out(self, request: HttpRequest, chosen: QuerySet[Subscription]) -> None:
        """Send each of the chosen webhooks a trial."""
        actor = request.user.get_username()
        sent = [send_trial(subscription, actor=actor, now=timezone.now()) for subscription in chosen]
        words = f"{len(sent)} trials are on their way: Deliveries shows within seconds what was answered."
        self.message_user(request, words, messages.SUCCESS)


class _ReadOnlyLines(TabularInline):  # type: ignore[misc]
    extra = 0
    can_delete = False

    def has_add_permission(self, *_args: Any, **_options: Any) -> bool:
        """Refuse: the deliverer writes them."""
        return False


class DeliveryLine(_ReadOnlyLines):
    """This will show the deliveries of a notification below it."""

    model = Delivery
    fields = ("channel", "receiver", "state", "tries", "trouble", "ended_at")
    readonly_fields = fields
    show_change_link = True


class TryLine(_ReadOnlyLines):
    """This will show the log of a delivery below it."""

    model = DeliveryTry
    fields = ("at", "seconds", "http_status", "trouble")
    readonly_fields = fields


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    """This will show the outbox."""

    list_display = ("created_at", "event", "subject", "words", "fanned_out_at")
    list_filter = ("event",)
    search_fields = ("=subject",)
    search_help_text = "The whole id of a job"
    inlines = (DeliveryLine,)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """This will show deliveries with their tries, and make them again on request."""

    list_display = ("notification", "channel", "receiver", "coloured_state", "tries", "trouble", "ended_at")
    list_filter = ("state", "channel", "subscription")
    list_select_related = ("notification", "subscription")
    search_fields = ("=notification__subject", "=receiver")
    search_help_text = "The whole id of a job, or the whole receiver"
    inlines = (TryLine,)
    actions = ("make_again",)

    @display(description="State", label=_COLOURS)  # type: ignore[untyped-decorator]
    def coloured_state(self, delivery: Delivery) -> tuple[str, str]:
        """Give the state with its colour."""
        return delivery.state, delivery.get_state_display()

    @admin.action(description="Deliver again", permissions=["again"])
    def make_again(self, request: HttpRequest, chosen: QuerySet[Delivery]) -> None:
        """Let the chosen deliveries be made once more."""
        count = deliver_again(chosen, now=timezone.now())
        self.message_user(request, f"{count} deliveries are made again.", messages.SUCCESS)

    def has_again_permission(self, request: HttpRequest) -> bool:
        """Allow operators."""
        return bool(request.user.has_perm("jobs.operate"))
