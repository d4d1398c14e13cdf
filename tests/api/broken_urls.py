"""This will route to views that fail in ways nobody foresaw, behind the service's own middleware and handlers."""

from __future__ import annotations

import json

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from failover_project.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


class Framework(APIView):
    """This will fail inside the framework's dispatch."""

    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        """Fail."""
        raise RuntimeError("secret inside")


class TooDeep(APIView):
    """This will fail after the view, while its answer is rendered."""

    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        """Answer what JSON cannot hold."""
        return Response({"inside": {json: object()}})


def plain(request: HttpRequest) -> HttpResponse:
    """Fail in a view that is none of the framework's."""
    raise KeyError("secret inside")


def database(request: HttpRequest) -> HttpResponse:
    """Fail as a database that is gone does."""
    raise OperationalError("secret inside")


def suspicious(request: HttpRequest) -> HttpResponse:
    """Fail as Django does when a request cannot be honest."""
    raise SuspiciousOperation("secret inside")


def forbidden(request: HttpRequest) -> HttpResponse:
    """Fail as a view does that forbids."""
    raise PermissionDenied("secret inside")


urlpatterns: list[URLPattern] = [
    path("api/v1/plain", plain),
    path("api/v1/framework", Framework.as_view()),
    path("api/v1/too-deep", TooDeep.as_view()),
    path("api/v1/database", database),
    path("api/v1/suspicious", suspicious),
    path("api/v1/forbidden", forbidden),
]
