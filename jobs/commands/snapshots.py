"""This will take and remove snapshots of volumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from cloudstack import Snapshot
from jobs.commands.appliance import HOT, quiet, where
from jobs.commands.base import LONGEST_COPY, CommandBase, answer_of, ticket_of
from jobs.engine.contracts import (
    Absent,
    Already,
    Answer,
    Clear,
    Finished,
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

_GOOD = "BackedUp"
_MOVING = frozenset({"Creating", "CreatedOnPrimary", "BackingUp", "Copying"})


@dataclass(frozen=True)
class TakeSnapshot(CommandBase):
    """Take a snapshot of one disk.

    A detached disk (`appliance_vm_id` empty) needs no setting of the cloud and no queue of the appliance. A disk on the
    running appliance needs `kvm.snapshot.enabled`, and CloudStack allows one snapshot per instance at a time: it queues
    with everything else that is done to the appliance.
    """

    name: ClassVar[str] = "take_snapshot"
    makes_something: ClassVar[bool] = True
    longest_create_seconds: ClassVar[float] = 3.0
    limit_seconds: ClassVar[float] = 6 * 3600.0
    undo_last: ClassVar[bool] = True

    volume_id: str
    snapshot_name: str
    tags: dict[str, str]
    label: str
    appliance_vm_id: str = ""
    keep_when_written: bool = False

    def title(self) -> str:
        """Say what is done."""
        return f"Take a snapshot of {self.label}"

    def touches(self) -> tuple[str, ...]:
        """Reserve the disk, and the appliance's queue while the disk hangs there."""
        queue = (HOT.format(appliance=self.appliance_vm_id),) if self.appliance_vm_id else ()
        return (f"volume:{self.volume_id}", *queue)

    def guard(self, world: World) -> Guarded:
        """Look for one of this name first, then at the disk."""
        ours = self._ours(world)
        if len(ours) > 1:
            return Refuse(f"{len(ours)} snapshots are named {self.snapshot_name}: remove those that are not good.")
        if ours and ours[0].state == _GOOD:
            return Already(self._result(ours[0]), seen=f"snapshot {ours[0].id} is {_GOOD}")
        if ours and ours[0].state in _MOVING:
            reason = f"Snapshot {self.snapshot_name} is {ours[0].state}; waits for its end."
            return Wait(reason, limit=LONGEST_COPY, may_undo=True)
        if ours:
            return Refuse(f"A snapshot named {self.snapshot_name} is left in state {ours[0].state}: remove it.")
        return self._disk_is_ready(world)

    def _disk_is_ready(self, world: World) -> Guarded:
        volume = world.volume_just_seen(self.volume_id)
        if volume is None:
            return Refuse(f"The disk {self.volume_id} ({self.label}) is not in the cloud any more, or not visible.")
        if (volume.virtual_machine_id or "") != self.appliance_vm_id:
            place = f"hang on the appliance {self.appliance_vm_id}" if self.appliance_vm_id else "be detached"
            return Refuse(f"{self.label} should {place}, but {where(volume)}.")
        return quiet(volume, self.label)

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send createSnapshot with our tags."""
        outcome = world.gateway.create_snapshot(
            self.volume_id, self.snapshot_name, tags=self.tags, ticket=ticket_of(ticket)
        )
        return answer_of(outcome)

    def confirm(self, world: World) -> Sight:
        """Trust listSnapshots only: the job's own result says Allocated for a snapshot that is BackedUp."""
        ours = self._ours(world)
        if not ours:
            return Absent("no snapshot of that name")
        if len(ours) > 1:
            return Unclear(f"{len(ours)} snapshots of that name")
        if ours[0].state == _GOOD:
            return Holds(self._result(ours[0]), seen=f"snapshot {ours[0].id} is {_GOOD}")
        if ours[0].state in _MOVING:
            return Unclear(f"snapshot {ours[0].id} is {ours[0].state}", still_moving=True)
        return LeftBehind(self._result(ours[0]), seen=f"snapshot {ours[0].id} is left in state {ours[0].state}")

    def _ours(self, world: World) -> list[Snapshot]:
        listed = world.gateway.snapshots_of(self.volume_id)
        return [snapshot for snapshot in listed if snapshot.name == self.snapshot_name]

    def _result(self, snapshot: Snapshot) -> dict[str, Any]:
        return {"snapshot_id": snapshot.id, "volume_id": self.volume_id}

    def inverse(self, result: Mapping[str, Any]) -> DeleteSnapshot:
        """Remove it; comes last in an undo, when the disk is safely back."""
        return DeleteSnapshot(
            snapshot_id=str(result["snapshot_id"]), label=self.label, keep_when_written=self.keep_when_written
        )


@dataclass(frozen=True)
class UseSnapshot(CommandBase):
    """See that a snapshot which another job took is still good, before copies are made of it; sends nothing."""

    name: ClassVar[str] = "use_snapshot"

    snapshot_id: str
    volume_id: str
    label: str
    taken_by: str
    taken_at: str

    def title(self) -> str:
        """Say what is done."""
        return f"Go on from the snapshot of {self.label} of {self.taken_at}"

    def touches(self) -> tuple[str, ...]:
        """Touch nothing: whoever removes the snapshot before it was copied is seen by the copy's own guard."""
        return ()

    def guard(self, world: World) -> Guarded:
        """Refuse a snapshot that is gone, not good, or of another disk."""
        snapshot = world.gateway.snapshot(self.snapshot_id)
        if snapshot is None or snapshot.state != _GOOD:
            state = "gone" if snapshot is None else snapshot.state
            return Refuse(f"The snapshot {self.snapshot_id} of {self.label}, which {self.taken_by} took, is {state}.")
        if snapshot.volume_id not in {None, self.volume_id}:
            return Refuse(f"The snapshot {self.snapshot_id} is of volume {snapshot.volume_id}, not of {self.label}.")
        return Already({"snapshot_id": self.snapshot_id, "volume_id": self.volume_id}, seen=f"it is {_GOOD}")

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send nothing: the guard is the whole step."""
        return Finished()

    def confirm(self, world: World) -> Sight:
        """Say that there is nothing to read."""
        return Absent("nothing to read")

    def inverse(self, result: Mapping[str, Any]) -> NoInverse:
        """Say why it is not undone."""
        return NoInverse("The snapshot was there before, and stays.")


@dataclass(frozen=True)
class DeleteSnapshot(CommandBase):
    """Remove a snapshot that this job took.

    With `keep_when_written` it stays when the disk was booted: after a revert it is all that is left to compare with.
    """

    name: ClassVar[str] = "delete_snapshot"
    limit_seconds: ClassVar[float] = 6 * 3600.0

    snapshot_id: str
    label: str
    keep_when_written: bool = False

    def title(self) -> str:
        """Say what is done."""
        return f"Remove the snapshot of {self.label}"

    def touches(self) -> tuple[str, ...]:
        """Reserve the snapshot."""
        return (f"snapshot:{self.snapshot_id}",)

    def guard(self, world: World) -> Guarded:
        """Run only while it is there and not needed."""
        if self.keep_when_written and world.was_started():
            return Already({"kept": self.snapshot_id}, seen="kept until the replica is verified")
        snapshot = world.gateway.snapshot(self.snapshot_id)
        if snapshot is None:
            return Already({}, seen="it is gone")
        if snapshot.state in _MOVING:
            return Wait(f"The snapshot of {self.label} is {snapshot.state}; waits for its end.", limit=LONGEST_COPY)
        return Clear()

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send deleteSnapshot."""
        return answer_of(world.gateway.delete_snapshot(self.snapshot_id, ticket=ticket_of(ticket)))

    def confirm(self, world: World) -> Sight:
        """Read whether it is gone."""
        snapshot = world.gateway.snapshot(self.snapshot_id)
        if snapshot is None or snapshot.state in {"Destroyed", "Destroying"}:
            return Holds({}, seen="it is gone")
        return Absent(f"it is still there, {snapshot.state}")

    def inverse(self, result: Mapping[str, Any]) -> NoInverse:
        """Say why it is not undone."""
        return NoInverse("A snapshot cannot be brought back.")
