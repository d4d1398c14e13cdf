"""This will mark every answer with its request id and refuse paths, queries and bodies that nothing behind may see."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from rest_framework.exceptions import ParseError

from failover_project.api.authentication import authentication_is_off
from failover_project.api.envelope import error_response
from failover_project.api.json_parser import BodyTooLarge, check_length, check_path, check_query
from failover_project.api.request_ids import request_id_of

API_PREFIX = "/api/"


class ApiConventions:
    """This will apply what holds for every answer, whichever layer gives it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request."""
        is_api = request.path.startswith(API_PREFIX)
        response = self._refusal(request) if is_api else None
        if response is None:
            response = self._get_response(request)
        response["X-Request-ID"] = request_id_of(request)
        if is_api:
            # A view may say that its answers are kept and asked about again (ETag).
            response.headers.setdefault("Cache-Control", "no-store")
        if authentication_is_off():
            response["X-Authentication"] = "disabled"
        return response

    def _refusal(self, request: HttpRequest) -> HttpResponseBase | None:
        try:
            check_path(request.path)
            check_query(request.META.get("QUERY_STRING", ""))
            check_length(request.META.get("CONTENT_LENGTH", "") or "")
        except BodyTooLarge:
            return error_response(request, code="REQUEST_TOO_LARGE")
        except ParseError as error:
            return error_response(request, code="MALFORMED_REQUEST", error=str(error.detail))
        return None
