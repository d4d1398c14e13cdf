"""This will carry out a POST with an Idempotency-Key once, and answer its repeats with the first answer."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.urls import URLPattern, URLResolver
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from failover_project.api.authentication import principal_of
from failover_project.api.kept_answers import Claim, Scope, claim
from failover_project.api.roles import route_of
from inventory.api.keeping import answers_kept_by, does_keep_its_answer

if TYPE_CHECKING:
    from rest_framework.views import APIView

    _View = APIView
else:
    _View = object

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
_WELL_FORMED = re.compile(r"[\x21-\x7e]{1,200}")

Handler = Callable[..., Response]


class AnswersOnce(_View):
    """This will put the key around the POST handler of a view, once it is known who calls and that he may."""

    # Neither OPTIONS, which would describe the view in another shape than the schema, nor TRACE: `Allow` names neither.
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let the framework refuse first; then stand in for the handler."""
        super().initial(request, *args, **kwargs)
        key = request.headers.get(HEADER)
        handler = getattr(self, "post", None)
        if request.method == "POST" and key is not None and handler is not None:
            self.post = partial(_answered_once, handler, key)


def answered_once(patterns: Sequence[URLPattern | URLResolver]) -> list[URLPattern | URLResolver]:
    """Have every POST of these routes, and of those they include, take an Idempotency-Key."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            answered_once(pattern.url_patterns)
        else:
            pattern.callback = _with_key(pattern.callback)
    return list(patterns)


def _with_key(callback: Any) -> Any:
    view = callback.cls
    if issubclass(view, AnswersOnce):
        return callback
    wrapped: Any = type(view.__name__, (AnswersOnce, view), {"__doc__": view.__doc__, "__module__": view.__module__})
    if actions := getattr(callback, "actions", None):
        return wrapped.as_view(actions, **callback.initkwargs)
    return wrapped.as_view(**callback.initkwargs)


def _answered_once(handler: Handler, key: str, request: Request, *args: Any, **kwargs: Any) -> Response:
    if not _WELL_FORMED.fullmatch(key):
        raise ParseError(f"{HEADER} must be 1 to 200 visible ASCII characters.")
    scope = Scope(principal=principal_of(request), route=route_of(request), key=key)
    found = claim(scope, fingerprint=_fingerprint(request))
    if not isinstance(found, Claim):
        return Response(found.body, status=found.status, headers={REPLAYED: "true"})
    try:
        with answers_kept_by(found):
            return _carried_out(partial(handler, request, *args, **kwargs), found, alone=does_keep_its_answer(handler))
    finally:
        # Whatever was not kept may be asked for again under the same key: only successes are replayed.
        found.release()


def _carried_out(work: Callable[[], Response], held: Claim, *, alone: bool) -> Response:
    if alone:
        response = work()
        if response.status_code < 400:
            held.finish(response.data, status=response.status_code)
        return response
    with transaction.atomic():
        response = work()
        if response.status_code < 400:
            held.keep(response.data, status=response.status_code)
    return response


def _fingerprint(request: Request) -> str:
    asked = [request.path, sorted(request.query_params.items()), request.data]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
