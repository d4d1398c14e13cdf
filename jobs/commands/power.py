"""This will fit, protect and start the target VM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from cloudstack import VirtualMachine
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


@dataclass(frozen=True)
class SetOsType(CommandBase):
    """Tell CloudStack which guest OS the target VM will boot: it decides which virtual hardware the guest sees."""

    name: ClassVar[str] = "set_os_type"

    target_vm_id: str
    os_type_id: str
    os_type_name: str

    def title(self) -> str:
        """Say what is done."""
        return f"Set the target VM's OS type to {self.os_type_name}"

    def touches(self) -> tuple[str, ...]:
        """Reserve the VM."""
        return (f"vm:{self.target_vm_id}",)

    def guard(self, world: World) -> Guarded:
        """Run on the stopped VM only: CloudStack refuses it otherwise."""
        vm = world.machine_just_seen(self.target_vm_id)
        if vm is None:
            return Refuse(f"The target VM {self.target_vm_id} is gone.")
        if vm.os_type_id == self.os_type_id:
            return Already({}, seen="it is set")
        return Clear() if vm.state == "Stopped" else _until_stopped(vm.state)

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send updateVirtualMachine."""
        return answer_of(world.gateway.set_os_type(self.target_vm_id, self.os_type_id, ticket=ticket_of(ticket)))

    def confirm(self, world: World) -> Sight:
        """Read the VM's OS type."""
        vm = world.gateway.virtual_machine(self.target_vm_id)
        if vm is not None and vm.os_type_id == self.os_type_id:
            return Holds({}, seen="it is set")
        return Absent("it is not set") if vm is not None else Unclear("the target VM is not visible")

    def inverse(self, result: Mapping[str, Any]) -> NoInverse:
        """Say why it is not undone."""
        return NoInverse("The target VM is removed as a whole.")


@dataclass(frozen=True)
class ProtectTarget(CommandBase):
    """Set or clear the target VM's protection from deletion; and fit it to its guest in the same call, if told."""

    name: ClassVar[str] = "protect_target"

    target_vm_id: str
    protected: bool
    os_type_id: str = ""
    os_type_name: str = ""

    def title(self) -> str:
        """Say what is done."""
        if not self.protected:
            return "Lift the target VM's protection"
        fit = f"Set the target VM's OS type to {self.os_type_name} and protect it"
        return f"{fit if self.os_type_id else 'Protect the target VM'} from deletion"

    def touches(self) -> tuple[str, ...]:
        """Reserve the VM."""
        return (f"vm:{self.target_vm_id}",)

    def guard(self, world: World) -> Guarded:
        """Look whether it is so already; not where a disk of it has just told that it is stopped."""
        if self.protected and world.was_just_seen_stopped(self.target_vm_id):
            # To say it a second time changes nothing, so what was told of the VM is enough to say it.
            return Clear()
        vm = world.gateway.virtual_machine(self.target_vm_id)
        if vm is None:
            return (
                Refuse(f"The target VM {self.target_vm_id} is gone.") if self.protected else Already({}, "it is gone")
            )
        if self._is_so(vm):
            return Already({}, seen=self._seen(vm))
        if self.os_type_id and vm.state != "Stopped":
            return _until_stopped(vm.state)
        return Clear()

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send updateVirtualMachine."""
        outcome = world.gateway.set_delete_protection(
            self.target_vm_id, protected=self.protected, os_type_id=self.os_type_id, ticket=ticket_of(ticket)
        )
        return answer_of(outcome)

    def confirm(self, world: World) -> Sight:
        """Read the protection, and the OS type where it is set too."""
        vm = world.machine(self.target_vm_id)
        if vm is None:
            return Unclear("the target VM is not visible")
        return Holds({}, seen=self._seen(vm)) if self._is_so(vm) else Absent(self._seen(vm))

    def _is_so(self, vm: VirtualMachine) -> bool:
        is_fit = not self.os_type_id or vm.os_type_id == self.os_type_id
        return is_fit and bool(vm.delete_protection) == self.protected

    def _seen(self, vm: VirtualMachine) -> str:
        fit = f", the OS type {'is' if vm.os_type_id == self.os_type_id else 'is not'} set" if self.os_type_id else ""
        return f"protection is {vm.delete_protection}{fit}"

    def inverse(self, result: Mapping[str, Any]) -> ProtectTarget:
        """Set it the other way."""
        return ProtectTarget(target_vm_id=self.target_vm_id, protected=not self.protected)


@dataclass(frozen=True)
class StartTarget(CommandBase):
    """Start the target VM. `disks` maps device id (text) to volume id.

    In a live failover this is the point of no return; a test's VM is stopped again in its cleanup (`is_test`).
    """

    name: ClassVar[str] = "start_target"

    target_vm_id: str
    disks: dict[str, str]
    is_test: bool = False

    def title(self) -> str:
        """Say what is done."""
        return "Start the target VM"

    def touches(self) -> tuple[str, ...]:
        """Reserve the VM and every disk of it."""
        return (f"vm:{self.target_vm_id}", *(f"volume:{volume}" for volume in self.disks.values()))

    def guard(self, world: World) -> Guarded:
        """Start only with all disks at their places, and nothing else (rule 7)."""
        vm = world.machine_just_seen(self.target_vm_id)
        if vm is None:
            return Refuse(f"The target VM {self.target_vm_id} is gone.")
        found = {str(volume.device_id): volume.id for volume in world.gateway.volumes_of(self.target_vm_id)}
        if vm.state == "Running" and found == self.disks:
            return Already({"vm_id": vm.id}, seen="it is Running")
        if vm.state == "Running":
            # Somebody else started it. It is neither taken for ours nor undone under it: a person has to see to it.
            reason = f"It runs already, with the disks {found} instead of {self.disks}."
            in_doubt = any(world.was_ever_replica(volume_id) for volume_id in found.values())
            return Wait(reason, limit=LONGEST_WAIT, in_doubt=in_doubt)
        if found != self.disks:
            return Refuse(f"Its disks are {found}, but should be {self.disks}.")
        return Clear() if vm.state == "Stopped" else _until_stopped(vm.state)

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send startVirtualMachine."""
        return answer_of(world.gateway.start_virtual_machine(self.target_vm_id, ticket=ticket_of(ticket)))

    def confirm(self, world: World) -> Sight:
        """See it run."""
        vm = world.gateway.virtual_machine(self.target_vm_id)
        if vm is None:
            return Unclear("the target VM is not visible")
        if vm.state == "Running":
            return Holds({"vm_id": vm.id}, seen="it is Running")
        if vm.state == "Stopped":
            return Absent("it is Stopped")
        return Unclear(f"it is {vm.state}", still_moving=vm.state in {"Starting", "Stopping", "Migrating"})

    def inverse(self, result: Mapping[str, Any]) -> StopTarget | NoInverse:
        """Stop a test's VM; say why another is not stopped by itself."""
        if self.is_test:
            return StopTarget(target_vm_id=self.target_vm_id)
        return NoInverse("After the first start only an operator rolls back.")


@dataclass(frozen=True)
class StopTarget(CommandBase):
    """Stop a target VM: a test's by force, since a guest may not listen and its disks are thrown away.

    A live one never by force: CloudStack may then call a VM stopped whose host it did not reach, and which goes on
    writing to disks that are about to be reverted.
    """

    name: ClassVar[str] = "stop_target"

    target_vm_id: str
    forced: bool = True

    def title(self) -> str:
        """Say what is done."""
        return "Stop the target VM"

    def touches(self) -> tuple[str, ...]:
        """Reserve the VM."""
        return (f"vm:{self.target_vm_id}",)

    def guard(self, world: World) -> Guarded:
        """Run only while it runs."""
        vm = world.gateway.virtual_machine(self.target_vm_id)
        if vm is None or vm.state in {"Stopped", "Destroyed", "Expunging", "Error"}:
            return Already({}, seen="it is gone" if vm is None else f"it is {vm.state}")
        return (
            Clear()
            if vm.state == "Running"
            else Wait(f"The target VM is {vm.state}; waits until it is not.", limit=LONGEST_WAIT)
        )

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send stopVirtualMachine."""
        return answer_of(
            world.gateway.stop_virtual_machine(self.target_vm_id, forced=self.forced, ticket=ticket_of(ticket))
        )

    def confirm(self, world: World) -> Sight:
        """See it stopped."""
        vm = world.gateway.virtual_machine(self.target_vm_id)
        if vm is None or vm.state in {"Stopped", "Destroyed", "Expunging"}:
            return Holds({}, seen="it is gone" if vm is None else f"it is {vm.state}")
        if vm.state == "Running":
            return Absent("it is Running")
        return Unclear(f"it is {vm.state}", still_moving=True)

    def inverse(self, result: Mapping[str, Any]) -> NoInverse:
        """Say why it is not undone."""
        return NoInverse("It is itself an undo.")


def _until_stopped(state: str) -> Wait:
    return Wait(f"The target VM is {state}; waits until it is Stopped.", limit=LONGEST_WAIT)
