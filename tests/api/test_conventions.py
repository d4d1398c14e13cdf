"""This will prove that every answer is JSON in the documented envelope, whatever goes wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from failover_project.api.error_codes import ERROR_CODES
from failover_project.api.json_parser import MAX_BODY_BYTES
from tests.api.sending import send

pytestmark = pytest.mark.django_db

MAPPINGS = "/api/v1/network-mappings"
ENVELOPE = {"success", "message", "error", "error_code", "timestamp", "request_id", "required_actions"}


def _assert_refused(answer: Any, *, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"].startswith("application/json")
    body: dict[str, Any] = json.loads(answer.content)
    assert set(body) >= ENVELOPE
    assert (body["success"], body["error_code"]) == (False, code)
    assert body["request_id"] == answer["X-Request-ID"]
    assert body["required_actions"] and body["error"]
    return body


def test_a_call_without_a_token_is_told_how_to_authenticate(anybody: APIClient) -> None:
    answer = anybody.get(MAPPINGS)

    _assert_refused(answer, status=401, code="NOT_AUTHENTICATED")
    assert answer["WWW-Authenticate"].startswith("Token")


def test_an_unknown_route_answers_in_the_envelope(anybody: APIClient, viewer: APIClient) -> None:
    for path in ("/api/v1/nothing", "/nothing", "/api/v1/failover/a%00b/status", "/api/v1/failover/jobs/"):
        _assert_refused(viewer.get(path), status=404, code="NOT_FOUND")
        _assert_refused(anybody.get(path), status=404, code="NOT_FOUND")


def test_a_method_that_the_route_lacks_is_405_with_what_it_has(viewer: APIClient) -> None:
    answer = viewer.patch("/api/v1/failover/live", {})

    _assert_refused(answer, status=405, code="METHOD_NOT_ALLOWED")
    assert "POST" in answer["Allow"]
    _assert_refused(viewer.options(MAPPINGS), status=405, code="METHOD_NOT_ALLOWED")


def test_who_accepts_no_json_is_406(viewer: APIClient) -> None:
    _assert_refused(viewer.get(MAPPINGS, HTTP_ACCEPT="text/html"), status=406, code="NOT_ACCEPTABLE")


def test_a_body_that_is_not_json_is_415(admin: APIClient) -> None:
    answer = admin.post(MAPPINGS, "a=b", content_type="application/x-www-form-urlencoded")

    _assert_refused(answer, status=415, code="UNSUPPORTED_MEDIA_TYPE")


def test_a_foreign_host_is_400(viewer: APIClient) -> None:
    _assert_refused(viewer.get(MAPPINGS, HTTP_HOST="evil.example"), status=400, code="MALFORMED_REQUEST")


def test_a_defect_answers_500_and_says_nothing_of_its_inside(
    viewer: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr("debugtools.api.views.health", broken)

    answer = viewer.get("/api/v1/debug/health")

    _assert_refused(answer, status=500, code="INTERNAL_ERROR")
    assert b"secret inside" not in answer.content


def test_a_well_formed_request_id_comes_back_and_another_is_replaced(viewer: APIClient) -> None:
    kept = viewer.get(MAPPINGS, HTTP_X_REQUEST_ID="req-12345-67890")
    replaced = viewer.get(MAPPINGS, HTTP_X_REQUEST_ID="a\tb<script>")

    assert kept["X-Request-ID"] == kept.json()["request_id"] == "req-12345-67890"
    assert replaced["X-Request-ID"].startswith("req-")
    assert replaced.json()["success"] is True


BAD_BODIES = {
    "no JSON": b"{",
    "not UTF-8": b'{"a": "\xff"}',
    "NUL": b'{"a": "x\\u0000y"}',
    "lone surrogate": b'{"a": "\\ud800"}',
    "lone surrogate in a key": b'{"\\udfff": 1}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "a number beyond floats": b'{"a": 1e999}',
    "a key twice": b'{"a": 1, "a": 2}',
    "more than 64 bits": b'{"a": 9223372036854775808}',
    "thousands of digits": b'{"a": ' + b"9" * 9000 + b"}",
    "33 levels": b"[" * 33 + b"]" * 33,
    "a hundred thousand levels": b"[" * 100_000 + b"]" * 100_000,
    "a byte order mark": b"\xef\xbb\xbf{}",
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_body_that_could_not_be_stored_or_read_again_is_400(admin: APIClient, body: bytes) -> None:
    answer = send(admin, "POST", MAPPINGS, body)

    _assert_refused(answer, status=400, code="MALFORMED_REQUEST")


def test_a_body_over_the_limit_is_413(admin: APIClient) -> None:
    body = b'{"a": "' + b"x" * MAX_BODY_BYTES + b'"}'

    answer = send(admin, "POST", MAPPINGS, body)

    _assert_refused(answer, status=413, code="REQUEST_TOO_LARGE")


@pytest.mark.parametrize("query", ["vm_id=a%00b", "vm_id=%ff", "limit=1&limit=2", "a=" + "x" * 9000, "%ED%A0%80=1"])
def test_a_query_string_that_nothing_may_see_is_400(viewer: APIClient, query: str) -> None:
    _assert_refused(viewer.get(f"{MAPPINGS}?{query}"), status=400, code="MALFORMED_REQUEST")


@pytest.mark.parametrize("body", [[], "text", 1, None, {"vm_id": 12}, {"vm_id": "a", "is_test_network": "yes"}])
def test_wrong_types_are_400_with_the_field(admin: APIClient, body: object) -> None:
    answer = admin.post(MAPPINGS, body)

    assert _assert_refused(answer, status=400, code="INVALID_REQUEST")["fields"]


def test_api_answers_are_never_cached(viewer: APIClient) -> None:
    assert viewer.get(MAPPINGS)["Cache-Control"] == "no-store"


def test_every_error_code_says_what_it_means_and_what_to_do() -> None:
    for name, code in ERROR_CODES.items():
        assert name == code.code
        assert code.meaning.endswith(".") and code.required_actions and code.message


def test_the_browser_session_needs_the_csrf_token_to_write(django_user_model: Any) -> None:
    user = django_user_model.objects.create_superuser("root", password="a long password")
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    browser.force_login(user)

    assert browser.get(MAPPINGS).status_code == 200
    _assert_refused(
        browser.post(MAPPINGS, b"{}", content_type="application/json"), status=403, code="PERMISSION_DENIED"
    )
