"""This will register the audit with Django."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    """The app `audit`; its tables refuse every change but an insert."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "audit"
    verbose_name = "Audit"

    def ready(self) -> None:
        """Listen to logins, and make the guards again after each migrate: SQLite loses them with a remade table."""
        from audit import logins  # noqa: F401

        post_migrate.connect(_guard_again, sender=self, dispatch_uid="audit-guards")


def _guard_again(*, using: str, **_kwargs: Any) -> None:
    from audit.guards import make_guards

    make_guards(using=using)
