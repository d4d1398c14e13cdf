"""This will stand between the service and its database: a process may die, or the database fail, around a commit.

A commit is known by what it writes: an attempt's intent, its answer, or what was read back (its result).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection

_ANSWERS = frozenset({"submitted", "answered", "unknown"})
_RESULTS = frozenset({"done", "not_done"})
_WRITES = ("INSERT", "UPDATE", "DELETE")
Statement = tuple[str, Sequence[Any]]
# Is told the moment ("before_intent" …) and the attempt's row id, 0 when it has none yet, and the step's.
Strike = Callable[[str, int, int], None]


class Commits:
    """Watches the commits of this process's one connection; one `strike` at a time."""

    def __init__(self) -> None:
        """Stand in for the connection's own commit and rollback."""
        self.strike: Strike = _let_be
        self._open: list[Statement] = []
        wrapper: Any = connection
        self._commit, self._rollback = wrapper._commit, wrapper._rollback
        wrapper._commit, wrapper._rollback = self._committing, self._rolling_back
        connection.execute_wrappers.append(self._executing)

    def forget(self) -> None:
        """Begin anew after a schedule that was broken off."""
        self.strike = _let_be
        self._open = []

    def _executing(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        if not sql.startswith(_WRITES):
            return execute(sql, params, many, context)
        if connection.in_atomic_block:
            self._open.append((sql, params))
            return execute(sql, params, many, context)
        told = _told_by((sql, params))
        if told is None:
            return execute(sql, params, many, context)
        self.strike(f"before_{told[0]}", told[1], told[2])
        result = execute(sql, params, many, context)
        self.strike(f"after_{told[0]}", told[1], told[2])
        return result

    def _committing(self) -> None:
        written, self._open = self._open, []
        told = next((found for one in written if (found := _told_by(one)) is not None), None)
        if told is None:
            self._commit()
            return
        is_to_be = False
        try:
            self.strike(f"before_{told[0]}", told[1], told[2])
            is_to_be = True
        finally:
            if not is_to_be:
                self._rollback()
        self._commit()
        self.strike(f"after_{told[0]}", told[1], told[2])

    def _rolling_back(self) -> None:
        self._open = []
        self._rollback()


def _told_by(statement: Statement) -> tuple[str, int, int] | None:
    """Say which moment of an attempt a statement writes, with the ids of attempt and step as far as it names them."""
    sql, params = statement
    if sql.startswith('INSERT INTO "jobs_stepattempt"'):
        # The step is the first field after the id.
        return "intent", 0, int(params[0])
    if not sql.startswith('UPDATE "jobs_stepattempt" SET "state"'):
        return None
    what = "answer" if params[0] in _ANSWERS else "result" if params[0] in _RESULTS else None
    place = sql.partition(" WHERE ")[0].count("%s")
    return (what, int(params[place]), 0) if what is not None else None


def _let_be(moment: str, attempt_id: int, step_id: int) -> None:
    """Let everything be committed."""
