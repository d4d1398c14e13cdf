"""This will prove that the list of endpoints is what is routed, with the role that each method really needs."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from failover_project.api.roles import PUBLIC_ROUTES, ROUTE_ROLES
from tests.support.described import description

pytestmark = pytest.mark.django_db

ENDPOINTS = "/api/v1/debug/endpoints"


def _listed(viewer: APIClient) -> list[dict[str, Any]]:
    answer = viewer.get(ENDPOINTS)
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    assert body["total_endpoints"] == len(body["endpoints"])
    found: list[dict[str, Any]] = body["endpoints"]
    return found


def test_every_route_is_listed_with_the_role_of_the_table(viewer: APIClient) -> None:
    roles = {
        (endpoint["name"], method["method"]): method["role"]
        for endpoint in _listed(viewer)
        for method in endpoint["methods"]
    }

    wanted = {
        (route, method): role.label
        for route, methods in ROUTE_ROLES.items()
        for method, role in methods.items()
        if method != "HEAD"
    }
    public = {route: role for (route, _), role in roles.items() if route in PUBLIC_ROUTES}
    assert {key: role for key, role in roles.items() if key[0] not in PUBLIC_ROUTES} == wanted
    assert public == dict.fromkeys(("schema", "healthz", "readyz"), "public")


@pytest.mark.slow
def test_paths_are_those_of_the_description(viewer: APIClient) -> None:
    schema = description()

    listed = {endpoint["path"] for endpoint in _listed(viewer) if endpoint["name"] not in PUBLIC_ROUTES}

    assert listed - {"/metrics"} == set(schema["paths"])


def test_every_method_says_what_it_does(viewer: APIClient) -> None:
    silent = [
        (endpoint["path"], method["method"])
        for endpoint in _listed(viewer)
        for method in endpoint["methods"]
        if not method["summary"]
    ]
    assert silent == []
