"""This will be the door for Prometheus: every figure, from the database, in its text format."""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from django.db import DatabaseError, InterfaceError
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from rest_framework.request import Request
from rest_framework.views import APIView

from debugtools.health import DatabaseGone, health
from debugtools.metrics.state import families_of_state, families_without_database
from debugtools.metrics.sums import families_of_sums
from debugtools.probes import WhateverIsAccepted

log = structlog.get_logger(__name__)


class _Gathered(Collector):
    """Gives the encoder what was gathered before: while it writes nothing can fail any more."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


@extend_schema(exclude=True)
class MetricsView(APIView):
    """This will answer scrapes; whoever routes here says by which tokens, since roles are not known here."""

    content_negotiation_class = WhateverIsAccepted
    http_method_names = ["get", "head"]

    def get(self, request: Request) -> HttpResponse:
        """Give all metrics; without a database the one that says so."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return HttpResponse(encode(_Gathered(_families())), content_type=content_type)


def _families() -> list[Metric]:
    now = timezone.now()
    try:
        return [*families_of_state(health(now=now), now=now), *families_of_sums()]
    except (DatabaseGone, DatabaseError, InterfaceError) as gone:
        log.warning("database_gone", error=str(gone))
        return list(families_without_database())
