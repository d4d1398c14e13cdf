"""This will bring one row to what a document wants of it, and write only when something differs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import models


def bring(row: models.Model, wanted: Mapping[str, Any]) -> frozenset[str]:
    """This will set the wanted fields, save the row if it is unsaved or differs, and name the fields that differed."""
    if row.pk is None:
        for name, value in wanted.items():
            setattr(row, name, value)
        row.save(force_insert=True)
        return frozenset(wanted)
    differing = frozenset(name for name, value in wanted.items() if _differs(row, name, value))
    for name in differing:
        setattr(row, name, wanted[name])
    if differing:
        row.save(update_fields=[*_columns(row, differing), "updated_at"])
    return differing


def instant(text: str | None) -> datetime | None:
    """This will read a time that the schema has accepted; nothing stays nothing."""
    return datetime.fromisoformat(text) if text else None


def _differs(row: models.Model, name: str, value: Any) -> bool:
    # Rows are compared by their keys: reading the related row just for that would cost a query each.
    if isinstance(value, models.Model):
        return bool(getattr(row, f"{name}_id") != value.pk)
    return bool(getattr(row, name) != value)


def _columns(row: models.Model, names: frozenset[str]) -> list[str]:
    # A credential is set through its property and stored in its sealed column.
    stored = {field.name for field in row._meta.concrete_fields}
    return sorted(name if name in stored else f"{name}_sealed" for name in names)
