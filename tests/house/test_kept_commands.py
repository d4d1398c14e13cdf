"""This will show that no command changes under a version that plans in somebody's database already name."""

from __future__ import annotations

from jobs.commands import COMMANDS
from tests.upgrades.keeping import kept, present

ADVICE = (
    "Plans in databases name this command and version with the fields kept in tests/upgrades/commands.json. Leave the "
    "class as it is, put the changed one with the next version beside it, and list both in COMMANDS (CONTRIBUTING.md, "
    "change a command)."
)


def test_no_fields_of_a_delivered_command_changed_without_another_version() -> None:
    before, now = kept(), present()
    changed = {name: (fields, now[name]) for name, fields in before.items() if name in now and now[name] != fields}
    assert changed == {}, ADVICE


def test_no_delivered_command_or_version_is_gone() -> None:
    assert sorted(kept().keys() - present().keys()) == [], ADVICE


def test_every_command_and_version_is_kept() -> None:
    assert sorted(present().keys() - kept().keys()) == [], "Run: python -m tests.upgrades.keeping"


def test_every_command_and_version_is_listed_once() -> None:
    assert len(present()) == len(COMMANDS)
