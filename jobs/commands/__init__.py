"""This will hold one class per command, and find them by name; adding one touches its file and this list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from jobs.commands.appliance import AttachToAppliance, DetachFromAppliance, ReturnToAppliance
from jobs.commands.base import CommandBase
from jobs.commands.clones import CreateClone, DeleteClone
from jobs.commands.placeholder import DeletePlaceholder, DetachPlaceholder
from jobs.commands.power import ProtectTarget, SetOsType, StartTarget, StopTarget
from jobs.commands.replication import HoldReplication, ReleaseReplication
from jobs.commands.reverts import PromiseRevert, RevertSnapshot
from jobs.commands.safety import CheckSafety, CheckSet, MarkReplication
from jobs.commands.snapshots import DeleteSnapshot, TakeSnapshot, UseSnapshot
from jobs.commands.target import DeployTarget, DestroyTarget
from jobs.commands.target_disks import AttachToTarget, DetachFromTarget
from jobs.engine.contracts import Command
from jobs.engine.ports import UnknownCommand

COMMANDS: tuple[type[CommandBase], ...] = (
    AttachToAppliance,
    AttachToTarget,
    CheckSafety,
    CheckSet,
    CreateClone,
    DeleteClone,
    DeletePlaceholder,
    DeleteSnapshot,
    DeployTarget,
    DestroyTarget,
    DetachFromAppliance,
    DetachFromTarget,
    DetachPlaceholder,
    HoldReplication,
    MarkReplication,
    PromiseRevert,
    ProtectTarget,
    ReleaseReplication,
    ReturnToAppliance,
    RevertSnapshot,
    SetOsType,
    StartTarget,
    StopTarget,
    TakeSnapshot,
    UseSnapshot,
)

_BY_NAME = {(command.name, command.version): command for command in COMMANDS}


class CommandCatalogue:
    """Makes commands of the names, versions and arguments that steps keep."""

    def load(self, *, name: str, version: int, arguments: Mapping[str, Any]) -> Command:
        """Give the command; raises UnknownCommand when this release does not have it."""
        try:
            command = _BY_NAME[name, version]
        except KeyError as error:
            raise UnknownCommand(f"{name} version {version}") from error
        return cast(Command, command.load(arguments))


__all__ = ["COMMANDS", "CommandCatalogue"]
