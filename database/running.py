"""This will run one statement on this thread's connection, where possible as one that the database keeps parsed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

# A statement of Django's is never prepared: no process runs one so often.
_NEVER_BY_ITSELF = 2**31 - 1
# More than there are hot statements: one that is forgotten is parsed and planned anew.
_MOST_PREPARED = 1000


@dataclass(frozen=True)
class Done:
    """What a statement gave: its rows, and how many rows it touched."""

    rows: Sequence[Sequence[Any]]
    touched: int


class _OfThread(threading.local):
    """Django's connection of this thread; its cursor for kept statements, and the driver's connection of that."""

    django: BaseDatabaseWrapper | None = None
    cursor: Any = None
    connection: Any = None


_OF_THREAD = _OfThread()


def connection_here() -> BaseDatabaseWrapper:
    """Give the thread's connection; asking Django for it costs as much as a small statement's parameters."""
    if _OF_THREAD.django is None:
        _OF_THREAD.django = connections[DEFAULT_DB_ALIAS]
    return _OF_THREAD.django


def run(sql: str, parameters: Sequence[Any]) -> Done:
    """Run one statement, where possible as one that the database has parsed and planned before."""
    plain = [one.value if isinstance(one, Enum) else one for one in parameters]
    connection = connection_here()
    # Whoever wraps the execution of statements must see these as well.
    if connection.vendor == "postgresql" and settings.DATABASE_PREPARES and not connection.execute_wrappers:
        return _run_prepared(connection, sql, plain)
    with connection.cursor() as cursor:
        cursor.execute(sql, plain)
        return Done(cursor.fetchall() if cursor.description else (), cursor.rowcount)


def _run_prepared(connection: BaseDatabaseWrapper, sql: str, parameters: Sequence[Any]) -> Done:
    """Bind on the server, past Django's cursor: two thirds of what a statement costs there is parsing and planning."""
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors:
        cursor = _cursor(connection.connection)
        cursor.execute(sql, parameters, prepare=True)
        # Whether there are rows is asked of the result: the cursor's description would describe every column first.
        return Done(cursor.fetchall() if cursor.pgresult.nfields else (), cursor.rowcount)


def _cursor(connection: Any) -> Any:
    """Give the cursor of this thread's connection; its moments are read by the driver itself, in UTC as Django asks."""
    if _OF_THREAD.connection is not connection:
        # Here, so that a service on SQLite needs no driver of PostgreSQL.
        from psycopg import Cursor
        from psycopg.types.datetime import TimestamptzLoader
        from psycopg.types.numeric import Int8Dumper

        # Django forbids its connections to prepare; from now on they may, but only what asks for it.
        connection.prepare_threshold, connection.prepared_max = _NEVER_BY_ITSELF, _MOST_PREPARED
        cursor = Cursor(connection)
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        # By itself the driver gives an integer the smallest type that holds it, and each type is another statement.
        cursor.adapters.register_dumper(int, Int8Dumper)
        _OF_THREAD.cursor, _OF_THREAD.connection = cursor, connection
    return _OF_THREAD.cursor
