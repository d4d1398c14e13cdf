"""This will prove that the API describes itself, with nothing fetched from elsewhere."""

from __future__ import annotations

import re

import pytest
from drf_spectacular.validation import validate_schema
from rest_framework.test import APIClient

from failover_project.api.roles import ROUTE_ROLES
from tests.support.described import description

pytestmark = pytest.mark.django_db


@pytest.mark.slow
def test_the_schema_is_valid_and_knows_every_operation() -> None:
    schema = description()

    validate_schema(schema)  # type: ignore[no-untyped-call]
    operations = sum(len(path) for path in schema["paths"].values())
    described = [methods for route, methods in ROUTE_ROLES.items() if route != "metrics"]
    assert operations == sum(len(set(methods) - {"HEAD"}) for methods in described)
    for path in schema["paths"].values():
        for operation in path.values():
            assert set(operation["responses"]) >= {"200", "400", "401", "403", "404", "500"}


def test_swagger_loads_nothing_from_outside(anybody: APIClient) -> None:
    page = anybody.get("/swagger/index.html", HTTP_ACCEPT="text/html")

    assert page.status_code == 200
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.content.decode())
    assert addresses and all(address.startswith("/static/") for address in addresses)
    for address in addresses:
        assert anybody.get(address).status_code == 200, address
