"""This will answer in the envelope what never reaches a view, or fails there in a way nobody foresaw."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from failover_project.api.envelope import error_response

_PAGES = ("/admin", "/swagger", "/redoc")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400: a Host that is not ours, or a request that Django itself finds suspicious."""
    if _wants_page(request):
        return defaults.bad_request(request, exception)
    return error_response(request, code="MALFORMED_REQUEST", error="The Host header or the request is not acceptable.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403."""
    if _wants_page(request):
        return defaults.permission_denied(request, exception)
    return error_response(request, code="PERMISSION_DENIED")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 for a route that does not exist."""
    if _wants_page(request):
        return defaults.page_not_found(request, exception)
    return error_response(request, code="NOT_FOUND", error="There is no such route.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500; what went wrong is in the log under the request id, never in the answer."""
    if _wants_page(request):
        return defaults.server_error(request)
    return error_response(request, code="INTERNAL_ERROR")


def _wants_page(request: HttpRequest) -> bool:
    return request.path.startswith(_PAGES)
