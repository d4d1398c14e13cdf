"""This will record every change that a known caller asks for, refused ones too, with its answer's status."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponseBase

from audit.recording import record_event

log = structlog.get_logger(__name__)

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class AuditTrail:
    """This will stand around the views; what a job was told is also recorded with the job, in its own transaction."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request, and record it when it was to change something."""
        response = self._get_response(request)
        if request.method not in _READS:
            _record(request, response)
        return response


def _record(request: HttpRequest, response: HttpResponseBase) -> None:
    user = getattr(request, "user", None)
    try:
        # Nobody fills the audit without a name: what strangers send is counted and limited, and is in the log.
        if user is None or not user.is_authenticated:
            return
        record_event(
            "api_request",
            actor=user.get_username(),
            subject=request.path,
            words=f"{request.method} {request.path} answered {response.status_code}",
            fields={"status": response.status_code, "address": str(request.META.get("REMOTE_ADDR", ""))},
        )
    except DatabaseError as error:
        # The answer is given all the same; the log stream then holds what the audit lacks.
        log.error(
            "audit_not_written", method=request.method, path=request.path, status=response.status_code, error=str(error)
        )
