"""This will show the newest findings of each VM in the admin."""

from __future__ import annotations

from django.contrib import admin

from inventory.admin import ReadOnlyAdmin
from validation.models import ValidationCheck


@admin.register(ValidationCheck)
class ValidationCheckAdmin(ReadOnlyAdmin):
    """This will list findings."""

    list_display = ("vm", "purpose", "check_name", "check_type", "status", "message", "checked_at")
    list_filter = ("purpose", "status", "check_type", "check_name")
    list_select_related = ("vm",)
    search_fields = ("vm__name", "vm__vm_id", "message")
