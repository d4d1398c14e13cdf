"""This will show API tokens in the admin and let them be revoked; they are made by `manage.py create_token`."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin

from failover_project.api.models import ApiToken
from failover_project.api.tokens import revoke_tokens


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):  # type: ignore[misc]
    """This will list tokens."""

    list_display = ("name", "role", "created_at", "expires_at", "last_used_at", "revoked_at")
    list_filter = ("role",)
    search_fields = ("name",)
    fields = ("name", "role", "created_at", "expires_at", "last_used_at", "revoked_at")
    readonly_fields = fields
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Deny: a token's text can be shown only by the command that makes it."""
        del request
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """Deny: a revoked token stays as the record of who could call."""
        del request, obj
        return False

    @admin.action(description="Revoke the selected tokens", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """Revoke tokens; they are refused from the next request on."""
        count = revoke_tokens(tokens=queryset, now=timezone.now())
        self.message_user(request, f"{count} token(s) revoked.", messages.SUCCESS)
