"""This will list the API's endpoints as they are routed: nothing is written down a second time."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import EndpointEnumerator

# The API, and what those ask who look after the service; pages of the browser are none of it.
OURS = ("api/", "healthz", "readyz", "metrics")

_METHODS = ("get", "post", "put", "patch", "delete")
# (route's name, method) → the role that is needed, or what stands for it.
RoleOf = Callable[[str, str], str]


@dataclass(frozen=True)
class Endpoint:
    """One path with what may be done there; each of `methods` has its role and a summary."""

    path: str
    name: str
    methods: list[dict[str, str]]


def endpoints(role_of: RoleOf) -> list[Endpoint]:
    """Give every endpoint of the API by path."""
    templates: Any = EndpointEnumerator()
    found = [
        Endpoint(
            path=f"/{templates.get_path_from_regex(path).lstrip('/')}",
            name=pattern.name or "",
            methods=_methods(pattern, role_of=role_of),
        )
        for path, pattern in _routes(get_resolver().url_patterns, at="")
        if path.startswith(OURS)
    ]
    return sorted(found, key=lambda endpoint: endpoint.path)


def _routes(patterns: Iterable[URLPattern | URLResolver], *, at: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        path = at + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, at=path)
        else:
            yield path, pattern


def _methods(pattern: URLPattern, *, role_of: RoleOf) -> list[dict[str, str]]:
    callback: Any = pattern.callback
    # A view set names what each method calls; a view's methods bear the methods' names.
    actions: dict[str, str] = getattr(callback, "actions", None) or {
        method: method for method in _METHODS if hasattr(callback.cls, method)
    }
    return [
        {
            "method": method.upper(),
            "role": role_of(pattern.name or "", method.upper()),
            "summary": _summary(getattr(callback.cls, actions[method]), callback.cls),
        }
        for method in _METHODS
        if method in actions
    ]


def _summary(*tellers: Any) -> str:
    """Give the first paragraph of what the first of them that says anything says of itself."""
    # Asked for by hand: the framework's own views have theirs translated, which are no strings before they are shown.
    told = next((inspect.cleandoc(str(teller.__doc__)) for teller in tellers if teller.__doc__), "")
    return " ".join(told.split("\n\n")[0].split())
