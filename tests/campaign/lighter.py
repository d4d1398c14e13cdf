"""This will make the campaign's process lighter: what Django works out anew for every statement is remembered.

Nothing of the service is replaced, and no answer differs: the text of a statement is translated to SQLite's spelling
once, empty JSON is not parsed, and rubbish is looked for between schedules instead of within them.
"""

from __future__ import annotations

import gc
import json
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from django.db.backends.sqlite3.base import SQLiteCursorWrapper
from django.db.models.fields import json as json_field

_EMPTY: dict[str, Any] = {"{}": dict, "[]": list}
# So many objects more than were freed: a schedule makes fewer that hang in circles.
_RARELY = 200_000


def lighten() -> None:
    """Do so for the rest of this process; call it once, when everything that lasts has been loaded."""
    cursor: Any = SQLiteCursorWrapper
    plain = cursor.convert_query
    translated = lru_cache(maxsize=None)(lambda sql: plain(None, sql))
    cursor.convert_query = lambda self, query, *, param_names=None: (
        translated(query) if param_names is None else plain(self, query, param_names=param_names)
    )
    field: Any = json_field
    field.json = SimpleNamespace(**vars(json) | {"loads": _loads})
    gc.collect()
    gc.freeze()
    gc.set_threshold(_RARELY, 50, 100)


def _loads(text: str, **options: Any) -> Any:
    made = _EMPTY.get(text)
    return made() if made is not None else json.loads(text, **options)
