"""This will set what a target network is for, live or test, before or without any mapping."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from networks.designations import pin, unpin
from networks.errors import NetworkForbidden
from networks.models import NetworkMapping


class Command(BaseCommand):
    """Pin the purpose of a network, or let it follow its mappings again."""

    help = "Set what a target network is for: live, test, or as its mappings say (auto)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the network's CloudStack id and its purpose."""
        parser.add_argument("network_id", help="the network's id in CloudStack")
        parser.add_argument("purpose", choices=["live", "test", "auto"], help="auto: as its mappings say")

    def handle(self, *args: Any, **options: Any) -> None:
        """Set it and say so."""
        network_id, purpose = options["network_id"], options["purpose"]
        if purpose == "auto":
            unpin(network_id=network_id)
            self.stdout.write(f"{network_id} follows its mappings")
            return
        try:
            pin(network_id=network_id, is_test_network=purpose == "test")
        except NetworkForbidden as refusal:
            raise CommandError(f"{refusal}: {'; '.join(refusal.required_actions)}") from refusal
        self.stdout.write(f"{network_id} is a {purpose} network")
        if not NetworkMapping.objects.filter(destination_network_id__iexact=network_id).exists():
            self.stdout.write("No mapping names it yet, and no cloud was asked: is this the id that CloudStack shows?")
