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


class Command(BaseCommand):
    """This will make an API token; its text goes to standard output and nowhere else."""

    help = "Make an API token and print it. It is shown this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the command's options."""
        parser.add_argument("--name", required=True, help="whose token it is; unique")
        parser.add_argument("--role", required=True, choices=RoleName.values)
        parser.add_argument("--expires-in-days", type=int, default=None, help="default: never")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make the token; exit status 1 when the name is taken."""
        days = options["expires_in_days"]
        if days is not None and days < 1:
            raise CommandError("--expires-in-days must be at least 1.")
        expires_at = timezone.now() + timedelta(days=days) if days is not None else None
        try:
            _, text = create_token(name=options["name"], role=RoleName(options["role"]), expires_at=expires_at)
        except IntegrityError as error:
            raise CommandError(f"There is a token named {options['name']!r} already.") from error
        self.stdout.write(text)
