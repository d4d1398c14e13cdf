"""Make a next release of the service: every command has a newer version beside the one that plans were made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, make_dataclass
from typing import Any, cast

from jobs.commands import COMMANDS
from jobs.commands.base import CommandBase
from jobs.engine.contracts import Command
from jobs.engine.ports import UnknownCommand


def _with_another_meaning(command: type[CommandBase]) -> type[CommandBase]:
    """Give the next version: it demands an argument that no plan of today has."""
    following = make_dataclass(
        f"{command.__name__}Next", [("since_next", str)], bases=(command,), frozen=True, kw_only=True
    )
    following.version = command.version + 1  # type: ignore[attr-defined]
    return cast("type[CommandBase]", following)


NEXT_VERSIONS = {(made.name, made.version): made for made in map(_with_another_meaning, COMMANDS)}
TODAYS_VERSIONS = {(command.name, command.version): command for command in COMMANDS}


@dataclass(frozen=True)
class Release:
    """The commands that a release has, by name and version."""

    commands: Mapping[tuple[str, int], type[CommandBase]]

    def load(self, *, name: str, version: int, arguments: Mapping[str, Any]) -> Command:
        """Give the command; raises UnknownCommand."""
        if (name, version) not in self.commands:
            raise UnknownCommand(f"{name} version {version}")
        return cast(Command, self.commands[name, version].load(arguments))


NEXT_RELEASE = Release(TODAYS_VERSIONS | NEXT_VERSIONS)
# What must never be published: plans of today cannot be gone on with.
FORGETFUL_RELEASE = Release(NEXT_VERSIONS)
