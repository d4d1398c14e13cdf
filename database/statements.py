"""This will run the hot statements: Django compiles each of them once, and they run with other values after.

Most of what a failover cost was the building of the same fifty statements again and again (docs/performance.md).
Models, fields, constraints and converters stay Django's; only the text of the SQL is kept.
"""

from __future__ import annotations

import inspect
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    BooleanField,
    CharField,
    DateTimeField,
    Field,
    FloatField,
    ForeignKey,
    IntegerField,
    Model,
    PositiveIntegerField,
    QuerySet,
    TextField,
)

M = TypeVar("M", bound=Model)

# Stands for an integer parameter while a query is compiled; no row has such an id.
_FIRST_STAND_IN = -4_000_000_000_000
# Fields whose values need no preparing for PostgreSQL.
_SIMPLE = frozenset(
    {BooleanField, CharField, DateTimeField, FloatField, ForeignKey, IntegerField, PositiveIntegerField, TextField}
)
# Up to so many rows are inserted by a parameter for each value.
_FEW = 4
# A statement of Django's is never prepared: no process runs one so often.
_NEVER_BY_ITSELF = 2**31 - 1
# More than there are hot statements: one that is forgotten is parsed and planned anew.
_MOST_PREPARED = 1000
_MOMENT: DateTimeField[datetime, datetime] = DateTimeField()


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


def _connection() -> BaseDatabaseWrapper:
    """Give the thread's connection; asking Django for it costs as much as a small statement's parameters."""
    if _OF_THREAD.django is None:
        _OF_THREAD.django = connections[DEFAULT_DB_ALIAS]
    return _OF_THREAD.django


def run(sql: str, parameters: Sequence[Any]) -> Done:
    """Run one statement, where possible as one that the database has parsed and planned before."""
    plain = [one.value if isinstance(one, Enum) else one for one in parameters]
    connection = _connection()
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


@dataclass(frozen=True)
class _Compiled:
    """The text of a query, its parameters (names where values go in), and how its rows are read."""

    model: type[Any]
    sql: str
    parameters: tuple[Any, ...]
    attributes: tuple[str, ...]
    converters: tuple[tuple[int, Sequence[Callable[..., Any]], Any], ...]


@dataclass(frozen=True)
class _Slot:
    name: str


class Prepared(Generic[M]):
    """A query that is a function of integers, or of the `texts` and `moments` it names.

    `Prepared(lambda job_id: Plan.objects.filter(job_id=job_id))` is run by `rows(job_id=15)`.
    """

    def __init__(
        self,
        query: Callable[..., QuerySet[M, Any]],
        *,
        texts: frozenset[str] = frozenset(),
        moments: frozenset[str] = frozenset(),
        names: tuple[str, ...] | None = None,
    ) -> None:
        """Keep the query; it is compiled when it is first run. `names` are its parameters where it tells none."""
        self._query = query
        self._texts, self._moments = texts, moments
        self._names = tuple(inspect.signature(query).parameters) if names is None else names
        self._compiled: _Compiled | None = None

    def rows(self, **values: int | str | datetime) -> list[M]:
        """Run the query and give its rows as models."""
        compiled = self._compiled or self._compile()
        return [compiled.model.from_db(DEFAULT_DB_ALIAS, compiled.attributes, row) for row in self.values(**values)]

    def row(self, **values: int | str | datetime) -> M | None:
        """Run the query and give its only row, or None."""
        return next(iter(self.rows(**values)), None)

    def values(self, **values: int | str | datetime) -> list[list[Any]]:
        """Run the query and give the columns it selects, row by row."""
        compiled = self._compiled or self._compile()
        given = {name: _as_stored(value) for name, value in values.items()}
        parameters = [given[one.name] if isinstance(one, _Slot) else one for one in compiled.parameters]
        fetched = [list(row) for row in run(compiled.sql, parameters).rows]
        connection = _connection() if compiled.converters and fetched else None
        for position, converters, expression in compiled.converters:
            for row in fetched:
                for convert in converters:
                    row[position] = convert(row[position], expression, connection)
        return fetched

    def _compile(self) -> _Compiled:
        given = {name: self._stand_in(number, name) for number, name in enumerate(self._names)}
        stand_ins = {_as_stored(stand_in): name for name, stand_in in given.items()}
        queryset = self._query(**given)
        connection = _connection()
        compiler = queryset.query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        columns = [column for column, _, _ in compiler.select]
        slots = [_Slot(stand_ins[one]) if one in stand_ins else one for one in parameters]
        text, left = _with_constants(sql, slots)
        self._compiled = _Compiled(
            model=queryset.model,
            sql=text,
            parameters=tuple(left),
            attributes=tuple(getattr(getattr(column, "target", None), "attname", "") for column in columns),
            converters=tuple((at, *rest) for at, rest in compiler.get_converters(columns).items()),
        )
        return self._compiled

    def _stand_in(self, number: int, name: str) -> int | str | datetime:
        if name in self._texts:
            return f"a value for {name}"
        return datetime(1001 + number, 1, 1, tzinfo=UTC) if name in self._moments else _FIRST_STAND_IN - number


def _with_constants(sql: str, parameters: Sequence[Any]) -> tuple[str, list[Any]]:
    """Write the texts and numbers that never change into the statement, and give the parameters that are left.

    A partial index, or one of an expression, serves only a statement that names the same constants.
    """
    pieces = sql.split("%s")
    text, left = pieces[0], []
    for parameter, piece in zip(parameters, pieces[1:], strict=True):
        if isinstance(parameter, bool) or not isinstance(parameter, int | str):
            left.append(parameter)
            text += "%s" + piece
        else:
            text += _literal(parameter) + piece
    return text, left


def _literal(constant: int | str) -> str:
    if isinstance(constant, int):
        return str(int(constant))
    return "'" + str(constant).replace("'", "''").replace("%", "%%") + "'"


def _as_stored(value: int | str | datetime) -> Any:
    """Give a parameter as the database takes it: databases differ in their moments."""
    if isinstance(value, datetime):
        return _MOMENT.get_db_prep_value(value, _connection())
    return value


class PreparedAmong(Generic[M]):
    """A query that is a function of a few texts, such as `lambda names: Step.objects.filter(waiting_for__in=names)`.

    With `integers` it is one of a few integers.
    """

    def __init__(self, query: Callable[[list[Any]], QuerySet[M, Any]], *, integers: bool = False) -> None:
        """Keep the query; it is compiled once for each number of them."""
        self._query, self._integers = query, integers
        self._of_number: dict[int, Prepared[M]] = {}

    def values(self, some: Sequence[str] | Sequence[int]) -> list[list[Any]]:
        """Run the query and give the columns it selects, row by row; nothing asked for, no rows."""
        return self._for(len(some)).values(**_numbered(some)) if some else []

    def rows(self, some: Sequence[str] | Sequence[int]) -> list[M]:
        """Run the query and give its rows as models; nothing asked for, no rows."""
        return self._for(len(some)).rows(**_numbered(some)) if some else []

    def _for(self, number: int) -> Prepared[M]:
        if number not in self._of_number:
            names = tuple(f"number{one}" for one in range(number))
            self._of_number[number] = Prepared(
                lambda **stand_ins: self._query(list(stand_ins.values())),
                texts=frozenset() if self._integers else frozenset(names),
                names=names,
            )
        return self._of_number[number]


def _numbered(some: Iterable[str | int]) -> dict[str, str | int]:
    return {f"number{number}": one for number, one in enumerate(some)}


def compare_and_set(
    model: type[Model], *, pk: int, expecting: Mapping[str, Any], counting: str = "", **values: Any
) -> bool:
    """Change one row if it still is as expected (a value, or a tuple of allowed ones); the loser changes nothing.

    What is expected of the row that a foreign key names is written `plan__state`. The field `counting` grows by one.
    """
    shape = tuple((name, _arity(wanted)) for name, wanted in expecting.items())
    sql, setters, wheres = _update_of(model, tuple(values), shape, counting)
    parameters = _prepared_for(setters, values.values())
    parameters.append(pk)
    for where, wanted in zip(wheres, expecting.values(), strict=True):
        if wanted is not None:
            several = wanted if isinstance(wanted, tuple) else (wanted,)
            parameters.extend(_prepared_for([where] * len(several), several))
    return bool(run(sql, parameters).touched)


def insert(row: M) -> M:
    """Insert a row that was never saved and give it its id; signals are not sent: the engine's models have none."""
    sql, fields = _insert_of(type(row), 1)
    ((row.pk,),) = run(sql, _saved(row, fields)).rows
    row._state.adding = False
    row._state.db = DEFAULT_DB_ALIAS
    return row


def insert_all(rows: Sequence[Model]) -> None:
    """Insert rows of one model in one statement and give them their ids, in their order; signals are not sent."""
    if not rows:
        return
    if len(rows) > _FEW and _connection().vendor == "postgresql":
        sql, fields = _insert_of_document(type(rows[0]))
        done = run(sql, [_document(rows, fields)])
    else:
        sql, fields = _insert_of(type(rows[0]), len(rows))
        done = run(sql, [value for row in rows for value in _saved(row, fields)])
    for row, (pk,) in zip(rows, done.rows, strict=True):
        row.pk = pk
        row._state.adding = False
        row._state.db = DEFAULT_DB_ALIAS


def remove(model: type[Model], **equals: Any) -> int:
    """Delete the rows whose fields equal the values (a value, or a tuple of them) and say how many that were.

    The database alone says what becomes of rows that refer to them.
    """
    sql, wheres = _remove_of(model, tuple((name, _arity(wanted)) for name, wanted in equals.items()))
    parameters: list[Any] = []
    for where, wanted in zip(wheres, equals.values(), strict=True):
        several = wanted if isinstance(wanted, tuple) else (wanted,)
        parameters.extend(_prepared_for([where] * len(several), several))
    return run(sql, parameters).touched


def take_out(model: type[Model], *, where: str, equals: Any, column: str) -> list[Any]:
    """Delete the rows whose field equals a value and give what a column of them held."""
    sql, field = _delete_of(model, where, column)
    return [value for (value,) in run(sql, _prepared_for([field], [equals])).rows]


def _arity(wanted: Any) -> int:
    """Say how many values are allowed; none stands for NULL."""
    if wanted is None:
        return 0
    return len(wanted) if isinstance(wanted, tuple) else 1


@cache
def _update_of(
    model: type[Model], names: tuple[str, ...], shape: tuple[tuple[str, int], ...], counting: str
) -> tuple[str, tuple[Field[Any, Any], ...], tuple[Field[Any, Any], ...]]:
    setters = tuple(_field(model, name) for name in names)
    counted = [_quoted(_field(model, counting))] if counting else []
    changes = ", ".join([f"{_quoted(field)} = %s" for field in setters] + [f"{one} = {one} + 1" for one in counted])
    conditions = [f"{_quoted(model._meta.pk)} = %s"]
    wheres = []
    for name, arity in shape:
        field, condition = _condition(model, name, arity)
        wheres.append(field)
        conditions.append(condition)
    # Names come from the models, values go in as parameters.
    sql = f"UPDATE {_table(model)} SET {changes} WHERE {' AND '.join(conditions)}"  # nosec B608
    return sql, setters, tuple(wheres)


def _condition(model: type[Model], name: str, arity: int) -> tuple[Any, str]:
    """Give the field that is compared, and the comparison; `plan__state` is one of the row that `plan` names."""
    key, _, of_other = name.partition("__")
    if of_other:
        foreign = _field(model, key)
        other = foreign.related_model
        field, inner = _condition(other, of_other, arity)
        found = f"SELECT {_quoted(other._meta.pk)} FROM {_table(other)} WHERE {inner}"  # nosec B608
        return field, f"{_quoted(foreign)} IN ({found})"
    field = _field(model, name)
    return field, f"{_quoted(field)} {f'IN ({_marks(arity)})' if arity else 'IS NULL'}"


@cache
def _insert_of(model: type[Model], rows: int) -> tuple[str, tuple[Field[Any, Any], ...]]:
    fields = tuple(field for field in model._meta.concrete_fields if not field.primary_key)
    columns = ", ".join(_quoted(field) for field in fields)
    values = ", ".join([f"({_marks(len(fields))})"] * rows)
    returning = _quoted(model._meta.pk)
    return f"INSERT INTO {_table(model)} ({columns}) VALUES {values} RETURNING {returning}", fields  # nosec B608


@cache
def _insert_of_document(model: type[Model]) -> tuple[str, tuple[Field[Any, Any], ...]]:
    """Give the insert of any number of rows that come as one JSON document, which costs a fifth of their parameters."""
    connection = _connection()
    fields = tuple(field for field in model._meta.concrete_fields if not field.primary_key)
    columns = ", ".join(_quoted(field) for field in fields)
    typed = ", ".join(f"{_quoted(field)} {field.db_type(connection)}" for field in fields)
    rows = f"SELECT {columns} FROM jsonb_to_recordset(%s::text::jsonb) AS given({typed})"  # nosec B608
    return f"INSERT INTO {_table(model)} ({columns}) {rows} RETURNING {_quoted(model._meta.pk)}", fields  # nosec B608


def _document(rows: Sequence[Model], fields: Sequence[Field[Any, Any]]) -> str:
    return json.dumps(
        [{field.column: field.pre_save(row, True) for field in fields} for row in rows], default=str, allow_nan=False
    )


@cache
def _remove_of(model: type[Model], shape: tuple[tuple[str, int], ...]) -> tuple[str, tuple[Field[Any, Any], ...]]:
    conditions = [_condition(model, name, arity) for name, arity in shape]
    where = " AND ".join(condition for _, condition in conditions)
    return f"DELETE FROM {_table(model)} WHERE {where}", tuple(field for field, _ in conditions)  # nosec B608


def _saved(row: Model, fields: Sequence[Field[Any, Any]]) -> list[Any]:
    return _prepared_for(fields, [field.pre_save(row, True) for field in fields])


def _prepared_for(fields: Iterable[Field[Any, Any]], values: Iterable[Any]) -> list[Any]:
    """Give values as the database takes them; PostgreSQL's driver takes simple ones as they are."""
    connection = _connection()
    simple = _SIMPLE if connection.vendor == "postgresql" else frozenset()
    return [
        value if type(field) in simple else field.get_db_prep_save(value, connection)
        for field, value in zip(fields, values, strict=True)
    ]


def _marks(number: int) -> str:
    return ", ".join(["%s"] * number)


@cache
def _delete_of(model: type[Model], where: str, column: str) -> tuple[str, Field[Any, Any]]:
    condition, returned = _field(model, where), _field(model, column)
    sql = f"DELETE FROM {_table(model)} WHERE {_quoted(condition)} = %s RETURNING {_quoted(returned)}"  # nosec B608
    return sql, condition


def _field(model: type[Model], name: str) -> Any:
    return model._meta.get_field(name)


def _quoted(field: Any) -> str:
    return _connection().ops.quote_name(field.column)


def _table(model: type[Model]) -> str:
    return _connection().ops.quote_name(model._meta.db_table)
