"""This will write several rows as one: all of it, or nothing where one of them is not as it was expected.

On PostgreSQL that is one statement, which costs a third of what a transaction of seven costs the client, and two thirds
of what it costs the server (docs/performance.md). On SQLite, where a statement costs little, they go one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol, TypeAlias

from django.db import DEFAULT_DB_ALIAS, DataError, transaction
from django.db.models import Model

from database.running import connection_here, run
from database.statements import compare_and_set, insert_all, take_out
from database.texts import (
    FEW,
    arity_of,
    delete_of,
    document_of,
    expected,
    insert_of_document,
    insert_through,
    prepared_for,
    saved,
    update_of,
)

# PostgreSQL's code of that error, the same in every language of its messages.
_DIVISION_BY_ZERO = "22012"


class NotAsExpected(Exception):
    """A row that was to be changed is not as it was expected; nothing was written."""


@dataclass(frozen=True)
class Change:
    """Change one row that still is as expected, as `compare_and_set` does; what is not `needed` may miss its row."""

    model: type[Model]
    pk: int
    values: Mapping[str, Any]
    expecting: Mapping[str, Any] = field(default_factory=dict)
    counting: str = ""
    needed: bool = True

    def write(self) -> bool:
        """Make the change alone; False when the row is not as expected."""
        return compare_and_set(self.model, pk=self.pk, expecting=self.expecting, counting=self.counting, **self.values)


@dataclass(frozen=True)
class New:
    """Insert rows of one model. Their foreign key `naming` names `parent`, a row that a write before makes alone."""

    rows: Sequence[Model]
    parent: Model | None = None
    naming: str = ""


@dataclass(frozen=True)
class Gone:
    """Delete the rows whose field equals a value; `found` then holds what a column of them held."""

    model: type[Model]
    where: str
    equals: Any
    column: str
    found: list[Any] = field(default_factory=list)


Write: TypeAlias = Change | New | Gone


def write_as_one(guard: Change, *others: Write) -> None:
    """Write all of it in a transaction of its own; raises NotAsExpected, IntegrityError.

    The guard has to expect what changes whenever anything changes that the others compare: PostgreSQL looks at all
    rows of the statement as they are when it begins, and where somebody holds a row, only at that row again.
    """
    if connection_here().vendor == "postgresql" and not connection_here().execute_wrappers:
        _write_in_one_statement((guard, *others))
        return
    with transaction.atomic():
        write_in_turn(guard, *others)


def write_in_turn(*writes: Write) -> None:
    """Write one by one in the caller's transaction; raises NotAsExpected, which must end that, and IntegrityError."""
    for one in writes:
        match one:
            case Change():
                if not one.write() and one.needed:
                    raise NotAsExpected
            case New():
                _name_parent(one)
                insert_all(one.rows)
            case Gone():
                one.found[:] = take_out(one.model, where=one.where, equals=one.equals, column=one.column)


def _name_parent(one: New) -> None:
    for row in one.rows if one.naming else ():
        setattr(row, one.naming, one.parent)


def _write_in_one_statement(writes: Sequence[Write]) -> None:
    sql = _text_of(tuple(_shape_of(one, writes) for one in writes))
    parameters = [value for one in writes for value in _values_of(one)]
    # Within somebody's transaction the failure of this statement must not be the end of that.
    within = transaction.atomic() if connection_here().in_atomic_block else nullcontext()
    try:
        with within:
            ((found, _, *answers),) = run(sql, parameters).rows
    except DataError as error:
        # A row that was missed divides by nothing; that a column refuses its value is another matter.
        if getattr(error.__cause__, "sqlstate", "") == _DIVISION_BY_ZERO:
            raise NotAsExpected from error
        raise
    if not found:
        raise NotAsExpected
    for one, answer in zip([one for one in writes if not isinstance(one, Change)], answers, strict=True):
        _take_back(one, answer)


def _take_back(one: New | Gone, answer: Sequence[Any]) -> None:
    """Note what the database said: the ids of new rows, or what those held that are gone."""
    if isinstance(one, Gone):
        one.found[:] = answer
        return
    for row, pk in zip(one.rows, answer, strict=True):
        row.pk = pk
        row._state.adding = False
        row._state.db = DEFAULT_DB_ALIAS
    _name_parent(one)


@dataclass(frozen=True)
class _Spelled:
    """Parts of a statement: what is done, how what is missed is counted, and what is answered."""

    doing: Sequence[str]
    missed: str = ""
    answered: str = ""


class _Shape(Protocol):
    """What a write is but for its values: two of one shape are spelled alike."""

    def spelled(self, name: str, gate: str) -> _Spelled:
        """Spell it under that name, where the gate has a row."""


@dataclass(frozen=True)
class _ChangeShape:
    model: type[Model]
    names: tuple[str, ...]
    compared: tuple[tuple[str, int], ...]
    counting: str
    needed: bool

    def spelled(self, name: str, gate: str) -> _Spelled:
        text, _, _ = update_of(self.model, self.names, self.compared, self.counting, gate=gate)
        missed = f"1 - (SELECT count(*) FROM {name})" if self.needed else ""  # nosec B608
        return _Spelled([f"{name} AS ({text} RETURNING 1 AS one)"], missed=missed)


@dataclass(frozen=True)
class _NewShape:
    model: type[Model]
    number: int
    naming: str
    parent: str

    def spelled(self, name: str, gate: str) -> _Spelled:
        gate = self.parent or gate
        if self.number > FEW:
            text, _ = insert_of_document(self.model, gate=gate, naming=self.naming)
            return _Spelled([f"{name} AS ({text})"], answered=f"ARRAY(SELECT id FROM {name})")  # nosec B608
        text, _ = insert_through(self.model, gate, self.naming)
        names = [name, *(f"{name}_{number}" for number in range(1, self.number))]
        ids = ", ".join(f"(SELECT id FROM {one})" for one in names)  # nosec B608
        return _Spelled([f"{one} AS ({text})" for one in names], answered=f"ARRAY[{ids}]")


@dataclass(frozen=True)
class _GoneShape:
    model: type[Model]
    where: str
    column: str

    def spelled(self, name: str, gate: str) -> _Spelled:
        text, _ = delete_of(self.model, self.where, self.column, gate=gate)
        return _Spelled([f"{name} AS ({text})"], answered=f"ARRAY(SELECT gone FROM {name})")  # nosec B608


def _shape_of(one: Write, writes: Sequence[Write]) -> _Shape:
    match one:
        case Change():
            return _ChangeShape(one.model, tuple(one.values), _compared(one), one.counting, one.needed)
        case New():
            # Any number of rows that go in as a document is spelled alike.
            number = min(len(one.rows), FEW + 1)
            parent = f"w{_place_of(one.parent, writes)}" if one.naming else ""
            return _NewShape(type(one.rows[0]), number, one.naming, parent)
        case Gone():
            return _GoneShape(one.model, one.where, one.column)


def _place_of(row: Model | None, writes: Sequence[Write]) -> int:
    places = (place for place, one in enumerate(writes) if isinstance(one, New) and one.rows[0] is row)
    return next(places)


def _compared(one: Change) -> tuple[tuple[str, int], ...]:
    return tuple((name, arity_of(wanted)) for name, wanted in one.expecting.items())


def _values_of(one: Write) -> list[Any]:
    """Give the parameters of a write in the order of its text."""
    match one:
        case Change():
            _, setters, compared = update_of(one.model, tuple(one.values), _compared(one), one.counting)
            return [*prepared_for(setters, one.values.values()), one.pk, *expected(compared, one.expecting.values())]
        case New():
            model = type(one.rows[0])
            if len(one.rows) > FEW:
                return [document_of(one.rows, insert_of_document(model)[1])]
            _, fields = insert_through(model, "", one.naming)
            return [value for row in one.rows for value in saved(row, fields)]
        case Gone():
            _, where = delete_of(one.model, one.where, one.column)
            return prepared_for([where], [one.equals])


@cache
def _text_of(shapes: tuple[_Shape, ...]) -> str:
    """Spell all as one statement: each waits for the guard, and a needed row that is missed brings all of it down."""
    guard, *others = [shape.spelled(f"w{place}", "w0" if place else "") for place, shape in enumerate(shapes)]
    doing = ", ".join(part for one in (guard, *others) for part in one.doing)
    hit = "(SELECT count(*) FROM w0)"
    missed = " + ".join(one.missed for one in others if one.missed) or "0"
    answered = [one.answered for one in others if one.answered]
    # Where the guard was missed nothing is done, and nothing else counts as missed.
    return f"WITH {doing} SELECT {', '.join([hit, f'1 / (1 - {hit} * sign({missed}))::int', *answered])}"  # nosec B608
