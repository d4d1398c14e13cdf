"""This will give a campaign the tests' settings on a database in the memory of its process."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES as _TESTS_DATABASES

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ":memory:",
        "CONN_MAX_AGE": None,
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
        "TEST": dict(_TESTS_DATABASES["default"]["TEST"]),
    }
}
