"""This will print docs/errors.md."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from failover_project.api.errors_document import errors_document


class Command(BaseCommand):
    """This will print the document of all error codes."""

    help = "Print docs/errors.md, made from the table of error codes."
    requires_system_checks: list[str] = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Print it."""
        self.stdout.write(errors_document(), ending="")
