"""This will drop the placeholder root disk of a fresh target VM, to make room for the replica as device 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from jobs.commands.base import CommandBase, answer_of, ticket_of
from jobs.engine.contracts import Absent, Already, Answer, Clear, Guarded, Holds, NoInverse, Refuse, Sight, Ticket
from jobs.world import World


@dataclass(frozen=True)
class DetachPlaceholder(CommandBase):
    """Take the placeholder root disk off the target VM."""

    name: ClassVar[str] = "detach_placeholder"

    root_volume_id: str
    target_vm_id: str

    def title(self) -> str:
        """Say what is done."""
        return "Detach the placeholder disk of the target VM"

    def touches(self) -> tuple[str, ...]:
        """Reserve disk and VM."""
        return (f"volume:{self.root_volume_id}", f"vm:{self.target_vm_id}")

    def guard(self, world: World) -> Guarded:
        """Run only on a disk that is no replica and hangs on our VM."""
        if self.root_volume_id == "":
            return Already({}, seen="the target VM has no placeholder disk")
        if world.is_replica(self.root_volume_id):
            return Refuse(f"Volume {self.root_volume_id} is a replica, not a placeholder.")
        volume = world.volume_just_seen(self.root_volume_id)
        if volume is None or volume.virtual_machine_id is None:
            return Already({}, seen="it hangs on no VM")
        if volume.virtual_machine_id != self.target_vm_id:
            return Refuse(f"Volume {self.root_volume_id} hangs on VM {volume.virtual_machine_id}.")
        return Clear()

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send detachVolume."""
        return answer_of(world.gateway.detach_volume(self.root_volume_id, ticket=ticket_of(ticket)))

    def confirm(self, world: World) -> Sight:
        """Read whether it still hangs on the VM."""
        volume = world.volume(self.root_volume_id)
        if volume is None or volume.virtual_machine_id is None:
            return Holds({}, seen="it hangs on no VM")
        return Absent("it still hangs on the target VM")

    def inverse(self, result: Mapping[str, Any]) -> DeletePlaceholder:
        """Delete it: detached, it would outlive the target VM."""
        return DeletePlaceholder(root_volume_id=self.root_volume_id)


@dataclass(frozen=True)
class DeletePlaceholder(CommandBase):
    """Delete the detached placeholder disk; the call answers when it is done."""

    name: ClassVar[str] = "delete_placeholder"
    longest_create_seconds: ClassVar[float] = 5.0

    root_volume_id: str

    def title(self) -> str:
        """Say what is done."""
        return "Delete the placeholder disk"

    def touches(self) -> tuple[str, ...]:
        """Reserve the disk."""
        return (f"volume:{self.root_volume_id}",)

    def guard(self, world: World) -> Guarded:
        """Run only on a disk that is no replica and hangs nowhere."""
        if self.root_volume_id == "":
            return Already({}, seen="there is none")
        if world.is_replica(self.root_volume_id):
            return Refuse(f"Volume {self.root_volume_id} is a replica; replicas are never deleted.")
        volume = world.volume_just_seen(self.root_volume_id)
        if volume is None:
            return Already({}, seen="it is gone")
        if volume.virtual_machine_id is not None:
            return Refuse(f"Volume {self.root_volume_id} hangs on VM {volume.virtual_machine_id}.")
        return Clear()

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send deleteVolume."""
        return answer_of(world.gateway.delete_volume(self.root_volume_id, ticket=ticket_of(ticket)))

    def confirm(self, world: World) -> Sight:
        """Read whether it is gone."""
        volume = world.volume(self.root_volume_id)
        if volume is None or volume.state in {"Destroy", "Expunging", "Expunged"}:
            return Holds({}, seen="it is gone")
        return Absent(f"it is still there, {volume.state}")

    def inverse(self, result: Mapping[str, Any]) -> NoInverse:
        """Say why it is not undone."""
        return NoInverse("The placeholder is worth nothing.")
