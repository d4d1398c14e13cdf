"""This will make an API token and print it once."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError
from django.utils import timezone

from failover_project.api.models import RoleName
from failover_project.api.tokens import create_token

_MOST_DAYS = 36_500
_LONGEST_NAME = 100


class Command(BaseCommand):
    """This will make an API token; its text goes to standard output and nowhere else."""

    help = "Make an API token and print it. It is shown this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the command's options."""
        parser.add_argument("--name", required=True, help="whose token it is; unique")
        parser.add_argument("--role", required=True, choices=RoleName.values, help="what it may do")
        parser.add_argument("--expires-in-days", type=int, default=None, help="it never ends without")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make the token; exit status 1 when the name is taken."""
        days, name = options["expires_in_days"], options["name"].strip()
        if days is not None and not 1 <= days <= _MOST_DAYS:
            raise CommandError(f"--expires-in-days must be 1 to {_MOST_DAYS}.")
        if not name or not name.isprintable() or len(name) > _LONGEST_NAME:
            raise CommandError(f"--name must be 1 to {_LONGEST_NAME} characters that can be seen: it is in every log.")
        expires_at = timezone.now() + timedelta(days=days) if days is not None else None
        try:
            _, text = create_token(name=name, role=RoleName(options["role"]), expires_at=expires_at)
        except IntegrityError as error:
            raise CommandError(f"There is a token named {name!r} already.") from error
        self.stdout.write(text)
