"""This will make the target VM, stopped and without disks of its own, and remove it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

from cloudstack import Deployment, NicRequest, VirtualMachine
from jobs.commands.base import LONGEST_WAIT, CommandBase, answer_of, ticket_of
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
from jobs.engine.contracts import NotSent as AnswerNotSent
from jobs.world import World

_GONE = frozenset({"Destroyed", "Expunging"})


@dataclass(frozen=True)
class DeployTarget(CommandBase):
    """Deploy the target VM stopped, with all its NICs, from the placeholder template.

    Its name carries the job and is unique to it, so that it is found again after a lost answer. `nics` holds
    `{"network_id", "mac", "ip"}` in NIC order.
    """

    name: ClassVar[str] = "deploy_target"
    makes_something: ClassVar[bool] = True
    longest_create_seconds: ClassVar[float] = 5.0

    vm_name: str
    display_name: str
    zone_id: str
    service_offering_id: str
    template_id: str
    nics: list[dict[str, Any]]
    details: dict[str, str]
    boot_type: str | None
    boot_mode: str | None
    is_test: bool = False

    def title(self) -> str:
        """Say what is done."""
        return f"Create the target VM {self.vm_name}, stopped"

    def touches(self) -> tuple[str, ...]:
        """Reserve the name."""
        return (f"vm-name:{self.vm_name}",)

    def guard(self, world: World) -> Guarded:
        """Look once more that no NIC goes astray (rule 6), then for a VM of the name before making one (rule 3)."""
        astray = world.network_findings([str(nic["network_id"]) for nic in self.nics], self.is_test)
        if astray:
            return Refuse(" ".join(astray))
        named = self._named(world)
        if len(named) > 1:
            return Refuse(f"{len(named)} VMs are named {self.vm_name}: remove those that are not this job's.")
        if not named:
            return Clear()
        difference = self._difference(named[0])
        if difference:
            return Refuse(f"A VM named {self.vm_name} exists and is not as this job would make it: {difference}.")
        return self._adopted(world, named[0])

    def _adopted(self, world: World, vm: VirtualMachine) -> Guarded:
        if vm.state != "Stopped":
            return Wait(f"VM {self.vm_name} exists and is {vm.state}; waits until it is Stopped.", limit=LONGEST_WAIT)
        return Already(self._result(world, vm), seen=f"VM {vm.id} is {vm.state}")

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send deployVirtualMachine, never started: a failed first start would delete its volumes."""
        return answer_of(world.gateway.deploy_virtual_machine(self._deployment(), ticket=ticket_of(ticket)))

    def confirm(self, world: World) -> Sight:
        """Look for the VM by its name and compare it."""
        named = self._named(world)
        if not named:
            return Absent("no VM of that name")
        if len(named) > 1:
            return Unclear(f"{len(named)} VMs of that name")
        vm = named[0]
        if vm.state == "Error":
            return LeftBehind({"vm_id": vm.id, "root_volume_id": ""}, seen=f"VM {vm.id} is left in state Error")
        if vm.state != "Stopped":
            return Unclear(f"VM {vm.id} is {vm.state}", still_moving=True)
        difference = self._difference(vm)
        if difference:
            return Unclear(f"VM {vm.id} is not as it was ordered: {difference}")
        world.glimpses.note(f"vm:{vm.id}", vm)
        return Holds(self._result(world, vm), seen=f"VM {vm.id} is Stopped")

    def inverse(self, result: Mapping[str, Any]) -> DestroyTarget:
        """Remove it; it must hold no replica then."""
        return DestroyTarget(target_vm_id=str(result["vm_id"]), vm_name=self.vm_name)

    def _named(self, world: World) -> list[VirtualMachine]:
        named = world.gateway.virtual_machines_named(self.vm_name)
        return [vm for vm in named if vm.state not in _GONE and vm.name.lower() == self.vm_name.lower()]

    def _difference(self, vm: VirtualMachine) -> str:
        """Say in what the VM differs from the order; nothing when it may be adopted."""
        wanted = [str(nic["network_id"]) for nic in self.nics]
        found = [nic.network_id for nic in vm.nics]
        if sorted(wanted) != sorted(found):
            return f"its networks are {found}, not {wanted}"
        for field, is_so, should_be in (
            ("service offering", vm.service_offering_id, self.service_offering_id),
            ("template", vm.template_id, self.template_id),
            ("zone", vm.zone_id, self.zone_id),
        ):
            if is_so is not None and is_so != should_be:
                return f"its {field} is {is_so}, not {should_be}"
        return ""

    def _result(self, world: World, vm: VirtualMachine) -> dict[str, Any]:
        roots = [volume for volume in world.volumes_of(vm.id) if volume.type == "ROOT"]
        root = roots[0].id if roots and not world.is_replica(roots[0].id) else ""
        return {"vm_id": vm.id, "root_volume_id": root}

    def _deployment(self) -> Deployment:
        return Deployment(
            zone_id=self.zone_id,
            service_offering_id=self.service_offering_id,
            template_id=self.template_id,
            name=self.vm_name,
            display_name=self.display_name,
            nics=tuple(NicRequest(network_id=nic["network_id"], mac=nic["mac"], ip=nic["ip"]) for nic in self.nics),
            details=self.details,
            boot_type=cast(Literal["BIOS", "UEFI"] | None, self.boot_type),
            boot_mode=cast(Literal["LEGACY", "SECURE"] | None, self.boot_mode),
        )


@dataclass(frozen=True)
class DestroyTarget(CommandBase):
    """Remove a VM that this job made, after two reads showed that it holds no replica (rule 4)."""

    name: ClassVar[str] = "destroy_target"

    target_vm_id: str
    vm_name: str

    def title(self) -> str:
        """Say what is done."""
        return f"Remove the target VM {self.vm_name}"

    def touches(self) -> tuple[str, ...]:
        """Reserve the VM."""
        return (f"vm:{self.target_vm_id}",)

    def guard(self, world: World) -> Guarded:
        """Read once what hangs on it; `submit` reads again."""
        vm = world.gateway.virtual_machine(self.target_vm_id)
        if vm is None:
            return Already({"expunge_pending": False}, seen="it is gone")
        if vm.state in _GONE:
            return Already({"expunge_pending": True}, seen=f"it is {vm.state}")
        held = self._replicas_on(world)
        if held:
            return Refuse(f"It still holds {held}; removing it now could delete the disk.")
        return Clear()

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Read a second time, then send destroyVirtualMachine."""
        held = self._replicas_on(world)
        if held:
            return AnswerNotSent(f"It holds {held}, which was not there a moment ago.")
        outcome = world.gateway.destroy_virtual_machine(
            self.target_vm_id, expunge=world.expunge_allowed, ticket=ticket_of(ticket)
        )
        return answer_of(outcome)

    def confirm(self, world: World) -> Sight:
        """Read whether it is gone; Destroyed is as far as a key without the right to expunge can go."""
        vm = world.gateway.virtual_machine(self.target_vm_id)
        if vm is None:
            # A key that may not expunge often cannot see destroyed VMs either: out of its sight is not expunged.
            pending = not world.expunge_allowed
            return Holds(
                {"expunge_pending": pending}, seen="it is destroyed, and out of sight" if pending else "it is gone"
            )
        if vm.state in _GONE:
            return Holds({"expunge_pending": True}, seen=f"it is {vm.state}")
        return Absent(f"it is still there, {vm.state}")

    def _replicas_on(self, world: World) -> str:
        """Name what must not go with the VM: replicas, and anything but its own placeholder."""
        volumes = world.gateway.volumes_of(self.target_vm_id)
        return ", ".join(f"replica {volume.id}" for volume in volumes if world.was_ever_replica(volume.id))

    def inverse(self, result: Mapping[str, Any]) -> NoInverse:
        """Say why it is not undone."""
        return NoInverse("It is itself an undo.")
