"""This will send raw bodies."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient


def send(client: APIClient, method: str, path: str, body: bytes) -> Any:
    """Send the bytes as they are, as JSON."""
    # The framework's client takes bytes; its types say text.
    return client.generic(method, path, body, content_type="application/json")  # type: ignore[arg-type]
