"""This will build the documented envelope around every answer, errors included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

from failover_project.api.error_codes import ERROR_CODES
from failover_project.api.request_ids import request_id_of


def error_body(
    *,
    code: str,
    request_id: str,
    error: str = "",
    message: str = "",
    required_actions: Sequence[str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Give the error envelope of a code of the table; what is not said is taken from the table."""
    known = ERROR_CODES[code]
    return {
        "success": False,
        "message": message or known.message,
        "error": error or known.meaning,
        "error_code": code,
        "timestamp": timezone.localtime().isoformat(),
        "request_id": request_id,
        "required_actions": list(required_actions if required_actions is not None else known.required_actions),
        **(extra or {}),
    }


def error_response(request: HttpRequest, *, code: str, error: str = "") -> JsonResponse:
    """Give the error answer for what fails outside the framework's views (routing, middleware)."""
    body = error_body(code=code, request_id=request_id_of(request), error=error)
    return JsonResponse(body, status=ERROR_CODES[code].status)


class LocalTimes(JSONEncoder):
    """This will write moments in the configured time zone, with their offset."""

    def default(self, obj: Any) -> Any:
        """Give what JSON can hold."""
        if isinstance(obj, datetime) and timezone.is_aware(obj):
            return timezone.localtime(obj).isoformat()
        return super().default(obj)


_ENCODER = JSONEncoder()


class EnvelopeRenderer(JSONRenderer):
    """This will render views' results with `success` in front and the request id behind."""

    charset = "utf-8"
    encoder_class = LocalTimes

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Render `data`; an object gets what it lacks of the envelope."""
        if isinstance(data, dict):
            data = {"success": True, **data}
            request = (renderer_context or {}).get("request")
            if request is not None:
                data.setdefault("request_id", request_id_of(request._request))
        if data is None or self.get_indent(accepted_media_type or "", dict(renderer_context or {})):
            return bytes(super().render(data, accepted_media_type, renderer_context))
        try:
            return _fast(data)
        except orjson.JSONEncodeError:
            # What the fast encoder refuses (whole numbers over 64 bits, keys that are no text) the other one may know.
            return bytes(super().render(data, accepted_media_type, renderer_context))


def _fast(data: Any) -> bytes:
    """Encode as LocalTimes does; to ask for the zone once is most of what a long list gains."""
    zone = timezone.get_current_timezone()

    def default(value: Any) -> Any:
        return value.astimezone(zone).isoformat() if _is_moment(value) else _ENCODER.default(value)

    # The database gives moments in UTC: where that is the zone they can be written as they are.
    return orjson.dumps(data, default=default, option=0 if str(zone) == "UTC" else orjson.OPT_PASSTHROUGH_DATETIME)


def _is_moment(value: Any) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None
