"""This will be the API's doors for those who look for what is wrong: parse, one call, render; all of them only read."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from debugtools.api.answers import EndpointsAnswer, HealthAnswer, InternalsAnswer, LogsAnswer
from debugtools.api.requests import InternalsQuery, LogQuery
from debugtools.endpoints import endpoints
from debugtools.health import DatabaseGone, health
from debugtools.job_internals import job_internals, jobs_with_all, leases
from debugtools.log_reading import CursorGone, Page, Wanted, read_page
from jobs.models import FailoverJob
from networks.api.unknown_parameters import unknown_parameters

log = structlog.get_logger(__name__)

# What a record says of itself in fields of its own; all else is in `fields`.
_OWN = ("timestamp", "level", "logger", "event", "job_id", "request_id")


class HealthViewSet(ViewSet):
    """This will answer how the service is."""

    @extend_schema(responses={200: HealthAnswer}, operation_id="health")
    def retrieve(self, request: Request) -> Response:
        """Check the service's health: 200 also when it is degraded, 503 when the database is gone."""
        del request
        found = health(now=timezone.now())
        return Response(
            {
                "message": "System health check completed",
                "status": found.status,
                "authentication": "disabled" if settings.AUTH_DISABLED else "required",
                "components": found.components,
                "metrics": found.metrics,
                "problems": found.problems,
                "details": {
                    "clouds": [
                        {**asdict(cloud), "state": "unreachable" if cloud.trouble else "reachable"}
                        for cloud in found.clouds
                    ],
                    "watcher": asdict(found.watcher),
                    "sweeper": asdict(found.sweeper),
                    "canary": asdict(found.canary),
                    "worlds": [asdict(world) for world in found.worlds],
                    "broker": found.broker,
                },
            }
        )

    def handle_exception(self, exc: Exception) -> Response:
        """Say so when the database is gone, also where it was needed to know who asks: nothing is told but that."""
        if isinstance(exc, DatabaseGone | DatabaseError | InterfaceError):
            log.warning("database_gone", error=str(exc))
            exc = DatabaseGone()
        return super().handle_exception(exc)


class EndpointsViewSet(ViewSet):
    """This will answer what can be called; `role_of` is told by whoever routes here, who knows the roles."""

    role_of: Callable[[str, str], str] | None = None

    @extend_schema(responses={200: EndpointsAnswer}, operation_id="debug_endpoints")
    def list(self, request: Request) -> Response:
        """List all endpoints with their methods, and the role that each method needs."""
        del request
        found = endpoints(self.role_of or (lambda _route, _method: ""))
        return Response(
            {
                "message": "Retrieved API endpoints",
                "total_endpoints": len(found),
                "endpoints": [asdict(endpoint) for endpoint in found],
            }
        )


class LogsViewSet(ViewSet):
    """This will show the newest log records."""

    @extend_schema(parameters=[LogQuery], responses={200: LogsAnswer}, operation_id="debug_logs")
    def list(self, request: Request) -> Response:
        """Show recent log records of all processes of this host, newest first; secrets were taken out before."""
        parser = LogQuery(data=request.query_params)
        parser.is_valid(raise_exception=True)
        asked: dict[str, Any] = dict(parser.validated_data)
        limit, cursor = asked.pop("limit"), asked.pop("cursor")
        try:
            page = read_page(settings.RECENT_LOG_FILE, wanted=Wanted(**asked), limit=limit, cursor=cursor)
        except CursorGone as gone:
            told = "Not a cursor of this log, or the records there are no longer kept; begin without it."
            raise serializers.ValidationError({"cursor": [told]}) from gone
        return Response({**_log_page(page), **unknown_parameters(request, known=parser.fields)})


class InternalsViewSet(ViewSet):
    """This will show what the journal holds of jobs."""

    @extend_schema(parameters=[InternalsQuery], responses={200: InternalsAnswer}, operation_id="debug_failover_jobs")
    def list(self, request: Request) -> Response:
        """Show jobs with plans, steps, attempts, reservations and open questions, and which processes are alive."""
        parser = InternalsQuery(data=request.query_params)
        parser.is_valid(raise_exception=True)
        wanted: dict[str, Any] = dict(parser.validated_data)
        limit, offset = wanted.pop("limit"), wanted.pop("offset")
        chosen = FailoverJob.objects.filter(**wanted)
        newest = jobs_with_all(chosen.order_by("-created_at", "-id"))[offset : offset + limit]
        jobs = [job_internals(job) for job in newest]
        return Response(
            {
                "message": "Retrieved failover job internals",
                "total_jobs": chosen.count(),
                "returned_jobs": len(jobs),
                "jobs": jobs,
                "leases": leases(now=timezone.now()),
                **unknown_parameters(request, known=parser.fields),
            }
        )


def _log_page(page: Page) -> dict[str, Any]:
    is_kept = settings.RECENT_LOG_MB > 0
    return {
        "message": "Retrieved recent logs",
        "source": {
            "kind": "file" if is_kept else "none",
            "host": socket.gethostname(),
            "covers": (
                f"the newest records of all processes of this host, at most {2 * settings.RECENT_LOG_MB:g} MiB"
                if is_kept
                else "nothing: RECENT_LOG_MB is 0"
            ),
        },
        "returned_records": len(page.records),
        "records": [_shown(record) for record in page.records],
        "next_cursor": page.cursor,
        "unreadable_lines": page.unreadable_lines,
    }


def _shown(record: dict[str, Any]) -> dict[str, Any]:
    own = {name: record.get(name) for name in _OWN}
    return {**own, "fields": {name: value for name, value in record.items() if name not in _OWN}}
