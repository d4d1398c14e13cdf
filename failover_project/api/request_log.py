"""This will put the request's id on everything that is logged while it is answered, and log what was answered."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import structlog
from django.http import HttpRequest, HttpResponseBase

from failover_project.api.authentication import Principal
from failover_project.api.request_ids import request_id_of

log = structlog.get_logger(__name__)

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class RequestLog:
    """This will stand around all other middleware, so that nothing is logged without the id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request."""
        began = monotonic()
        with structlog.contextvars.bound_contextvars(request_id=request_id_of(request)):
            response = self._get_response(request)
            # Pages that follow a job read every other second: what they read well is not worth a line.
            routine = request.method in _READS and response.status_code < 400
            (log.debug if routine else log.info)(
                "request_answered",
                method=request.method,
                path=request.path,
                status=response.status_code,
                milliseconds=round((monotonic() - began) * 1000),
                principal=_principal(request),
            )
        return response


def _principal(request: HttpRequest) -> str | None:
    """Give the token's name; a session's user is not looked up for the log alone."""
    user = getattr(request, "user", None)
    # Not isinstance: it would make the lazy user of a session be read from the database.
    return user.name if type(user) is Principal else None
