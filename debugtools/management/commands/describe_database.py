"""This will print the database's description, for docs/database-schema.md."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from debugtools.schema.document import database_document


class Command(BaseCommand):
    """Print the description of all tables."""

    help = "Print docs/database-schema.md as the models are now; redirect it there."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Print it."""
        self.stdout.write(database_document(), ending="")
