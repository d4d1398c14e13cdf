"""This will bring a replica that a test booted back to its snapshot; the result is never taken on trust (rule 8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from jobs.commands.appliance import quiet, where
from jobs.commands.base import CommandBase, answer_of, ticket_of
from jobs.engine.contracts import (
    Absent,
    Already,
    Answer,
    Finished,
    Guarded,
    Holds,
    NoInverse,
    Refuse,
    Sight,
    Ticket,
    Unclear,
)
from jobs.world import World


@dataclass(frozen=True)
class PromiseRevert(CommandBase):
    """Say before a replica is handed to a test VM that it will be reverted; sends nothing, its inverse reverts."""

    name: ClassVar[str] = "promise_revert"

    volume_id: str
    snapshot_id: str
    label: str

    def title(self) -> str:
        """Say what is done."""
        return f"Promise to revert {self.label} after the test"

    def touches(self) -> tuple[str, ...]:
        """Touch nothing."""
        return ()

    def guard(self, world: World) -> Guarded:
        """Promise only what can be kept: the snapshot must be there."""
        snapshot = world.gateway.snapshot(self.snapshot_id)
        if snapshot is None or snapshot.state != "BackedUp":
            return Refuse(f"The snapshot of {self.label} is not BackedUp: without it the replica is not booted.")
        return Already({}, seen="the snapshot is BackedUp")

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send nothing: the guard is the whole step."""
        return Finished()

    def confirm(self, world: World) -> Sight:
        """Say that there is nothing to read."""
        return Absent("nothing to read")

    def inverse(self, result: Mapping[str, Any]) -> RevertSnapshot:
        """Revert."""
        return RevertSnapshot(volume_id=self.volume_id, snapshot_id=self.snapshot_id, label=self.label)


@dataclass(frozen=True)
class RevertSnapshot(CommandBase):
    """Put a snapshot's content back onto its detached volume. CloudStack shows no content: only its answer says so."""

    name: ClassVar[str] = "revert_snapshot"
    only_the_answer_proves: ClassVar[bool] = True
    limit_seconds: ClassVar[float] = 6 * 3600.0

    volume_id: str
    snapshot_id: str
    label: str

    def title(self) -> str:
        """Say what is done."""
        return f"Revert {self.label} to its snapshot"

    def touches(self) -> tuple[str, ...]:
        """Reserve disk and snapshot."""
        return (f"volume:{self.volume_id}", f"snapshot:{self.snapshot_id}")

    def guard(self, world: World) -> Guarded:
        """Revert only what may have been written, and only while it hangs nowhere."""
        if not world.was_started():
            return Already({"reverted": False}, seen="the test VM was never started: nothing was written")
        volume = world.gateway.volume(self.volume_id)
        if volume is None:
            return Refuse(f"The replica {self.volume_id} ({self.label}) is not in the cloud any more, or not visible.")
        if volume.virtual_machine_id is not None:
            return Refuse(f"{self.label} must hang nowhere to be reverted, but {where(volume)}.")
        return quiet(volume, self.label)

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send revertSnapshot; sending it again is harmless."""
        return answer_of(world.gateway.revert_snapshot(self.snapshot_id, ticket=ticket_of(ticket)))

    def confirm(self, world: World) -> Sight:
        """Read that the volume is quiet; its content cannot be read."""
        volume = world.gateway.volume(self.volume_id)
        if volume is None:
            return Unclear("the volume is not visible")
        if volume.state == "Ready":
            return Holds({"reverted": True}, seen="the volume is Ready; its content is unverified")
        return Unclear(where(volume), still_moving=True)

    def inverse(self, result: Mapping[str, Any]) -> NoInverse:
        """Say why it is not undone."""
        return NoInverse("It is itself an undo.")
