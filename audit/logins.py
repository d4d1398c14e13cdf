"""This will record logins, failed ones too, and what is changed in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.http import HttpRequest

from audit.recording import record_event


@receiver(user_logged_in, dispatch_uid="audit-login")
def _logged_in(*, user: Any, request: HttpRequest | None = None, **_kwargs: Any) -> None:
    record_event("login", actor=user.get_username(), words="Logged in.", fields=_origin(request))


@receiver(user_logged_out, dispatch_uid="audit-logout")
def _logged_out(*, user: Any, request: HttpRequest | None = None, **_kwargs: Any) -> None:
    if user is not None:
        record_event("logout", actor=user.get_username(), words="Logged out.", fields=_origin(request))


@receiver(user_login_failed, dispatch_uid="audit-failed-login")
def _login_failed(*, credentials: dict[str, Any], request: HttpRequest | None = None, **_kwargs: Any) -> None:
    name = str(credentials.get("username", ""))
    record_event("login_failed", actor=name, words="A login failed.", fields=_origin(request))


@receiver(post_save, sender=LogEntry, dispatch_uid="audit-admin")
def _admin_changed(*, instance: LogEntry, created: bool, **_kwargs: Any) -> None:
    if not created:
        return
    about = instance.content_type.model if instance.content_type is not None else "?"
    record_event(
        "admin_change",
        actor=instance.user.get_username(),
        subject=f"{about}:{instance.object_id}",
        words=f"{instance.get_action_flag_display()}: {instance.object_repr}",
        fields={"change": instance.change_message},
    )


def _origin(request: HttpRequest | None) -> dict[str, str]:
    return {"address": str(request.META.get("REMOTE_ADDR", ""))} if request is not None else {}
