"""This will answer those who look after processes: does this one live, and is the service ready to carry failovers?

Nobody has to say who he is: what is told names no address, no credential, and quotes no other program.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError
from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from debugtools.health import DatabaseGone, Part, health

log = structlog.get_logger(__name__)


class WhateverIsAccepted(BaseContentNegotiation):
    """This will answer in the one form there is: programs that look after others ask for many."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        """Give the first parser; nothing is read from a body."""
        del request
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Give the first renderer; refusals are written by it."""
        del request, format_suffix
        only = next(iter(renderers))
        return only, only.media_type or ""


class _Probe(APIView):
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    content_negotiation_class = WhateverIsAccepted
    http_method_names = ["get", "head"]


@extend_schema(exclude=True)
class AliveView(_Probe):
    """This will answer while this process answers, whatever else is broken: to be started again when it does not."""

    def get(self, request: Request) -> HttpResponse:
        """Say that the process lives."""
        del request
        return JsonResponse({"status": "alive"})


@extend_schema(exclude=True)
class ReadyView(_Probe):
    """This will answer 200 when every part works and 503 with a reason for each that does not, within seconds."""

    def get(self, request: Request) -> HttpResponse:
        """Say of each part how it is."""
        del request
        parts = _parts()
        is_ready = not any(part.reason for part in parts)
        body = {
            "status": "ready" if is_ready else "not ready",
            "parts": [
                {
                    "part": part.name,
                    "state": "failing" if part.reason else "well",
                    "reason": part.reason,
                    "age_seconds": part.age_seconds,
                }
                for part in parts
            ],
            "timestamp": timezone.localtime().isoformat(),
        }
        return JsonResponse(body, status=200 if is_ready else 503)


def _parts() -> list[Part]:
    try:
        return health(now=timezone.now()).parts
    except (DatabaseGone, DatabaseError, InterfaceError) as gone:
        log.warning("database_gone", error=str(gone))
        return [Part("database", "does not answer; nothing else can be said")]
