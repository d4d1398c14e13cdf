"""Say of a family of cases that its further members bring the same statements to the database as its first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def first_everywhere(values: Iterable[Any]) -> list[Any]:
    """Give parameters of which only the first runs on PostgreSQL too, unless all are asked for there (`ALL=1`)."""
    first, *further = values
    return [first, *(pytest.param(value, marks=pytest.mark.any_database) for value in further)]
