"""Use the API as its callers do, and keep what was sent and answered where the contract shows no example."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

# The contract shows all others.
API = "/api/v1"
# Enough to show; a description is read by people.
LONGEST_LIST = 2


@dataclass
class Diary:
    """What callers did: one example of each operation, under its route in the description."""

    token: str
    examples: list[dict[str, Any]] = field(default_factory=list)

    def told(self, method: str, route: str, body: Any = None, *, query: str = "", **ids: str) -> Any:
        """Send a request, keep it and its answer as examples, and give the answer; it must be a success."""
        path = (API + route).format(**ids) + (f"?{query}" if query else "")
        answer = Client().generic(
            method,
            path,
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            HTTP_AUTHORIZATION=f"Token {self.token}",
        )
        assert answer.status_code == 200, f"{method} {path}: {answer.content[:1500]!r}"
        given = answer.json()
        place = {"method": method.lower(), "path": API + route}
        if body is not None:
            self.examples.append({**place, "status": None, "name": "Request", "value": body})
        self.examples.append({**place, "status": 200, "name": "Response", "value": shortened(given)})
        return given


def shortened(value: Any) -> Any:
    """Cut long lists and texts; a list keeps its first and its last."""
    if isinstance(value, dict):
        return {name: shortened(inner) for name, inner in value.items()}
    if isinstance(value, list):
        kept = value if len(value) <= LONGEST_LIST else [value[0], value[-1]]
        return [shortened(inner) for inner in kept]
    return value


def keys_of(value: Any, *, at: str = "") -> set[str]:
    """Give the path of every key; what only some elements of a list have counts as the list's."""
    if isinstance(value, dict):
        return {f"{at}.{name}" for name in value} | {
            path for name, inner in value.items() for path in keys_of(inner, at=f"{at}.{name}")
        }
    if isinstance(value, list):
        return {path for inner in value for path in keys_of(inner, at=f"{at}[]")}
    return set()
