"""This will spell the statements that change rows, once for each shape; names come from the models.

Values go in as parameters, in the order of the fields that are given beside each text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

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
    TextField,
)

from database.running import connection_here

# Fields whose values need no preparing for PostgreSQL.
_SIMPLE = frozenset(
    {BooleanField, CharField, DateTimeField, FloatField, ForeignKey, IntegerField, PositiveIntegerField, TextField}
)
# Up to so many rows are inserted by a parameter for each value.
FEW = 4


def arity_of(wanted: Any) -> int:
    """Say how many values are allowed; none stands for NULL."""
    if wanted is None:
        return 0
    return len(wanted) if isinstance(wanted, tuple) else 1


@cache
def update_of(
    model: type[Model], names: tuple[str, ...], shape: tuple[tuple[str, int], ...], counting: str, *, gate: str = ""
) -> tuple[str, tuple[Field[Any, Any], ...], tuple[Field[Any, Any], ...]]:
    """Give the change of one row, its fields that are set, and those that are compared, which follow its id.

    `shape` is what is compared, with the number of values allowed; nothing is changed where `gate` has no row.
    """
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
    through = f" FROM {gate}" if gate else ""
    sql = f"UPDATE {_table(model)} SET {changes}{through} WHERE {' AND '.join(conditions)}"  # nosec B608
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
def insert_of(model: type[Model], rows: int) -> tuple[str, tuple[Field[Any, Any], ...]]:
    """Give the insert of so many rows, with the fields of each."""
    fields = _stored(model)
    columns = _listed(fields)
    values = ", ".join([f"({_marks(len(fields))})"] * rows)
    returning = _quoted(model._meta.pk)
    return f"INSERT INTO {_table(model)} ({columns}) VALUES {values} RETURNING {returning}", fields  # nosec B608


@cache
def insert_through(model: type[Model], gate: str, naming: str) -> tuple[str, tuple[Field[Any, Any], ...]]:
    """Give the insert of one row where `gate` has one, whose id the foreign key `naming` gets; and the other fields."""
    fields = _stored(model)
    given = ", ".join(f"{gate}.id" if field.name == naming else "%s" for field in fields)
    text = f"INSERT INTO {_table(model)} ({_listed(fields)}) SELECT {given} FROM {gate}"  # nosec B608
    return f"{text} RETURNING {_quoted(model._meta.pk)} AS id", tuple(one for one in fields if one.name != naming)


@cache
def insert_of_document(
    model: type[Model], *, gate: str = "", naming: str = ""
) -> tuple[str, tuple[Field[Any, Any], ...]]:
    """Give the insert of any number of rows that come as one JSON document, which costs a fifth of their parameters.

    With `gate` they go in only where that has a row, whose id the foreign key `naming` gets.
    """
    connection = connection_here()
    fields = _stored(model)
    typed = ", ".join(f"{_quoted(field)} {field.db_type(connection)}" for field in fields)
    selected = ", ".join(f"{gate}.id" if field.name == naming else f"given.{_quoted(field)}" for field in fields)
    through = f"{gate}, " if gate else ""
    rows = f"SELECT {selected} FROM {through}jsonb_to_recordset(%s::text::jsonb) AS given({typed})"  # nosec B608
    into = f"INSERT INTO {_table(model)} ({_listed(fields)})"
    return f"{into} {rows} RETURNING {_quoted(model._meta.pk)} AS id", fields


def document_of(rows: Sequence[Model], fields: Sequence[Field[Any, Any]]) -> str:
    """Give rows as the document that `insert_of_document` takes."""
    return json.dumps(
        [{field.column: field.pre_save(row, True) for field in fields} for row in rows], default=str, allow_nan=False
    )


@cache
def remove_of(model: type[Model], shape: tuple[tuple[str, int], ...]) -> tuple[str, tuple[Field[Any, Any], ...]]:
    """Give the removal of all rows that match, and the fields that are compared."""
    conditions = [_condition(model, name, arity) for name, arity in shape]
    where = " AND ".join(condition for _, condition in conditions)
    return f"DELETE FROM {_table(model)} WHERE {where}", tuple(field for field, _ in conditions)  # nosec B608


def saved(row: Model, fields: Sequence[Field[Any, Any]]) -> list[Any]:
    """Give a row's values for these fields as the database takes them."""
    return prepared_for(fields, [field.pre_save(row, True) for field in fields])


def prepared_for(fields: Iterable[Field[Any, Any]], values: Iterable[Any]) -> list[Any]:
    """Give values as the database takes them; PostgreSQL's driver takes simple ones as they are."""
    connection = connection_here()
    simple = _SIMPLE if connection.vendor == "postgresql" else frozenset()
    return [
        value if type(field) in simple else field.get_db_prep_save(value, connection)
        for field, value in zip(fields, values, strict=True)
    ]


def expected(fields: Iterable[Field[Any, Any]], wanted: Iterable[Any]) -> list[Any]:
    """Give what fields are compared with, each a value, a tuple of allowed ones, or None, as the database takes it."""
    values: list[Any] = []
    for field, one in zip(fields, wanted, strict=True):
        several = one if isinstance(one, tuple) else () if one is None else (one,)
        values += prepared_for([field] * len(several), several)
    return values


def _marks(number: int) -> str:
    return ", ".join(["%s"] * number)


@cache
def delete_of(model: type[Model], where: str, column: str, *, gate: str = "") -> tuple[str, Field[Any, Any]]:
    """Give the removal of the rows whose field `where` equals a value, giving back a column of theirs; and that field.

    Nothing is removed where `gate` has no row.
    """
    condition, returned = _field(model, where), _field(model, column)
    through = f" USING {gate}" if gate else ""
    sql = f"DELETE FROM {_table(model)}{through} WHERE {_quoted(condition)} = %s"  # nosec B608
    return f"{sql} RETURNING {_quoted(returned)} AS gone", condition


def _stored(model: type[Model]) -> tuple[Field[Any, Any], ...]:
    return tuple(field for field in model._meta.concrete_fields if not field.primary_key)


def _listed(fields: Sequence[Field[Any, Any]]) -> str:
    return ", ".join(_quoted(field) for field in fields)


def _field(model: type[Model], name: str) -> Any:
    return model._meta.get_field(name)


def _quoted(field: Any) -> str:
    return connection_here().ops.quote_name(field.column)


def _table(model: type[Model]) -> str:
    return connection_here().ops.quote_name(model._meta.db_table)
