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


class _NoHistory:
    """Tables are made as the models say, in a tenth of the time; other tests hold models and migrations together."""

    def __contains__(self, label: str) -> bool:
        return True

    def __getitem__(self, label: str) -> None:
        return None


MIGRATION_MODULES = _NoHistory()
