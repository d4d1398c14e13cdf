"""This will move a replica off the appliance and back to its old place there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from cloudstack import Volume
from jobs.commands.base import LONGEST_WAIT, CommandBase, answer_of, ticket_of
from jobs.engine.contracts import (
    Absent,
    Already,
    Answer,
    Clear,
    Guarded,
    Holds,
    NoInverse,
    Refuse,
    Sight,
    Ticket,
    Unclear,
    Wait,
)
from jobs.world import World

# A hot detach or attach occupies the appliance: one at a time (rule 5).
HOT = "hot-plug:{appliance}"


@dataclass(frozen=True)
class DetachFromAppliance(CommandBase):
    """Take one replica disk off the appliance; works on a running and on a stopped appliance alike."""

    name: ClassVar[str] = "detach_from_appliance"

    volume_id: str
    appliance_vm_id: str
    device_id: int
    label: str

    def title(self) -> str:
        """Say what is done."""
        return f"Detach {self.label} from the appliance"

    def touches(self) -> tuple[str, ...]:
        """Reserve the disk and the appliance's hot-plug."""
        return (f"volume:{self.volume_id}", HOT.format(appliance=self.appliance_vm_id))

    def guard(self, world: World) -> Guarded:
        """Run only on a quiet disk that hangs on its own appliance."""
        volume = world.volume_just_seen(self.volume_id)
        if volume is None:
            return Refuse(f"The replica {self.volume_id} ({self.label}) is not in the cloud any more, or not visible.")
        if volume.virtual_machine_id is None:
            return Already({"volume_id": self.volume_id}, seen="it hangs on no VM")
        if volume.virtual_machine_id != self.appliance_vm_id:
            return Refuse(
                f"{self.label} hangs on VM {volume.virtual_machine_id}, not on its appliance {self.appliance_vm_id}: "
                "somebody moved it. Put it back or correct the inventory."
            )
        return quiet(volume, self.label)

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send detachVolume, by volume id only: by device id the server fails after it queued the work."""
        return answer_of(world.gateway.detach_volume(self.volume_id, ticket=ticket_of(ticket)))

    def confirm(self, world: World) -> Sight:
        """Read where the disk hangs."""
        volume = world.volume(self.volume_id)
        if volume is None:
            return Unclear("the volume is not visible")
        if volume.virtual_machine_id is None and volume.state == "Ready":
            return Holds({"volume_id": self.volume_id}, seen="it hangs on no VM and is Ready")
        if volume.virtual_machine_id == self.appliance_vm_id:
            return Absent("it still hangs on the appliance")
        return Unclear(where(volume), still_moving=volume.state != "Ready")

    def inverse(self, result: Mapping[str, Any]) -> AttachToAppliance:
        """Put it back as the device it was."""
        return AttachToAppliance(
            volume_id=self.volume_id,
            appliance_vm_id=self.appliance_vm_id,
            device_id=self.device_id,
            label=self.label,
        )


@dataclass(frozen=True)
class AttachToAppliance(CommandBase):
    """Hang a replica disk back on its appliance, as the device it was before."""

    name: ClassVar[str] = "attach_to_appliance"

    volume_id: str
    appliance_vm_id: str
    device_id: int
    label: str

    def title(self) -> str:
        """Say what is done."""
        return f"Attach {self.label} to the appliance as device {self.device_id}"

    def touches(self) -> tuple[str, ...]:
        """Reserve the disk and the appliance's hot-plug."""
        return (f"volume:{self.volume_id}", HOT.format(appliance=self.appliance_vm_id))

    def guard(self, world: World) -> Guarded:
        """Run only on a quiet disk that hangs nowhere."""
        volume = world.volume(self.volume_id)
        if volume is None:
            return Refuse(f"The replica {self.volume_id} ({self.label}) is not in the cloud any more, or not visible.")
        if volume.virtual_machine_id == self.appliance_vm_id:
            return Already({"device_id": volume.device_id}, seen=f"it hangs on the appliance as {volume.device_id}")
        if volume.virtual_machine_id is not None:
            return Refuse(f"{self.label} hangs on VM {volume.virtual_machine_id}: take it off there first.")
        return quiet(volume, self.label)

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send attachVolume with the old device id."""
        outcome = world.gateway.attach_volume(
            self.volume_id, self.appliance_vm_id, device_id=self.device_id, ticket=ticket_of(ticket)
        )
        return answer_of(outcome)

    def confirm(self, world: World) -> Sight:
        """Read where the disk hangs."""
        volume = world.volume(self.volume_id)
        if volume is None:
            return Unclear("the volume is not visible")
        if volume.virtual_machine_id == self.appliance_vm_id and volume.state == "Ready":
            return Holds({"device_id": volume.device_id}, seen=f"it hangs on the appliance as {volume.device_id}")
        if volume.virtual_machine_id is None and volume.state in {"Ready", "Allocated"}:
            return Absent("it hangs on no VM")
        return Unclear(where(volume), still_moving=volume.state not in {"Ready", "Allocated"})

    def inverse(self, result: Mapping[str, Any]) -> DetachFromAppliance:
        """Take it off again."""
        return DetachFromAppliance(
            volume_id=self.volume_id,
            appliance_vm_id=self.appliance_vm_id,
            device_id=self.device_id,
            label=self.label,
        )


@dataclass(frozen=True)
class ReturnToAppliance(AttachToAppliance):
    """Hang a replica back on its appliance as part of a forward plan; that is its place, so it has no undo."""

    name: ClassVar[str] = "return_to_appliance"
    effect: ClassVar[str] = "attach_to_appliance"

    def inverse(self, result: Mapping[str, Any]) -> NoInverse:  # type: ignore[override]
        """Say why it is not undone."""
        return NoInverse("The appliance is the replica's place.")


def quiet(volume: Volume, label: str) -> Guarded:
    """Wait until nothing is under way on the volume."""
    if volume.state != "Ready":
        reason = f"{label} is {volume.state} in CloudStack; waits until it is Ready."
        return Wait(reason, limit=LONGEST_WAIT, may_undo=True)
    return Clear()


def where(volume: Volume) -> str:
    """Say where a volume hangs and in which state it is."""
    place = f"it hangs on VM {volume.virtual_machine_id}" if volume.virtual_machine_id else "it hangs on no VM"
    return f"{place} and is {volume.state}"
