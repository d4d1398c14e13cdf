"""This will revoke an API token."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from failover_project.api.clock import present
from failover_project.api.models import ApiToken
from failover_project.api.tokens import revoke_tokens


class Command(BaseCommand):
    """This will revoke the token of a name; it is refused from the next request on."""

    help = "Revoke an API token, by its name."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the command's options."""
        parser.add_argument("--name", required=True, help="whose token it is, as list_tokens shows it")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Revoke it; safe to repeat. Exit status 1 when there is no such token."""
        named = ApiToken.objects.filter(name=options["name"])
        if not named.exists():
            raise CommandError(f"There is no token named {options['name']!r}.")
        revoked = revoke_tokens(tokens=named, now=present())
        self.stdout.write("Revoked." if revoked else "It was revoked before.")
