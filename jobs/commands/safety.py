"""This will repeat the safety checks of the start as the first step of the plan: the world may have changed since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jobs.commands.base import CommandBase
from jobs.engine.contracts import Absent, Already, Answer, Finished, Guarded, Refuse, Sight, Ticket
from jobs.world import World


@dataclass(frozen=True)
class MarkReplication(CommandBase):
    """Note how far replication is: its change ids and its newest run."""

    name: ClassVar[str] = "mark_replication"

    vm_id: str

    def title(self) -> str:
        """Say what is done."""
        return "Note the change ids before the snapshots"

    def touches(self) -> tuple[str, ...]:
        """Touch nothing."""
        return ()

    def guard(self, world: World) -> Guarded:
        """Read the inventory."""
        return Already({"mark": world.replication_mark()}, seen="noted")

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send nothing: the guard is the whole step."""
        return Finished()

    def confirm(self, world: World) -> Sight:
        """Say that there is nothing to read."""
        return Absent("nothing to read")


@dataclass(frozen=True)
class CheckSet(CommandBase):
    """See that no sync ran while the snapshots were cut, so that all disks are of one point (rule 7)."""

    name: ClassVar[str] = "check_set"

    vm_id: str
    mark: str

    def title(self) -> str:
        """Say what is done."""
        return "Check that all snapshots are of one point in time"

    def touches(self) -> tuple[str, ...]:
        """Touch nothing."""
        return ()

    def guard(self, world: World) -> Guarded:
        """Refuse a torn set: what was cut is thrown away then."""
        now = world.replication_mark()
        if now != self.mark:
            return Refuse(
                "A sync ran while the snapshots were cut, so they are not of one point: they are thrown away. "
                "Start the test again, or have the appliance hold replication."
            )
        return Already({"mark": now}, seen="no sync ran while they were cut")

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send nothing: the guard is the whole step."""
        return Finished()

    def confirm(self, world: World) -> Sight:
        """Say that there is nothing to read."""
        return Absent("nothing to read")


@dataclass(frozen=True)
class CheckSafety(CommandBase):
    """Read the safety checks again; nothing is sent."""

    name: ClassVar[str] = "check_safety"

    vm_id: str

    def title(self) -> str:
        """Say what is done."""
        return "Check again that the failover is safe"

    def touches(self) -> tuple[str, ...]:
        """Touch nothing."""
        return ()

    def guard(self, world: World) -> Guarded:
        """Refuse with all findings, or pass."""
        findings = world.findings()
        return Refuse(" ".join(findings)) if findings else Already({}, seen="all safety checks passed")

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send nothing: the guard is the whole step."""
        return Finished()

    def confirm(self, world: World) -> Sight:
        """Say that there is nothing to read."""
        return Absent("nothing to read")
