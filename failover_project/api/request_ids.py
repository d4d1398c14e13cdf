"""This will give every request an id: the caller's when it is well formed, else one of ours."""

from __future__ import annotations

import re
import uuid

from django.http import HttpRequest

_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_ATTRIBUTE = "failover_request_id"


def request_id_of(request: HttpRequest) -> str:
    """Give the request's id, the same one for as long as the request lives."""
    known: str | None = getattr(request, _ATTRIBUTE, None)
    if known is None:
        asked = request.headers.get("X-Request-ID", "")
        known = asked if _WELL_FORMED.fullmatch(asked) else f"req-{uuid.uuid4()}"
        setattr(request, _ATTRIBUTE, known)
    return known
