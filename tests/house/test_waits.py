"""This will show that no step waits for ever unseen: each wait has a limit that the runbook tells, or a reason here."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from types import ModuleType

from jobs.commands import COMMANDS, base
from tests.house.tree import ROOT, code_files, document, named, nodes, parsed

# Waits without a limit, by the function that decides so.
WITHOUT_LIMIT = {
    # The cloud is down or silent: an alert says so, nobody could answer better than the cloud that comes back.
    "jobs/engine/claims.py:claim",
    # The clocks are apart: an alert says so, and the steps go on by themselves once they are mended.
    "jobs/engine/claims.py:_waits_for_clock",
}


def test_only_the_waits_whose_reason_is_told_here_have_no_limit() -> None:
    found = {
        f"{named(path)}:{function.name}"
        for path in code_files()
        if path.is_relative_to(ROOT / "jobs")
        for function in nodes(path)
        if isinstance(function, ast.FunctionDef)
        for wait in _waits_in(function)
        if _limit_of(wait) is None
    }
    assert found == WITHOUT_LIMIT


def test_the_runbook_tells_what_every_command_waits_for_at_most() -> None:
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \| [^|]+ \| (\d+) min \|$", document("docs/runbook.md"), re.MULTILINE)
    assert rows
    told = {(name, int(minutes)) for names, minutes in rows for name in re.findall(r"`([a-z_]+)`", names)}
    assert told == set(_waits_of_commands())


def _waits_of_commands() -> Iterator[tuple[str, int]]:
    for command in COMMANDS:
        for ancestor in command.__mro__:
            if not ancestor.__module__.startswith("jobs.commands."):
                continue
            module = importlib.import_module(ancestor.__module__)
            for wait in _all_waits_of(module, ancestor.__name__):
                limit = _limit_of(wait)
                assert limit is not None
                yield command.name, round(getattr(base, ast.unparse(limit)) / 60)


def _all_waits_of(module: ModuleType, name: str) -> Iterator[ast.Call]:
    """Give the waits of a class and of the functions beside it, or imported, that its body calls."""
    body = next(node for node in ast.walk(_source_of(module)) if getattr(node, "name", None) == name)
    yield from _waits_in(body)
    for call in ast.walk(body):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            called = getattr(module, call.func.id, None)
            home = getattr(called, "__module__", "")
            if home.startswith("jobs.commands.") and not isinstance(called, type):
                yield from _all_waits_of(importlib.import_module(home), call.func.id)


def _source_of(module: ModuleType) -> ast.Module:
    return parsed(ROOT / f"{module.__name__.replace('.', '/')}.py")


def _waits_in(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Wait":
            yield node


def _limit_of(wait: ast.Call) -> ast.expr | None:
    return next((keyword.value for keyword in wait.keywords if keyword.arg == "limit"), None)
