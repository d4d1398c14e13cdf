"""Read the tree as the house rules see it: Python files of the project, their syntax, and the documents."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
APPS = (
    "failover_project",
    "debugtools",
    "jobs",
    "validation",
    "networks",
    "notifications",
    "inventory",
    "audit",
    "database",
    "cloudstack",
    "cloudstack_simulator",
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def code_files() -> tuple[Path, ...]:
    """Give the project's own Python files, without migrations: Django writes those."""
    found = [ROOT / "manage.py"]
    for app in APPS:
        found += sorted((ROOT / app).rglob("*.py"))
    return tuple(path for path in found if "migrations" not in path.parts)


@cache
def files_of_tests() -> tuple[Path, ...]:
    """Give the Python files of the tests."""
    return tuple(sorted((ROOT / "tests").rglob("*.py")))


@cache
def parsed(path: Path) -> ast.Module:
    """Give a file's syntax."""
    return ast.parse(path.read_text(), filename=str(path))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Give every node of a file's syntax; walked once, for all rules."""
    return tuple(ast.walk(parsed(path)))


def named(path: Path) -> str:
    """Give a path as people write it."""
    return str(path.relative_to(ROOT))


def document(name: str) -> str:
    """Give the text of a document."""
    return (ROOT / name).read_text()


def functions(path: Path) -> Iterator[Function]:
    """Give every function and method of a file."""
    for node in nodes(path):
        if isinstance(node, Function):
            yield node


def length(function: Function) -> int:
    """Give a function's lines, from its `def` to its end."""
    return (function.end_lineno or function.lineno) - function.lineno + 1
