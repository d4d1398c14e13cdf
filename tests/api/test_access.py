"""This will prove who may call what, for every route and method there is."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from debugtools.endpoints import OURS
from failover_project.api.models import ApiToken, RoleName
from failover_project.api.roles import PUBLIC_ROUTES, ROUTE_ROLES, Role
from failover_project.api.tokens import create_token, valid_token
from tests.api.sending import send

pytestmark = pytest.mark.django_db

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
PATHS = {
    "failover-live": "/api/v1/failover/live",
    "failover-test": "/api/v1/failover/test",
    "failover-bulk": "/api/v1/failover/bulk",
    "failover-test-job": "/api/v1/failover/test/test-failover-x-1",
    "failover-jobs": "/api/v1/failover/jobs",
    "failover-status": "/api/v1/failover/live-failover-x-1/status",
    "failover-steps": "/api/v1/failover/live-failover-x-1/steps",
    "failover-events": "/api/v1/failover/live-failover-x-1/events",
    "failover-cancel": "/api/v1/failover/live-failover-x-1/cancel",
    "failover-rollback": "/api/v1/failover/live-failover-x-1/rollback",
    "failover-commit": "/api/v1/failover/live-failover-x-1/commit",
    "failover-extend": "/api/v1/failover/live-failover-x-1/extend",
    "failover-retry": "/api/v1/failover/live-failover-x-1/retry",
    "failover-answer": "/api/v1/failover/live-failover-x-1/answer",
    "failover-readiness": "/api/v1/failover/vm-x/readiness",
    "vm-failover-readiness": "/api/v1/vms/vm-x/failover-readiness",
    "vm-sync-status": "/api/v1/vms/vm-x/sync-status",
    "vm-network-mapping-status": "/api/v1/vms/vm-x/network-mapping-status",
    "vm-volume-status": "/api/v1/vms/vm-x/volume-status",
    "vm-active-jobs": "/api/v1/vms/vm-x/active-jobs",
    "vm-configuration-check": "/api/v1/vms/vm-x/configuration-check",
    "network-mappings": "/api/v1/network-mappings",
    "network-mappings-of-vm": "/api/v1/network-mappings/vm-x",
    "network-mapping-of-source": "/api/v1/network-mappings/vm-x/VM%20Network",
    "inventory-vms": "/api/v1/inventory/vms",
    "inventory-vm": "/api/v1/inventory/vms/vm-x",
    "debug-health": "/api/v1/debug/health",
    "debug-database": "/api/v1/debug/database",
    "debug-endpoints": "/api/v1/debug/endpoints",
    "metrics": "/metrics",
    "debug-logs": "/api/v1/debug/logs",
    "debug-failover-jobs": "/api/v1/debug/failover-jobs",
}


def routes_of(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes_of(pattern, path)
        else:
            yield path, pattern


def _methods(pattern: URLPattern) -> set[str]:
    callback: Any = pattern.callback
    if actions := getattr(callback, "actions", None):
        return {method.upper() for method in actions} | ({"HEAD"} if "get" in actions else set())
    return {method for method in METHODS if hasattr(callback.cls, method.lower())} - {"HEAD"}


def test_every_route_and_method_is_in_the_table_of_roles() -> None:
    api = [pattern for path, pattern in routes_of(get_resolver()) if path.startswith(OURS)]

    assert {pattern.name for pattern in api} - PUBLIC_ROUTES == set(ROUTE_ROLES) == set(PATHS)
    for pattern in api:
        if pattern.name not in PUBLIC_ROUTES:
            assert pattern.name and _methods(pattern) <= set(ROUTE_ROLES[pattern.name])


@pytest.mark.any_database
@pytest.mark.parametrize("route", PATHS)
def test_nothing_answers_without_a_token(anybody: APIClient, route: str) -> None:
    statuses = {method: send(anybody, method, PATHS[route], b"{}").status_code for method in METHODS}
    assert statuses == dict.fromkeys(METHODS, 401)


@pytest.mark.any_database
@pytest.mark.parametrize("route", PATHS)
def test_each_role_may_do_what_the_table_says_and_no_more(
    viewer: APIClient, operator: APIClient, admin: APIClient, route: str
) -> None:
    callers = ((Role.VIEWER, viewer), (Role.OPERATOR, operator), (Role.ADMIN, admin))
    for method in METHODS:
        needed = ROUTE_ROLES[route].get(method)
        for role, caller in callers:
            status = send(caller, method, PATHS[route], b"{}").status_code
            if needed is None:
                assert status == 405, (method, role)
            else:
                assert (status == 403) == (role < needed), (method, role, status)
                assert status < 500, (method, role)


def test_both_schemes_and_only_whole_tokens_are_known(anybody: APIClient) -> None:
    _, text = create_token(name="portal", role=RoleName.VIEWER)

    def status(header: str) -> int:
        return int(anybody.get(PATHS["network-mappings"], HTTP_AUTHORIZATION=header).status_code)

    assert [status(f"{scheme} {text}") for scheme in ("Token", "Bearer", "bearer")] == [200, 200, 200]
    assert [status(f"Token {text[:-1]}"), status("Token "), status(f"Basic {text}"), status(text)] == [401] * 4


def test_expired_and_revoked_tokens_are_refused() -> None:
    now = timezone.now()
    _, expired = create_token(name="old", role=RoleName.ADMIN, expires_at=now - timedelta(seconds=1))
    token, revoked = create_token(name="gone", role=RoleName.ADMIN)
    ApiToken.objects.filter(pk=token.pk).update(revoked_at=now)

    assert valid_token(expired, now=now) is None
    assert valid_token(revoked, now=now) is None


def test_a_dump_of_the_database_holds_no_usable_token() -> None:
    token, text = create_token(name="portal", role=RoleName.ADMIN)

    assert text not in str(ApiToken.objects.values().get(pk=token.pk))


def test_a_role_change_acts_on_the_next_request(operator: APIClient) -> None:
    ApiToken.objects.update(role=RoleName.VIEWER)

    assert operator.post(PATHS["failover-live"], {}).status_code == 403


def test_the_use_of_a_token_is_noted() -> None:
    token, text = create_token(name="portal", role=RoleName.VIEWER)

    valid_token(text, now=timezone.now())

    token.refresh_from_db()
    assert token.last_used_at is not None


def test_create_token_prints_the_token_once_and_refuses_a_taken_name() -> None:
    out = io.StringIO()

    call_command("create_token", "--name", "portal", "--role", "operator", stdout=out)

    token = valid_token(out.getvalue().strip(), now=timezone.now())
    assert token is not None and token.role == RoleName.OPERATOR
    with pytest.raises(CommandError, match="already"):
        call_command("create_token", "--name", "portal", "--role", "viewer", stdout=out)
