"""This will prove that what the contract names exists: endpoints, parameters, statuses, error codes, HTTP codes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from failover_project.api.error_codes import ERROR_CODES
from jobs.models import JobStatus
from tests.contract.document import Listed, contract
from tests.house.tree import document
from tests.support.described import description

pytestmark = pytest.mark.django_db

# What the contract says in prose of what no test of this file can see.
PORT = re.search(r"`http://localhost:(\d+)/api/v1`", document("docs/api/failover-api.md"))


@pytest.fixture
def paths() -> dict[str, Any]:
    """Give the paths of the service's own description."""
    found: dict[str, Any] = description()["paths"]
    return found


@pytest.fixture
def bodies() -> dict[str, Any]:
    """Give the schemas of the service's own description."""
    found: dict[str, Any] = description()["components"]["schemas"]
    return found


def _operation(paths: dict[str, Any], section: str) -> dict[str, Any]:
    method, _, path = section.partition(" ")
    found: dict[str, Any] = paths[path][method.lower()]
    return found


def test_every_endpoint_is_routed_with_its_method(paths: dict[str, Any]) -> None:
    endpoints = contract().endpoints

    assert len(endpoints) == 21
    assert [(method, path) for method, path in endpoints if method.lower() not in paths.get(path, {})] == []


def _parameters(paths: dict[str, Any], item: Listed) -> dict[str, dict[str, Any]]:
    return {parameter["name"]: parameter for parameter in _operation(paths, item.section).get("parameters", [])}


def test_every_parameter_of_queries_and_addresses_is_known_with_its_default(paths: dict[str, Any]) -> None:
    items = contract().listed("Query Parameters")
    assert len(items) == 5
    for item in items:
        parameter = _parameters(paths, item)[item.name]
        assert parameter["in"] == "query" and not parameter.get("required", False)
        if default := re.search(r"default: (\d+)", item.words):
            assert parameter["schema"]["default"] == int(default[1])
    for item in contract().listed("URL Parameters"):
        assert _parameters(paths, item)[item.name]["in"] == "path"


def test_every_field_of_a_request_is_known_as_required_or_not(paths: dict[str, Any], bodies: dict[str, Any]) -> None:
    items = contract().listed("Request Parameters")
    assert len(items) == 8
    for item in items:
        content = _operation(paths, item.section)["requestBody"]["content"]["application/json"]
        body = bodies[content["schema"]["$ref"].rpartition("/")[2]]
        assert item.name in body["properties"]
        assert (item.name in body["required"]) == item.words.startswith("(required)"), item
        if default := re.search(r"default: (true|false)", item.words):
            assert body["properties"][item.name]["default"] is (default[1] == "true")


def test_every_status_is_one_of_ours() -> None:
    items = contract().listed("Status Values")

    assert len(items) == 10
    # Its own examples show `executing` as well.
    assert {item.name for item in items} | {"executing"} == set(JobStatus.values)


def test_every_error_code_is_known_and_answers_with_a_documented_status() -> None:
    codes = contract().listed("Common Error Codes")
    statuses = {item.name for item in contract().listed("HTTP Status Codes")}

    assert len(codes) == 8 and statuses == {"200", "400", "404", "409", "500", "503"}
    for item in codes:
        assert str(ERROR_CODES[item.name].status) in statuses
    assert {"400", "404", "409", "500", "503"} <= {str(code.status) for code in ERROR_CODES.values()}


def test_the_address_and_swagger_are_where_the_contract_says(anybody: APIClient) -> None:
    assert PORT is not None and int(PORT[1]) == settings.BIND_PORT
    assert "/swagger/index.html" in document("docs/api/failover-api.md")
    assert anybody.get("/swagger/index.html", HTTP_ACCEPT="text/html").status_code == 200


@pytest.fixture
def anybody() -> APIClient:
    """Give a caller without a token."""
    return APIClient()
