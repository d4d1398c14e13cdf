"""This will hang replica disks on the target VM and take them off again."""

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
class AttachToTarget(CommandBase):
    """Hang a detached disk on the stopped target VM; device 0 makes it the ROOT volume."""

    name: ClassVar[str] = "attach_to_target"

    volume_id: str
    target_vm_id: str
    device_id: int
    label: str

    def title(self) -> str:
        """Say what is done."""
        return f"Attach {self.label} to the target VM as device {self.device_id}"

    def touches(self) -> tuple[str, ...]:
        """Reserve disk and target VM."""
        return (f"volume:{self.volume_id}", f"vm:{self.target_vm_id}")

    def guard(self, world: World) -> Guarded:
        """Run only on a quiet disk that hangs nowhere."""
        volume = world.volume(self.volume_id)
        if volume is None:
            return Refuse(f"The disk {self.volume_id} ({self.label}) is not in the cloud any more, or not visible.")
        if volume.virtual_machine_id == self.target_vm_id and volume.device_id == self.device_id:
            return Already({"volume_id": self.volume_id}, seen=f"it is device {self.device_id} of the target VM")
        if volume.virtual_machine_id is not None:
            return Refuse(f"{self.label} hangs on VM {volume.virtual_machine_id}, device {volume.device_id}.")
        return quiet(volume, self.label)

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send attachVolume."""
        outcome = world.gateway.attach_volume(
            self.volume_id, self.target_vm_id, device_id=self.device_id, ticket=ticket_of(ticket)
        )
        return answer_of(outcome)

    def confirm(self, world: World) -> Sight:
        """Read where the disk hangs, as which device and type."""
        volume = world.volume(self.volume_id)
        if volume is None:
            return Unclear("the volume is not visible")
        on_target = volume.virtual_machine_id == self.target_vm_id
        if on_target and volume.state == "Ready" and volume.device_id == self.device_id:
            return Holds({"volume_id": self.volume_id}, seen=f"it is device {self.device_id}, type {volume.type}")
        if volume.virtual_machine_id is None and volume.state == "Ready":
            return Absent("it hangs on no VM")
        return Unclear(f"{where(volume)}, device {volume.device_id}", still_moving=volume.state != "Ready")

    def inverse(self, result: Mapping[str, Any]) -> DetachFromTarget:
        """Take it off again."""
        return DetachFromTarget(volume_id=self.volume_id, target_vm_id=self.target_vm_id, label=self.label)


@dataclass(frozen=True)
class DetachFromTarget(CommandBase):
    """Take a disk off the stopped target VM; after it the VM may be removed without harm to the disk."""

    name: ClassVar[str] = "detach_from_target"

    volume_id: str
    target_vm_id: str
    label: str

    def title(self) -> str:
        """Say what is done."""
        return f"Detach {self.label} from the target VM"

    def touches(self) -> tuple[str, ...]:
        """Reserve disk and target VM."""
        return (f"volume:{self.volume_id}", f"vm:{self.target_vm_id}")

    def guard(self, world: World) -> Guarded:
        """Run only while the disk hangs on the target VM."""
        volume = world.volume(self.volume_id)
        if volume is None and not world.was_ever_replica(self.volume_id):
            return Already({"volume_id": self.volume_id}, seen="the copy is gone: it went with its VM")
        if volume is None:
            return Refuse(f"The disk {self.volume_id} ({self.label}) is not in the cloud any more, or not visible.")
        if volume.virtual_machine_id != self.target_vm_id:
            return Already({"volume_id": self.volume_id}, seen=where(volume))
        vm = world.machine_just_seen(self.target_vm_id)
        if vm is not None and vm.state == "Running":
            return Refuse(
                f"The target VM runs; {self.label} is not torn off a guest that writes to it. Stop the VM first.",
                in_doubt=world.was_ever_replica(self.volume_id),
            )
        return quiet(volume, self.label)

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send detachVolume."""
        return answer_of(world.gateway.detach_volume(self.volume_id, ticket=ticket_of(ticket)))

    def confirm(self, world: World) -> Sight:
        """Read where the disk hangs."""
        volume = world.volume(self.volume_id)
        if volume is None:
            return Unclear("the volume is not visible")
        if volume.virtual_machine_id is None and volume.state == "Ready":
            return Holds({"volume_id": self.volume_id}, seen="it hangs on no VM and is Ready")
        if volume.virtual_machine_id == self.target_vm_id:
            return Absent("it still hangs on the target VM")
        return Unclear(where(volume), still_moving=volume.state != "Ready")

    def inverse(self, result: Mapping[str, Any]) -> NoInverse:
        """Say why it is not undone."""
        return NoInverse("It is itself an undo.")
