"""This will turn every exception of a view into the error envelope.

The apps' own errors know no HTTP: they carry `error_code` (a key of the table in error_codes.py) and may carry
`message`, `required_actions`, `extra` (further fields of the body) and `wait` (seconds until a repetition makes sense).
Framework errors are told apart by their class. Anything else is a defect: it is left to Django, which logs it once and
answers through the 500 handler.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from failover_project.api.envelope import EnvelopeRenderer, error_body
from failover_project.api.error_codes import ERROR_CODES
from failover_project.api.request_ids import request_id_of

_BY_STATUS: Mapping[int, str] = {
    400: "MALFORMED_REQUEST",
    401: "NOT_AUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    413: "REQUEST_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "TOO_MANY_REQUESTS",
    503: "OSSEA_API_ERROR",
}


def to_envelope(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """Give the error answer for an exception; None for a defect."""
    request: Request = context["request"]
    answer = _answer(exc, request_id=request_id_of(request._request))
    if answer is not None:
        set_rollback()
        # Also where the view itself speaks another format, as the schema does.
        request.accepted_renderer = EnvelopeRenderer()
        request.accepted_media_type = EnvelopeRenderer.media_type
    return answer


def _answer(exc: Exception, *, request_id: str) -> Response | None:
    code = getattr(exc, "error_code", None)
    if isinstance(code, str) and code in ERROR_CODES:
        return _of_app_error(exc, code=code, request_id=request_id)
    match exc:
        case Http404():
            exc = exceptions.NotFound()
        case PermissionDenied():
            exc = exceptions.PermissionDenied()
    if isinstance(exc, exceptions.ValidationError):
        return _of_invalid_parameters(exc, request_id=request_id)
    if isinstance(exc, exceptions.APIException):
        return _of_framework_error(exc, request_id=request_id)
    return None


def _of_app_error(exc: Exception, *, code: str, request_id: str) -> Response:
    body = error_body(
        code=code,
        request_id=request_id,
        error=str(exc),
        message=getattr(exc, "message", ""),
        required_actions=getattr(exc, "required_actions", None),
        extra=getattr(exc, "extra", None),
    )
    return Response(body, status=ERROR_CODES[code].status, headers=_waiting(exc))


def _of_invalid_parameters(exc: exceptions.ValidationError, *, request_id: str) -> Response:
    sentences = list(_sentences(exc.detail))
    fields = exc.detail if isinstance(exc.detail, dict) else {}
    body = error_body(
        code="INVALID_REQUEST", request_id=request_id, error="; ".join(sentences), extra={"fields": fields}
    )
    return Response(body, status=400)


def _of_framework_error(exc: exceptions.APIException, *, request_id: str) -> Response:
    named = exc.get_codes()
    code = named if isinstance(named, str) and named in ERROR_CODES else _BY_STATUS.get(exc.status_code)
    if code is None:
        code = "INTERNAL_ERROR"
    headers = _waiting(exc)
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    body = error_body(code=code, request_id=request_id, error="; ".join(_sentences(exc.detail)))
    return Response(body, status=ERROR_CODES[code].status, headers=headers)


def _waiting(exc: Exception) -> dict[str, str]:
    """Give the header that says after how many seconds a repetition makes sense."""
    wait = getattr(exc, "wait", None)
    return {} if wait is None else {"Retry-After": str(max(1, math.ceil(wait)))}


def _sentences(detail: Any, *, at: str = "") -> Iterator[str]:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            where = at if name == "non_field_errors" else f"{at}.{name}" if at else str(name)
            yield from _sentences(inner, at=where)
    elif isinstance(detail, list):
        for inner in detail:
            yield from _sentences(inner, at=at)
    else:
        yield f"{at}: {detail}" if at else str(detail)
