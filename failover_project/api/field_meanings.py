"""This will say of every field in the API's description what it means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("field_meanings.yaml")


def add_meanings(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Describe every field that has no help text of its own."""
    del generator, request, public
    meanings: dict[str, str] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    for schema, field, described in fields_of(result):
        meaning = meanings.get(f"{schema.removesuffix('Request')}.{field}") or meanings.get(field)
        if meaning:
            described.setdefault("description", meaning)
    return result


def fields_of(result: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Give the schema's name, the field's name and the field of every field in a description."""
    schemas = result.get("components", {}).get("schemas", {})
    return [
        (name, field, described)
        for name, schema in schemas.items()
        for field, described in schema.get("properties", {}).items()
    ]
