"""This will run the engine's hot statements: Django compiles each of them once, and they run with other values after.

Most of what a failover cost was the building of the same fifty statements again and again (docs/performance.md).
Models, fields, constraints and converters stay Django's; only the text of the SQL is kept.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import DateTimeField, Field, Model, QuerySet

M = TypeVar("M", bound=Model)

# Stands for an integer parameter while a query is compiled; no row has such an id.
_FIRST_STAND_IN = -4_000_000_000_000
_MOMENT: DateTimeField[datetime, datetime] = DateTimeField()


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
    ) -> None:
        """Keep the query; it is compiled when it is first run."""
        self._query = query
        self._texts, self._moments = texts, moments
        self._names = tuple(inspect.signature(query).parameters)
        self._compiled: _Compiled | None = None

    def rows(self, **values: int | str | datetime) -> list[M]:
        """Run the query and give its rows as models."""
        compiled = self._compiled or self._compile()
        return [compiled.model.from_db(connection.alias, compiled.attributes, row) for row in self.values(**values)]

    def row(self, **values: int | str | datetime) -> M | None:
        """Run the query and give its only row, or None."""
        return next(iter(self.rows(**values)), None)

    def values(self, **values: int | str | datetime) -> list[list[Any]]:
        """Run the query and give the columns it selects, row by row."""
        compiled = self._compiled or self._compile()
        given = {name: _as_stored(value) for name, value in values.items()}
        parameters = [given[one.name] if isinstance(one, _Slot) else one for one in compiled.parameters]
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, parameters)
            fetched = [list(row) for row in cursor.fetchall()]
        for position, converters, expression in compiled.converters:
            for row in fetched:
                for convert in converters:
                    row[position] = convert(row[position], expression, connection)
        return fetched

    def _compile(self) -> _Compiled:
        given = {name: self._stand_in(number, name) for number, name in enumerate(self._names)}
        stand_ins = {_as_stored(stand_in): name for name, stand_in in given.items()}
        queryset = self._query(**given)
        compiler = queryset.query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        columns = [column for column, _, _ in compiler.select]
        self._compiled = _Compiled(
            model=queryset.model,
            sql=sql,
            parameters=tuple(_Slot(stand_ins[one]) if one in stand_ins else one for one in parameters),
            attributes=tuple(column.target.attname for column in columns),
            converters=tuple((at, *rest) for at, rest in compiler.get_converters(columns).items()),
        )
        return self._compiled

    def _stand_in(self, number: int, name: str) -> int | str | datetime:
        if name in self._texts:
            return f"a value for {name}"
        return datetime(1001 + number, 1, 1, tzinfo=UTC) if name in self._moments else _FIRST_STAND_IN - number


def _as_stored(value: int | str | datetime) -> Any:
    """Give a parameter as the database takes it: databases differ in their moments."""
    return _MOMENT.get_db_prep_value(value, connection) if isinstance(value, datetime) else value


def compare_and_set(model: type[Model], *, pk: int, expecting: Mapping[str, Any], **values: Any) -> bool:
    """Change one row if it still is as expected (a value, or a tuple of allowed ones); the loser changes nothing."""
    shape = tuple((name, _arity(wanted)) for name, wanted in expecting.items())
    sql, setters, wheres = _update_of(model, tuple(values), shape)
    parameters = [
        setter.get_db_prep_save(value, connection) for setter, value in zip(setters, values.values(), strict=True)
    ]
    parameters.append(pk)
    for where, wanted in zip(wheres, expecting.values(), strict=True):
        if wanted is not None:
            several = wanted if isinstance(wanted, tuple) else (wanted,)
            parameters.extend(where.get_db_prep_value(one, connection) for one in several)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return bool(cursor.rowcount)


def insert(row: M) -> M:
    """Insert a row that was never saved and give it its id; signals are not sent: the engine's models have none."""
    sql, fields = _insert_of(type(row))
    parameters = [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        row.pk = cursor.fetchone()[0]
    row._state.adding = False
    row._state.db = connection.alias
    return row


def take_out(model: type[Model], *, where: str, equals: Any, column: str) -> list[Any]:
    """Delete the rows whose field equals a value and give what a column of them held."""
    sql, field = _delete_of(model, where, column)
    with connection.cursor() as cursor:
        cursor.execute(sql, [field.get_db_prep_value(equals, connection)])
        return [row[0] for row in cursor.fetchall()]


def _arity(wanted: Any) -> int:
    """Say how many values are allowed; none stands for NULL."""
    if wanted is None:
        return 0
    return len(wanted) if isinstance(wanted, tuple) else 1


@cache
def _update_of(
    model: type[Model], names: tuple[str, ...], shape: tuple[tuple[str, int], ...]
) -> tuple[str, tuple[Field[Any, Any], ...], tuple[Field[Any, Any], ...]]:
    setters = tuple(_field(model, name) for name in names)
    wheres = tuple(_field(model, name) for name, _ in shape)
    changes = ", ".join(f"{_quoted(field)} = %s" for field in setters)
    conditions = [f"{_quoted(model._meta.pk)} = %s"]
    for field, (_, arity) in zip(wheres, shape, strict=True):
        allowed = f"IN ({', '.join(['%s'] * arity)})" if arity else "IS NULL"
        conditions.append(f"{_quoted(field)} {allowed}")
    # Names come from the models, values go in as parameters.
    sql = f"UPDATE {_table(model)} SET {changes} WHERE {' AND '.join(conditions)}"  # nosec B608
    return sql, setters, wheres


@cache
def _insert_of(model: type[Model]) -> tuple[str, tuple[Field[Any, Any], ...]]:
    fields = tuple(field for field in model._meta.concrete_fields if not field.primary_key)
    columns = ", ".join(_quoted(field) for field in fields)
    values = ", ".join(["%s"] * len(fields))
    returning = _quoted(model._meta.pk)
    return f"INSERT INTO {_table(model)} ({columns}) VALUES ({values}) RETURNING {returning}", fields  # nosec B608


@cache
def _delete_of(model: type[Model], where: str, column: str) -> tuple[str, Field[Any, Any]]:
    condition, returned = _field(model, where), _field(model, column)
    sql = f"DELETE FROM {_table(model)} WHERE {_quoted(condition)} = %s RETURNING {_quoted(returned)}"  # nosec B608
    return sql, condition


def _field(model: type[Model], name: str) -> Any:
    return model._meta.get_field(name)


def _quoted(field: Any) -> str:
    return connection.ops.quote_name(field.column)


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)
