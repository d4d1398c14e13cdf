"""This will name the parameters of a query that a list does not know: a filter with a slip in it must not be silent."""

from __future__ import annotations

from collections.abc import Collection

from rest_framework.request import Request


def unknown_parameters(request: Request, *, known: Collection[str]) -> dict[str, list[str]]:
    """Give the `warnings` for the answer, and nothing where all are known."""
    strangers = [name for name in request.query_params if name not in known]
    if not strangers:
        return {}
    there_are = f"this list knows {', '.join(sorted(known))}"
    return {"warnings": [f"Unknown parameter {name[:100]!r} is ignored: {there_are}." for name in strangers]}
