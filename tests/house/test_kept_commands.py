"""This will show that no command changes under a version that plans in somebody's database already name."""

from __future__ import annotations

from jobs.commands import COMMANDS
from tests.upgrades.keeping import kept, present

ADVICE = (
    "Plans in databases name this command and version with the fields kept in tests/upgrades/commands.json. Leave the "
    "class as it is, put the changed one with the next version beside it, and list both in COMMANDS (CONTRIBUTING.md, "
    "change a command). A field may be added if its default is what old plans mean."
)


def test_no_field_of_a_delivered_command_changed_or_went_without_another_version() -> None:
    now = present()
    gone = {name: sorted(set(fields) - set(now[name])) for name, fields in kept().items() if name in now}
    assert {name: fields for name, fields in gone.items() if fields} == {}, ADVICE


def test_what_a_delivered_command_gained_has_a_default_that_old_plans_take() -> None:
    before = kept()
    demanded = {
        name: [field for field in fields if field not in before[name] and " = " not in field]
        for name, fields in present().items()
        if name in before
    }
    assert {name: fields for name, fields in demanded.items() if fields} == {}, ADVICE


def test_no_delivered_command_or_version_is_gone() -> None:
    assert sorted(kept().keys() - present().keys()) == [], ADVICE


def test_every_command_version_and_field_is_kept() -> None:
    before = kept()
    fresh = {name for name, fields in present().items() if set(fields) - set(before.get(name, ()))}
    assert fresh == set(), "Run: python -m tests.upgrades.keeping"


def test_every_command_and_version_is_listed_once() -> None:
    assert len(present()) == len(COMMANDS)
