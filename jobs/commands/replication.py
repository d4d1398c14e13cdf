"""This will tell the replication engine of a VM to wait and let its disks go, and to go on again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from jobs.commands.base import LONGEST_COPY, LONGEST_WAIT, CommandBase
from jobs.engine.contracts import (
    Absent,
    Already,
    Answer,
    Ask,
    Choice,
    Clear,
    Finished,
    Guarded,
    Holds,
    Lost,
    NoInverse,
    Sight,
    Ticket,
    Unclear,
    Wait,
)
from jobs.world import ReplicationUnreachable, World

_STOPPED = Choice("treat_as_done", "I have stopped the replication of this VM and its disks are closed.")
_UNDO = Choice("undo", "Stop here and undo what was done.")


@dataclass(frozen=True)
class HoldReplication(CommandBase):
    """Have the replication engine close the VM's disks and wait."""

    name: ClassVar[str] = "hold_replication"

    vm_id: str
    reference: str

    def title(self) -> str:
        """Say what is done."""
        return "Hold replication and let the disks go"

    def touches(self) -> tuple[str, ...]:
        """Reserve the VM's replication."""
        return (f"replication:{self.vm_id}",)

    def guard(self, world: World) -> Guarded:
        """Look whether it is held already; where nobody can be told, wait for the run's end or for a person's word."""
        try:
            state = world.replication.state(vm_id=self.vm_id)
        except ReplicationUnreachable as error:
            return Wait(f"{error}.", limit=LONGEST_WAIT, may_undo=True)
        if state.has_let_go:
            return Already({}, seen=state.words)
        match world.replication.method:
            case "hook":
                return Clear()
            case "none":
                reason = f"Waits until replication is still: {state.words}."
                return Wait(reason, seconds=10.0, limit=LONGEST_COPY, may_undo=True)
            case "word":
                return Ask(
                    f"Stop the replication of this VM and have its disks closed, then say so: {state.words}.",
                    seen={"vm_id": self.vm_id},
                    choices=(_STOPPED, _UNDO),
                )

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Call the hook; repeating it is harmless."""
        try:
            world.replication.hold(vm_id=self.vm_id, reference=self.reference)
        except ReplicationUnreachable as error:
            return Lost(str(error))
        return Finished()

    def confirm(self, world: World) -> Sight:
        """Read what the engine says."""
        try:
            state = world.replication.state(vm_id=self.vm_id)
        except ReplicationUnreachable as error:
            return Unclear(str(error), still_moving=True)
        return Holds({}, seen=state.words) if state.has_let_go else Absent(state.words)

    def inverse(self, result: Mapping[str, Any]) -> ReleaseReplication:
        """Let it go on."""
        return ReleaseReplication(vm_id=self.vm_id, reference=self.reference)


@dataclass(frozen=True)
class ReleaseReplication(CommandBase):
    """Let the replication engine go on with the VM."""

    name: ClassVar[str] = "release_replication"

    vm_id: str
    reference: str

    def title(self) -> str:
        """Say what is done."""
        return "Let replication go on"

    def touches(self) -> tuple[str, ...]:
        """Reserve the VM's replication."""
        return (f"replication:{self.vm_id}",)

    def guard(self, world: World) -> Guarded:
        """Tell the engine in any case: one that is wrong about itself would wait for ever. Some cannot be told."""
        if world.replication.method == "hook":
            return Clear()
        state = world.replication.release(vm_id=self.vm_id, reference=self.reference)
        return Already({}, seen=state.words)

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Call the hook; repeating it is harmless."""
        try:
            world.replication.release(vm_id=self.vm_id, reference=self.reference)
        except ReplicationUnreachable as error:
            return Lost(str(error))
        return Finished()

    def confirm(self, world: World) -> Sight:
        """Read what the engine says."""
        try:
            state = world.replication.state(vm_id=self.vm_id)
        except ReplicationUnreachable as error:
            return Unclear(str(error), still_moving=True)
        return Absent(state.words) if state.held else Holds({}, seen=state.words)

    def inverse(self, result: Mapping[str, Any]) -> NoInverse:
        """Say why it is not undone."""
        return NoInverse("It is itself an undo.")
