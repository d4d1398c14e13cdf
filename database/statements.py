"""This will run the hot statements: Django compiles each of them once, and they run with other values after.

Most of what a failover cost was the building of the same fifty statements again and again (docs/performance.md).
Models, fields, constraints and converters stay Django's; only the text of the SQL is kept.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS
from django.db.models import DateTimeField, Model, QuerySet

from database.running import connection_here, run
from database.texts import (
    FEW,
    arity_of,
    delete_of,
    document_of,
    expected,
    insert_of,
    insert_of_document,
    prepared_for,
    remove_of,
    saved,
    update_of,
)

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
        connection = connection_here() if compiled.converters and fetched else None
        for position, converters, expression in compiled.converters:
            for row in fetched:
                for convert in converters:
                    row[position] = convert(row[position], expression, connection)
        return fetched

    def _compile(self) -> _Compiled:
        given = {name: self._stand_in(number, name) for number, name in enumerate(self._names)}
        stand_ins = {_as_stored(stand_in): name for name, stand_in in given.items()}
        queryset = self._query(**given)
        connection = connection_here()
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
        return _MOMENT.get_db_prep_value(value, connection_here())
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
    shape = tuple((name, arity_of(wanted)) for name, wanted in expecting.items())
    sql, setters, wheres = update_of(model, tuple(values), shape, counting)
    parameters = [*prepared_for(setters, values.values()), pk, *expected(wheres, expecting.values())]
    return bool(run(sql, parameters).touched)


def insert(row: M) -> M:
    """Insert a row that was never saved and give it its id; signals are not sent: the engine's models have none."""
    sql, fields = insert_of(type(row), 1)
    ((row.pk,),) = run(sql, saved(row, fields)).rows
    row._state.adding = False
    row._state.db = DEFAULT_DB_ALIAS
    return row


def insert_all(rows: Sequence[Model]) -> None:
    """Insert rows of one model in one statement and give them their ids, in their order; signals are not sent."""
    if not rows:
        return
    if len(rows) > FEW and connection_here().vendor == "postgresql":
        sql, fields = insert_of_document(type(rows[0]))
        done = run(sql, [document_of(rows, fields)])
    else:
        sql, fields = insert_of(type(rows[0]), len(rows))
        done = run(sql, [value for row in rows for value in saved(row, fields)])
    for row, (pk,) in zip(rows, done.rows, strict=True):
        row.pk = pk
        row._state.adding = False
        row._state.db = DEFAULT_DB_ALIAS


def remove(model: type[Model], **equals: Any) -> int:
    """Delete the rows whose fields equal the values (a value, or a tuple of them) and say how many that were.

    The database alone says what becomes of rows that refer to them.
    """
    sql, wheres = remove_of(model, tuple((name, arity_of(wanted)) for name, wanted in equals.items()))
    return run(sql, expected(wheres, equals.values())).touched


def take_out(model: type[Model], *, where: str, equals: Any, column: str) -> list[Any]:
    """Delete the rows whose field equals a value and give what a column of them held."""
    sql, field = delete_of(model, where, column)
    return [value for (value,) in run(sql, prepared_for([field], [equals])).rows]
