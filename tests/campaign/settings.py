"""This will give a campaign the tests' settings on a database in the memory of its process."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES as _TESTS_DATABASES

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ":memory:",
        "CONN_MAX_AGE": None,
        # SQLite forgets how it understood a statement after 128 others; the service has more.
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "cached_statements": 2000},
        "TEST": dict(_TESTS_DATABASES["default"]["TEST"]),
    }
}
