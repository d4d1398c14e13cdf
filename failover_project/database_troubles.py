"""This will say in a sentence, to whoever runs a command, why the database does not serve it."""

from __future__ import annotations

from django.db import Error, InterfaceError, OperationalError

# The command could not do its work, whatever 1 means among its findings.
COULD_NOT = 2
_UNKNOWN_TABLE_OR_COLUMN = frozenset({"42P01", "42703"})


def database_trouble(error: Error) -> str | None:
    """Give the sentence; None for what is no trouble of the database but a defect of ours."""
    words = str(error).strip().partition("\n")[0]
    code = getattr(error.__cause__, "sqlstate", None)
    if code in _UNKNOWN_TABLE_OR_COLUMN or words.startswith(("no such table", "no such column")):
        return f"The database was not brought to this version ({words}): run manage.py migrate, then this again."
    if isinstance(error, OperationalError | InterfaceError):
        return (
            f"The database cannot be used ({words}): see DATABASE_URL in manage.py check_config, and 'The database is "
            "full or gone' in docs/runbook.md."
        )
    return None
