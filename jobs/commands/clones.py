"""This will make the copies that a test runs on, and throw them away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from cloudstack import Volume
from jobs.commands.base import LONGEST_COPY, CommandBase, answer_of, ticket_of
from jobs.engine.contracts import (
    Absent,
    Already,
    Answer,
    Clear,
    Guarded,
    Holds,
    LeftBehind,
    NoInverse,
    Refuse,
    Sight,
    Ticket,
    Unclear,
    Wait,
)
from jobs.world import World

_GONE = frozenset({"Destroy", "Destroyed", "Expunging", "Expunged"})


@dataclass(frozen=True)
class CreateClone(CommandBase):
    """Make a volume that holds what a snapshot holds. Its name carries the job and is unique to it."""

    name: ClassVar[str] = "create_clone"
    makes_something: ClassVar[bool] = True
    longest_create_seconds: ClassVar[float] = 5.0
    limit_seconds: ClassVar[float] = 6 * 3600.0

    snapshot_id: str
    clone_name: str
    zone_id: str
    label: str

    def title(self) -> str:
        """Say what is done."""
        return f"Copy {self.label} from its snapshot"

    def touches(self) -> tuple[str, ...]:
        """Reserve the snapshot and the clone's name."""
        return (f"snapshot:{self.snapshot_id}", f"volume-name:{self.clone_name}")

    def guard(self, world: World) -> Guarded:
        """Look for a clone of the name before making one (rule 3), then at the snapshot."""
        named = self._named(world)
        if len(named) > 1:
            return Refuse(f"{len(named)} volumes are named {self.clone_name}: remove those that are not this job's.")
        if named and named[0].state == "Ready":
            return Already({"volume_id": named[0].id}, seen=f"volume {named[0].id} is Ready")
        if named:
            reason = f"Volume {self.clone_name} is {named[0].state}; waits until it is Ready."
            return Wait(reason, limit=LONGEST_COPY, may_undo=True)
        snapshot = world.gateway.snapshot(self.snapshot_id)
        if snapshot is None or snapshot.state != "BackedUp":
            state = "gone" if snapshot is None else snapshot.state
            return Refuse(f"The snapshot of {self.label} is {state}; nothing can be copied from it.")
        return Clear()

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send createVolume from the snapshot, without a disk offering: data-disk snapshots refuse one."""
        outcome = world.gateway.create_volume_from_snapshot(
            self.snapshot_id, self.clone_name, zone_id=self.zone_id, ticket=ticket_of(ticket)
        )
        return answer_of(outcome)

    def confirm(self, world: World) -> Sight:
        """Look for the clone by its name."""
        named = self._named(world)
        if not named:
            return Absent("no volume of that name")
        if len(named) > 1:
            return Unclear(f"{len(named)} volumes of that name")
        clone = named[0]
        if clone.state == "Ready":
            return Holds({"volume_id": clone.id}, seen=f"volume {clone.id} is Ready")
        if clone.state == "Creating":
            return Unclear(f"volume {clone.id} is Creating", still_moving=True)
        return LeftBehind({"volume_id": clone.id}, seen=f"volume {clone.id} is left in state {clone.state}")

    def _named(self, world: World) -> list[Volume]:
        return [volume for volume in world.gateway.volumes_named(self.clone_name) if volume.state not in _GONE]

    def inverse(self, result: Mapping[str, Any]) -> DeleteClone:
        """Throw it away."""
        return DeleteClone(volume_id=str(result["volume_id"]), label=self.label)


@dataclass(frozen=True)
class DeleteClone(CommandBase):
    """Delete a detached copy that this job made; never a replica (rule 4)."""

    name: ClassVar[str] = "delete_clone"
    longest_create_seconds: ClassVar[float] = 5.0

    volume_id: str
    label: str

    def title(self) -> str:
        """Say what is done."""
        return f"Delete the copy of {self.label}"

    def touches(self) -> tuple[str, ...]:
        """Reserve the copy."""
        return (f"volume:{self.volume_id}",)

    def guard(self, world: World) -> Guarded:
        """Run only on a copy that hangs nowhere."""
        if world.was_ever_replica(self.volume_id):
            return Refuse(f"Volume {self.volume_id} is a replica; replicas are never deleted.")
        volume = world.gateway.volume(self.volume_id)
        if volume is None or volume.state in _GONE:
            return Already({}, seen="it is gone")
        if volume.virtual_machine_id is not None:
            return Refuse(f"The copy of {self.label} hangs on VM {volume.virtual_machine_id}: detach it there first.")
        return Clear()

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send deleteVolume; the gateway asks once more whether it may."""
        return answer_of(world.gateway.delete_volume(self.volume_id, ticket=ticket_of(ticket)))

    def confirm(self, world: World) -> Sight:
        """Read whether it is gone."""
        volume = world.gateway.volume(self.volume_id)
        if volume is None or volume.state in _GONE:
            return Holds({}, seen="it is gone")
        return Absent(f"it is still there, {volume.state}")

    def inverse(self, result: Mapping[str, Any]) -> NoInverse:
        """Say why it is not undone."""
        return NoInverse("A copy cannot be brought back.")
