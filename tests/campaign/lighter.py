"""This will make the campaign's process lighter: what Django works out anew for every statement is remembered.

Nothing of the service is replaced, and no answer differs: the text of a statement is translated to SQLite's spelling
once, a moment is parsed once, JSON is parsed by a faster parser, rows are not overwritten with zeros when they are
deleted from memory, and rubbish is looked for between schedules instead of within them.
"""

from __future__ import annotations

import gc
import json
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import orjson
from django.db import connection
from django.db.backends.sqlite3.base import SQLiteCursorWrapper
from django.db.backends.sqlite3.operations import DatabaseOperations
from django.db.models.fields import json as json_field

_EMPTY: dict[str, Any] = {"{}": dict, "[]": list}
# So many objects more than were freed: a schedule makes fewer that hang in circles.
_RARELY = 200_000
# A schedule has a few hundred moments, and many begin at the same one.
_MOMENTS = 20_000


def lighten() -> None:
    """Do so for the rest of this process; call it once, when everything that lasts has been loaded."""
    with connection.cursor() as statements:
        statements.execute("PRAGMA secure_delete = OFF")
    _remember_translations()
    _remember_moments()
    field: Any = json_field
    field.json = SimpleNamespace(**vars(json) | {"loads": _loads})
    gc.collect()
    gc.freeze()
    gc.set_threshold(_RARELY, 50, 100)


def _remember_translations() -> None:
    cursor: Any = SQLiteCursorWrapper
    plain = cursor.convert_query
    translated = lru_cache(maxsize=None)(lambda sql: plain(None, sql))
    cursor.convert_query = lambda self, query, *, param_names=None: (
        translated(query) if param_names is None else plain(self, query, param_names=param_names)
    )


def _remember_moments() -> None:
    operations: Any = DatabaseOperations
    plain = operations.convert_datetimefield_value
    parsed = lru_cache(maxsize=_MOMENTS)(lambda text: plain(connection.ops, text, None, connection))
    operations.convert_datetimefield_value = lambda self, value, expression, of: (
        None if value is None else parsed(value)
    )


def _loads(text: str, **options: Any) -> Any:
    made = _EMPTY.get(text)
    if made is not None:
        return made()
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text, **options)  # What only the slower parser reads, such as a number that is none.
