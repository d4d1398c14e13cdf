"""This will refuse to start with settings that open the service to everybody, and be loud where it is meant."""

from __future__ import annotations

from typing import Any

import structlog
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from failover_project.api.authentication import is_loopback

log = structlog.get_logger(__name__)

IS_OFF = "AUTHENTICATION IS OFF: every caller on this host acts as operator."


@register()
def authentication_is_on(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse AUTH_DISABLED on an address others can reach, and say it loudly where it is allowed."""
    del app_configs, kwargs
    if not settings.AUTH_DISABLED:
        return []
    if is_loopback(settings.BIND_HOST):
        return [Warning(IS_OFF, hint="Unset AUTH_DISABLED when the troubleshooting is over.", id="access.W001")]
    return [Error(_open_to_others(settings.BIND_HOST), hint="Or unset AUTH_DISABLED.", id="access.E001")]


def announce_authentication(*, host: str) -> str:
    """Log that authentication is off and give the words for the terminal, none when it is on.

    Raises ImproperlyConfigured where others can reach the address that is bound.
    """
    if not settings.AUTH_DISABLED:
        return ""
    if not is_loopback(host):
        raise ImproperlyConfigured(_open_to_others(host))
    log.warning("authentication_disabled", bind_host=host, acts_as="operator")
    return IS_OFF


def _open_to_others(host: str) -> str:
    return f"AUTH_DISABLED is set while the service binds to {host}. Bind to 127.0.0.1."
