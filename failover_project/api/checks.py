"""This will refuse to start with settings that open the service to everybody."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from failover_project.api.authentication import is_loopback


@register()
def authentication_is_on(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse AUTH_DISABLED on an address others can reach, and say it loudly where it is allowed."""
    del app_configs, kwargs
    if not settings.AUTH_DISABLED:
        return []
    if is_loopback(settings.BIND_HOST):
        return [
            Warning(
                "AUTHENTICATION IS OFF: every caller on this host acts as operator.",
                hint="Unset AUTH_DISABLED when the troubleshooting is over.",
                id="access.W001",
            )
        ]
    return [
        Error(
            f"AUTH_DISABLED is set while the service binds to {settings.BIND_HOST}.",
            hint="Bind to 127.0.0.1, or unset AUTH_DISABLED.",
            id="access.E001",
        )
    ]
