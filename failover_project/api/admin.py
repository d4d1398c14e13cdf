"""This will make API tokens in the admin, show the secret once, and let tokens be revoked."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin

from failover_project.api.clock import present
from failover_project.api.models import ApiToken, RoleName
from failover_project.api.tokens import create_token, revoke_tokens
from failover_project.console import audited, users  # noqa: F401


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):  # type: ignore[misc]
    """This will list tokens and make them; nothing of a token can be changed afterwards."""

    list_display = ("name", "role", "created_at", "expires_at", "last_used_at", "revoked_at")
    list_filter = ("role",)
    search_fields = ("name",)
    fields = ("name", "role", "created_at", "expires_at", "last_used_at", "revoked_at")
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[str, ...]:
        """Ask for what makes a token, and show all of one that is there."""
        del request
        return self.fields if obj is not None else ("name", "role", "expires_at")

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[str, ...]:
        """Keep every field of a token as it was made."""
        del request
        return self.fields if obj is not None else ()

    def save_model(self, request: HttpRequest, obj: ApiToken, form: forms.ModelForm[Any], change: bool) -> None:
        """Make the token; its text lives in this request and nowhere else."""
        del form
        if change:
            return
        actor = request.user.get_username()
        made, text = create_token(name=obj.name, role=RoleName(obj.role), expires_at=obj.expires_at, actor=actor)
        obj.pk, obj.created_at = made.pk, made.created_at
        request.META[_SECRET] = text

    def response_add(self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None) -> HttpResponse:
        """Show the secret on the page that answers, and not in a message: those are stored until they are shown."""
        del post_url_continue
        shown = {
            **self.admin_site.each_context(request),
            "title": f"Token {obj.name}",
            "token": obj,
            "secret": request.META.pop(_SECRET),
            "opts": self.opts,
        }
        response = TemplateResponse(request, "admin/access/apitoken/secret.html", shown)
        response["Cache-Control"] = "no-store"
        return response

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """Deny: a revoked token stays as the record of who could call."""
        del request, obj
        return False

    @admin.action(description="Revoke the selected tokens", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """Revoke tokens; they are refused from the next request on."""
        count = revoke_tokens(tokens=queryset, now=present(), actor=request.user.get_username())
        self.message_user(request, f"{count} token(s) revoked.", messages.SUCCESS)


_SECRET = "failover.token"  # nosec B105
