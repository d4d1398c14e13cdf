"""This will let administrators read the audit in the admin; the database itself refuses to change it."""

from __future__ import annotations

from django.contrib import admin

from audit.models import AuditEvent
from inventory.admin import ReadOnlyAdmin


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """This will list who did what, newest first."""

    list_display = ("at", "actor", "kind", "subject", "words")
    search_fields = ("=actor", "^subject", "=kind")
    search_help_text = "The whole name of who did it, the start of the subject (job:…), or the whole kind"
    ordering = ("-pk",)
