"""This will have the database itself refuse to change, remove or empty what the audit holds."""

from __future__ import annotations

from django.db import connections

from audit.models import AuditEvent, AuditSeal

TABLES = (AuditEvent._meta.db_table, AuditSeal._meta.db_table)
_REFUSAL = "the audit is append-only"
_FUNCTION = "audit_refuse_change"


def make_guards(*, using: str = "default") -> None:
    """Make the triggers that are missing; the others stay."""
    connection = connections[using]
    absent = missing_guards(using=using)
    with connection.cursor() as cursor:
        if absent and connection.vendor == "postgresql":
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
            )
        for name in absent:
            table, _, event = name.rpartition("_no_")
            cursor.execute(_statement(connection.vendor, name=name, table=table, event=event.upper()))


def remove_guards(*, using: str = "default") -> None:
    """Take the triggers away: for tests, which empty their database, and which tamper."""
    connection = connections[using]
    with connection.cursor() as cursor:
        for table in TABLES:
            for event in _events(connection.vendor):
                on = f" ON {table}" if connection.vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_no_{event}{on}")


def missing_guards(*, using: str = "default") -> list[str]:
    """Name the triggers that are not there, or are switched off."""
    connection = connections[using]
    if connection.vendor == "postgresql":
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    else:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    with connection.cursor() as cursor:
        cursor.execute(query)
        there = {row[0] for row in cursor.fetchall()}
    wanted = [f"{table}_no_{event}" for table in TABLES for event in _events(connection.vendor)]
    return [name for name in wanted if name not in there]


def _events(vendor: str) -> tuple[str, ...]:
    return ("update", "delete", "truncate") if vendor == "postgresql" else ("update", "delete")


def _statement(vendor: str, *, name: str, table: str, event: str) -> str:
    if vendor == "postgresql":
        level = "STATEMENT" if event == "TRUNCATE" else "ROW"
        return (
            f"CREATE OR REPLACE TRIGGER {name} BEFORE {event} ON {table} "
            f"FOR EACH {level} EXECUTE FUNCTION {_FUNCTION}()"
        )
    return f"CREATE TRIGGER {name} BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
