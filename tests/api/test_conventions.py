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
    for path in ("/api/v1/nothing", "/nothing", "/api/v1/failover/a%0ab/status", "/api/v1/failover/jobs/", "/api", "/"):
        _assert_refused(viewer.get(path), status=404, code="NOT_FOUND")
        _assert_refused(anybody.get(path), status=404, code="NOT_FOUND")


def test_a_method_that_the_route_lacks_is_405_with_what_it_has(viewer: APIClient) -> None:
    answer = viewer.patch("/api/v1/failover/live", {})

    _assert_refused(answer, status=405, code="METHOD_NOT_ALLOWED")
    assert "POST" in answer["Allow"]
    _assert_refused(viewer.options(MAPPINGS), status=405, code="METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PATCH", "CONNECT", "BREW", "DISPATCH", "INITIAL", "SCHEMA"])
@pytest.mark.parametrize("path", [MAPPINGS, "/api/v1/failover/live", "/api/v1/debug/health", "/api/v1/schema"])
def test_no_method_is_too_strange_to_be_refused(viewer: APIClient, method: str, path: str) -> None:
    answer = viewer.generic(method, path)

    _assert_refused(answer, status=405, code="METHOD_NOT_ALLOWED")
    assert method not in answer["Allow"].split(", ")


def test_an_unknown_method_on_an_unknown_route_is_404(viewer: APIClient) -> None:
    for method in ("OPTIONS", "TRACE", "BREW"):
        _assert_refused(viewer.generic(method, "/api/v1/nothing"), status=404, code="NOT_FOUND")


def test_head_has_the_status_and_headers_of_get_and_no_body(viewer: APIClient, anybody: APIClient) -> None:
    for caller, status in ((viewer, 200), (anybody, 401)):
        answer = caller.head(MAPPINGS)
        assert (answer.status_code, answer.content) == (status, b"")
        assert answer["X-Request-ID"]
        assert answer["Content-Type"].startswith("application/json")


def test_the_schema_refuses_in_json_too(anybody: APIClient) -> None:
    _assert_refused(anybody.post("/api/v1/schema", {}), status=405, code="METHOD_NOT_ALLOWED")
    _assert_refused(anybody.get("/api/v1/schema", HTTP_ACCEPT="text/html"), status=406, code="NOT_ACCEPTABLE")


def test_who_accepts_no_json_is_406(viewer: APIClient) -> None:
    _assert_refused(viewer.get(MAPPINGS, HTTP_ACCEPT="text/html"), status=406, code="NOT_ACCEPTABLE")


def test_a_body_that_is_not_json_is_415(admin: APIClient) -> None:
    answer = admin.post(MAPPINGS, "a=b", content_type="application/x-www-form-urlencoded")

    _assert_refused(answer, status=415, code="UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("path", [MAPPINGS, "/api/v1/schema", "/api/v1/nothing", "/nothing"])
@pytest.mark.parametrize("host", ["evil.example", "a b", "testserver:x", "testserver@evil.example"])
def test_a_foreign_host_is_400(viewer: APIClient, path: str, host: str) -> None:
    _assert_refused(viewer.get(path, HTTP_HOST=host), status=400, code="MALFORMED_REQUEST")


@pytest.mark.urls("tests.api.broken_urls")
@pytest.mark.parametrize("path", ["/api/v1/plain", "/api/v1/framework", "/api/v1/database", "/api/v1/too-deep"])
def test_a_defect_answers_500_and_says_nothing_of_its_inside(viewer: APIClient, path: str) -> None:
    answer = viewer.get(path, HTTP_X_REQUEST_ID="req-of-the-defect")

    assert _assert_refused(answer, status=500, code="INTERNAL_ERROR")["request_id"] == "req-of-the-defect"
    assert b"inside" not in answer.content


@pytest.mark.urls("tests.api.broken_urls")
def test_what_the_framework_finds_suspicious_or_forbids_is_in_the_envelope(viewer: APIClient) -> None:
    _assert_refused(viewer.get("/api/v1/suspicious"), status=400, code="MALFORMED_REQUEST")
    _assert_refused(viewer.get("/api/v1/forbidden"), status=403, code="PERMISSION_DENIED")


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


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 0, 1.5, -1e300])
def test_what_fits_64_bits_is_read(admin: APIClient, number: float) -> None:
    answer = admin.post(MAPPINGS, {"vm_id": "x", "context_id": number})

    _assert_refused(answer, status=400, code="INVALID_REQUEST")


def test_32_levels_are_read(admin: APIClient) -> None:
    _assert_refused(send(admin, "POST", MAPPINGS, b"[" * 32 + b"]" * 32), status=400, code="INVALID_REQUEST")


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data", ""])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_body_that_says_it_is_too_large_is_413_whatever_it_is(admin: APIClient, method: str, kind: str) -> None:
    body: Any = b"x" * (MAX_BODY_BYTES + 1)

    _assert_refused(admin.generic(method, MAPPINGS, body, content_type=kind), status=413, code="REQUEST_TOO_LARGE")


@pytest.mark.parametrize("length", ["abc", "-1", "1.5", "٣"])
def test_a_length_that_is_none_is_400(admin: APIClient, length: str) -> None:
    answer = admin.generic("POST", MAPPINGS, "{}", content_type="application/json", CONTENT_LENGTH=length)

    _assert_refused(answer, status=400, code="MALFORMED_REQUEST")


@pytest.mark.parametrize("inside", ["a%00b", "%ff", "%ED%A0%80", "%C0%AF", "a%FE"])
@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/network-mappings/vm-x/{}",
        "/api/v1/network-mappings/{}",
        "/api/v1/failover/{}/status",
        "/api/v1/vms/{}/failover-readiness",
        "/api/v1/{}",
    ],
)
def test_a_path_that_nothing_may_see_is_400(admin: APIClient, path: str, inside: str) -> None:
    for method in ("GET", "DELETE"):
        answer = admin.generic(method, path.format(inside))
        _assert_refused(answer, status=400, code="MALFORMED_REQUEST")


STRANGE_IDS = ["a b", "../x", "a/b", "x\ny", "a\u202eb", "é", "a'--", "<b>", "a;b", "", "x" * 201]
STRANGE_NAMES = ["a\x07b", "a\nb", "a\x1b[31m", "a\x7fb", "x" * 256]
UNSEEN_NAMES = ["a\u2028b", "a\u202eb", "\u200b"]


@pytest.mark.parametrize("text", STRANGE_IDS)
@pytest.mark.parametrize("field", ["vm_id", "destination_network_id"])
def test_an_id_of_a_mapping_is_letters_digits_and_four_signs(admin: APIClient, field: str, text: str) -> None:
    body = {"vm_id": "vm-1", "source_network_name": "VM Network", "destination_network_id": "net-1", field: text}

    assert field in _assert_refused(admin.post(MAPPINGS, body), status=400, code="INVALID_REQUEST")["fields"]


@pytest.mark.parametrize("text", STRANGE_NAMES)
@pytest.mark.parametrize("field", ["source_network_name", "destination_network_name"])
def test_a_name_of_a_mapping_can_be_seen_on_one_line(admin: APIClient, field: str, text: str) -> None:
    body = {"vm_id": "vm-1", "source_network_name": "VM Network", "destination_network_id": "net-1", field: text}

    assert field in _assert_refused(admin.post(MAPPINGS, body), status=400, code="INVALID_REQUEST")["fields"]


@pytest.mark.parametrize("text", UNSEEN_NAMES)
def test_a_name_that_only_people_read_holds_nothing_that_they_cannot_see(admin: APIClient, text: str) -> None:
    body = {"vm_id": "vm-1", "source_network_name": "VM Network", "destination_network_id": "net-1"}
    answer = admin.post(MAPPINGS, {**body, "destination_network_name": text})

    assert _assert_refused(answer, status=400, code="INVALID_REQUEST")["fields"]


@pytest.mark.parametrize("field", ["vm_id", "vm_name", "network_mappings"])
def test_ids_and_names_of_a_start_are_as_closed(operator: APIClient, field: str) -> None:
    strange: list[Any] = STRANGE_IDS if field != "vm_name" else STRANGE_NAMES
    for text in strange:
        value = {"VM Network": text} if field == "network_mappings" else text
        answer = operator.post("/api/v1/failover/live", {"vm_id": "vm-1", field: value})
        assert field in _assert_refused(answer, status=400, code="INVALID_REQUEST")["fields"], text


def test_names_in_any_script_are_names(admin: APIClient) -> None:
    body = {"vm_id": "vm-1", "source_network_name": "Büro / 東京 (10%) é\u0301", "destination_network_id": "net-1"}

    _assert_refused(admin.post(MAPPINGS, body), status=404, code="VM_NOT_FOUND")


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
