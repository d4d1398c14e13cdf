"""This will say who calls: by token, by the browser's session, or, for troubleshooting, by nothing at all."""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from failover_project.api.clock import present
from failover_project.api.limits import counter
from failover_project.api.models import ApiToken
from failover_project.api.roles import Role
from failover_project.api.tokens import valid_token

_SCHEMES = frozenset({"token", "bearer"})


@dataclass(frozen=True)
class Principal:
    """This will be the `request.user` of a call that came without a session."""

    name: str
    role: Role
    is_authenticated: bool = True
    is_active: bool = True
    pk: None = None

    def get_username(self) -> str:
        """Give the name that logs and jobs show."""
        return self.name


class TokenAuthentication(BaseAuthentication):
    """This will authenticate `Authorization: Token …` and `Authorization: Bearer …`."""

    def authenticate(self, request: Request) -> tuple[Principal, ApiToken] | None:
        """Give the token's principal; None without such a header; raises AuthenticationFailed for a bad token."""
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() not in _SCHEMES:
            return None
        token = valid_token(text.strip(), now=present())
        if token is None:
            _count_failure(request)
            raise AuthenticationFailed("The token is unknown, expired or revoked.")
        return Principal(name=token.name, role=Role.named(token.role)), token

    def authenticate_header(self, request: Request) -> str:
        """Give the challenge that turns a refusal into a 401."""
        del request
        return 'Token realm="api"'


def _count_failure(request: Request) -> None:
    """Count a bad token against its address; a good one from there is let through all the same. Raises Throttled."""
    key = f"token|{request.META.get('REMOTE_ADDR', '')}"
    wait = counter().take(key, per_minute=settings.FAILED_LOGINS_PER_MINUTE)
    if wait is not None:
        raise Throttled(wait=wait)


class MetricsTokenAuthentication(BaseAuthentication):
    """This will let who shows METRICS_TOKEN read `/metrics`, and nothing else: no other view asks it."""

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        """Give the scraper's principal; None where it is another token, or none is set."""
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        given, expected = text.strip().encode(), settings.METRICS_TOKEN.encode()
        if scheme.lower() not in _SCHEMES or not expected or not hmac.compare_digest(given, expected):
            return None
        return Principal(name="metrics", role=Role.VIEWER), None

    def authenticate_header(self, request: Request) -> str:
        """Give the challenge of the tokens: the framework asks the first authentication for it."""
        return TokenAuthentication().authenticate_header(request)


class TroubleshootingAuthentication(BaseAuthentication):
    """This will let everybody on this host act as operator while AUTH_DISABLED is set, whatever they send.

    It is asked first: a token, good or bad, and a session are then ignored, so that nobody acts as administrator.
    """

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        """Give the troubleshooting principal when authentication is off and the caller is on this host."""
        if not authentication_is_off() or not _is_of_this_host(request):
            return None
        return Principal(name="authentication disabled", role=Role.OPERATOR), None

    def authenticate_header(self, request: Request) -> str:
        """Give the challenge of the tokens: the framework asks the first authentication for it."""
        return TokenAuthentication().authenticate_header(request)


def _is_of_this_host(request: Request) -> bool:
    """Whether the call is of a program on this host: not passed on by a proxy, not sent by a page of another site."""
    passed_on = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    origin = request.headers.get("Origin")
    is_ours = origin is None or urlsplit(origin).netloc == request.get_host()
    return is_loopback(request.META.get("REMOTE_ADDR", "")) and not passed_on and is_ours


def authentication_is_off() -> bool:
    """Say whether AUTH_DISABLED counts: it does on a loopback bind only."""
    return bool(settings.AUTH_DISABLED) and is_loopback(settings.BIND_HOST)


def is_loopback(host: str) -> bool:
    """Say whether the address can be reached from this host only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def role_of(user: Any) -> Role | None:
    """Give the caller's role; a user of the browser has the highest of the groups named after roles."""
    if isinstance(user, Principal):
        return user.role
    if not getattr(user, "is_active", False):
        return None
    if user.is_superuser:
        return Role.ADMIN
    names = {role.label for role in Role}
    granted = [Role.named(name) for name in user.groups.values_list("name", flat=True) if name in names]
    return max(granted, default=None)


def principal_of(request: Request) -> str:
    """Give the key under which a caller's kept answers and counts are: his token, his user, or nobody's."""
    if isinstance(request.auth, ApiToken):
        return f"token:{request.auth.pk}"
    pk = getattr(request.user, "pk", None)
    return "anybody" if pk is None else f"user:{pk}"


# Without the database only METRICS_TOKEN is known, and the scrape then says that the database is gone.
METRICS_AUTHENTICATION = (
    MetricsTokenAuthentication,
    TroubleshootingAuthentication,
    TokenAuthentication,
    SessionAuthentication,
)
