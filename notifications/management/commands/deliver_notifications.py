"""This will deliver what is due in the outbox, without the watcher's process."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from notifications.deliveries import Deliverer, deliver_again
from notifications.models import Delivery, DeliveryState
from notifications.sending import Sender


class Command(BaseCommand):
    """Do one round; `manage.py watch` and `serve` do one every second."""

    help = "Deliver the notifications that are due, once; with --again make deliveries anew that have ended."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --once, which is what it always does, and the deliveries to make again."""
        parser.add_argument("--once", action="store_true", help="one round (the default, and all there is)")
        parser.add_argument("--again", nargs="+", default=[], metavar="DELIVERY", help="numbers of deliveries")
        parser.add_argument("--given-up", action="store_true", help="make all again that were given up")

    def handle(self, *args: Any, **options: Any) -> None:
        """Deliver, and say how much is left."""
        again = self._again(options["again"], given_up=options["given_up"])
        if again:
            self.stdout.write(f"{again} deliveries are made again.")
        taken = Deliverer(Sender(now=timezone.now)).deliver_due()
        left = Delivery.objects.filter(state=DeliveryState.PENDING).count()
        self.stdout.write(f"{taken} delivered, {left} still to be delivered.")

    def _again(self, numbers: list[str], *, given_up: bool) -> int:
        if wrong := [number for number in numbers if not number.isdigit()]:
            raise CommandError(f"{wrong[0]!r} is no number of a delivery.")
        chosen = list(Delivery.objects.filter(pk__in=map(int, numbers)))
        if missing := {int(number) for number in numbers} - {delivery.pk for delivery in chosen}:
            raise CommandError(f"There is no delivery {min(missing)}.")
        if given_up:
            chosen += Delivery.objects.filter(state=DeliveryState.GIVEN_UP)
        return deliver_again(chosen, now=timezone.now())
