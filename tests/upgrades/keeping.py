"""Keep what plans in databases may hold: every command with its version and fields.

`python -m tests.upgrades.keeping` adds what is not kept yet to commands.json. It never changes or removes a line: what
a release once planned, every later one must be able to carry out.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.processes.ground import use_test_settings

if TYPE_CHECKING:
    from jobs.commands.base import CommandBase

KEPT = Path(__file__).parent / "commands.json"


def kept() -> dict[str, list[str]]:
    """Give the fields of each command and version that was ever delivered."""
    read: dict[str, list[str]] = json.loads(KEPT.read_text())
    return read


def present() -> dict[str, list[str]]:
    """Give the fields of each command and version that this tree has."""
    from jobs.commands import COMMANDS  # Needs the settings, which a script has yet to choose.

    return {words_of(command): fields_of(command) for command in COMMANDS}


def words_of(command: type[CommandBase]) -> str:
    """Give name and version as the kept file writes them."""
    return f"{command.name} {command.version}"


def fields_of(command: type[CommandBase]) -> list[str]:
    """Give the fields with their types and defaults."""
    return [_written(field) for field in fields(command)]


def _written(field: Field[Any]) -> str:
    return f"{field.name}: {field.type}" + ("" if field.default is MISSING else f" = {field.default!r}")


def main() -> None:
    """Add what is not kept yet."""
    use_test_settings()
    before, now = kept() if KEPT.exists() else {}, present()
    every = {
        name: [*before.get(name, ()), *(field for field in now.get(name, ()) if field not in before.get(name, ()))]
        for name in before | now
    }
    KEPT.write_text(json.dumps(every, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
