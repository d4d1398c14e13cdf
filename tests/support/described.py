"""This will give the API's own description as callers get it; it takes a second to make and is made once."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from rest_framework.test import APIClient


def description() -> dict[str, Any]:
    """Give the description that the service answers; each caller gets one that he may change."""
    found: dict[str, Any] = json.loads(_answered())
    return found


@cache
def _answered() -> str:
    answer = APIClient().get("/api/v1/schema?format=json", HTTP_ACCEPT="application/json")
    assert answer.status_code == 200
    text: str = answer.content.decode()
    return text
