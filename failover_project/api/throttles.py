"""This will refuse callers who ask too often: starts, reads and other changes each have a count of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from failover_project.api.authentication import principal_of
from failover_project.api.limits import counter
from failover_project.api.roles import START_ROUTES, route_of

if TYPE_CHECKING:
    # At run time the framework's views import this module.
    from rest_framework.views import APIView

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_LOGIN_PATH = "/admin/login/"


class CallerThrottle(BaseThrottle):
    """This will count the calls of a token, a user, or, of those who are nobody, an address."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the call and say whether it is within the limit."""
        del view
        self._wait = _counted(request)
        return self._wait is None

    def wait(self) -> float | None:
        """Give the seconds until the next call is let through."""
        return self._wait


def refuse_too_many_by_nobody(request: Request) -> None:
    """Count a call without authentication against its address; raises Throttled."""
    wait = counter().take(f"nobody|{_address(request)}", per_minute=settings.READS_PER_MINUTE)
    if wait is not None:
        raise Throttled(wait=wait)


def _counted(request: Request) -> float | None:
    known = request.user and request.user.is_authenticated
    caller = principal_of(request) if known else _address(request)
    if request.method == "POST" and route_of(request) in START_ROUTES:
        return counter().take(f"starts|{caller}", per_minute=settings.STARTS_PER_MINUTE)
    # A cancel or a cleanup must not wait because somebody polls: changes are counted apart from reads.
    kind = "reads" if request.method in _READS else "changes"
    return counter().take(f"{kind}|{caller}", per_minute=settings.READS_PER_MINUTE)


class LoginLimit:
    """This will let an account be tried from one address only so often in the login form of the browser."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Count each try before it is made, and uncount the one that succeeds."""
        if request.method != "POST" or request.path != _LOGIN_PATH:
            return self._get_response(request)
        account = request.POST.get("username", "").strip().casefold()
        named = hashlib.sha256(account.encode("utf-8", "replace")).hexdigest()
        key = f"login|{named}|{request.META.get('REMOTE_ADDR', '')}"
        wait = counter().take(key, per_minute=settings.FAILED_LOGINS_PER_MINUTE)
        if wait is not None:
            return _too_many_logins(int(wait) + 1)
        response = self._get_response(request)
        if response.status_code == 302:
            counter().give_back(key)
        return response


def _too_many_logins(wait: int) -> HttpResponse:
    text = f"Too many failed logins of this account from this address. Try again in {wait} seconds.\n"
    return HttpResponse(text, status=429, content_type="text/plain; charset=utf-8", headers={"Retry-After": str(wait)})


def _address(request: Request) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))
