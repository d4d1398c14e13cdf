"""Keep what plans in databases may hold: every command with its version and fields.

`python -m tests.upgrades.keeping` adds what is not kept yet to commands.json. It never changes or removes a line: what
a release once planned, every later one must be able to carry out.
"""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

from jobs.commands import COMMANDS
from jobs.commands.base import CommandBase

KEPT = Path(__file__).parent / "commands.json"


def kept() -> dict[str, list[str]]:
    """Give the fields of each command and version that was ever delivered."""
    read: dict[str, list[str]] = json.loads(KEPT.read_text())
    return read


def present() -> dict[str, list[str]]:
    """Give the fields of each command and version that this tree has."""
    return {words_of(command): fields_of(command) for command in COMMANDS}


def words_of(command: type[CommandBase]) -> str:
    """Give name and version as the kept file writes them."""
    return f"{command.name} {command.version}"


def fields_of(command: type[CommandBase]) -> list[str]:
    """Give the fields with their types, in the order in which they are written."""
    return [f"{field.name}: {field.type}" for field in fields(command)]


def main() -> None:
    """Add what is not kept yet."""
    added = present() | (kept() if KEPT.exists() else {})
    KEPT.write_text(json.dumps(added, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
