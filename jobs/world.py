"""This will define the world that commands act on: one cloud, one appliance's replication, what must not be harmed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

from cloudstack import Gateway, VirtualMachine, Volume

MOMENT = timedelta(seconds=1)


@dataclass(frozen=True)
class HoldState:
    """What the replication engine says of a VM: whether it is told to wait, and has let its disks go.

    `under_way` names a run that the engine reports all the same: then it has not let them go.
    """

    held: bool
    words: str
    under_way: str = ""

    @property
    def has_let_go(self) -> bool:
        """Say whether nothing writes to the disks now, nor will before the release."""
        return self.held and not self.under_way


class ReplicationPort(Protocol):
    """Tells the replication engine of an appliance to wait, or to go on; raises ReplicationUnreachable.

    `method` hook: the engine is told and asked. word: a person stops it and says so. none: it keeps no handle between
    runs, so that there is nothing to tell and only a run under way is an obstacle.
    """

    @property
    def method(self) -> Literal["hook", "word", "none"]:
        """Say how replication is held."""

    def hold(self, *, vm_id: str, reference: str) -> HoldState:
        """Ask the engine to finish or stop its run, close the disks and wait; repeating it is harmless."""

    def release(self, *, vm_id: str, reference: str) -> HoldState:
        """Let the engine go on; repeating it is harmless."""

    def state(self, *, vm_id: str) -> HoldState:
        """Read what is so."""


class ReplicationUnreachable(Exception):
    """The replication engine's hook gave no usable answer."""


@dataclass(frozen=True)
class Glimpses:
    """What this process has read of one job's volumes and VMs within the last second, by the name of the resource.

    The read-back of a step and the guard of the next ask for the same thing within a few milliseconds: a guard may take
    what the read-back saw (docs/adr/0011). A read-back never does, nor does what is read in a call.
    """

    now: Callable[[], datetime]
    _seen: dict[str, tuple[datetime, Volume | VirtualMachine]] = field(default_factory=dict)
    # VMs' states as a volume on them told: that of a VM which itself was not read.
    _states: dict[str, tuple[datetime, str]] = field(default_factory=dict)

    def note(self, resource: str, seen: Volume | VirtualMachine) -> None:
        """Keep what was just read."""
        self._seen[resource] = (self.now(), seen)
        if isinstance(seen, Volume) and seen.virtual_machine_id and seen.virtual_machine_state:
            self._states[f"vm:{seen.virtual_machine_id}"] = (self.now(), seen.virtual_machine_state)

    def recall(self, resource: str) -> Volume | VirtualMachine | None:
        """Give what was read a moment ago; None when that is too long ago, or it may have changed since."""
        read_at, seen = self._seen.get(resource, (None, None))
        return seen if self._is_of_this_moment(read_at) else None

    def recall_state(self, resource: str) -> str:
        """Give the state of a VM as a volume on it told a moment ago; nothing when it is not known any more."""
        read_at, state = self._states.get(resource, (None, ""))
        return state if self._is_of_this_moment(read_at) else ""

    def forget(self, resources: Iterable[str]) -> None:
        """Forget what is about to change."""
        for resource in resources:
            self._seen.pop(resource, None)
            self._states.pop(resource, None)

    def _is_of_this_moment(self, read_at: datetime | None) -> bool:
        return read_at is not None and timedelta(0) <= self.now() - read_at <= MOMENT


@dataclass(frozen=True)
class World:
    """What a command may read and change. `findings` gives the VM's safety findings, none when it is safe."""

    gateway: Gateway
    glimpses: Glimpses
    replication: ReplicationPort
    findings: Callable[[], list[str]]
    is_replica: Callable[[str], bool]
    # The same, from every journal too: slower, for what cannot be undone.
    was_ever_replica: Callable[[str], bool]
    # Network ids and whether they are for a test, to sentences about those that must not be used for it.
    network_findings: Callable[[list[str], bool], list[str]]
    # How far replication of the VM is, as one text: it changes whenever a sync starts or ends.
    replication_mark: Callable[[], str]
    # Whether the target VM was ever told to start, or seen to run: from then on its disks may hold its writes.
    was_started: Callable[[], bool]
    clock_skew: Callable[[], float | None]
    expunge_allowed: bool = False

    def volume(self, id: str) -> Volume | None:
        """Read a volume, and let the next guard have it."""
        volume = self.gateway.volume(id)
        if volume is not None:
            self.glimpses.note(f"volume:{id}", volume)
        return volume

    def volumes_of(self, vm_id: str) -> tuple[Volume, ...]:
        """Read the volumes on a VM, and let the next guard have each."""
        volumes = self.gateway.volumes_of(vm_id)
        for volume in volumes:
            self.glimpses.note(f"volume:{volume.id}", volume)
        return volumes

    def machine(self, id: str) -> VirtualMachine | None:
        """Read a VM, and let the next guard have it."""
        machine = self.gateway.virtual_machine(id)
        if machine is not None:
            self.glimpses.note(f"vm:{id}", machine)
        return machine

    def was_just_seen_stopped(self, vm_id: str) -> bool:
        """Whether a disk on the VM told a moment ago that the VM is stopped: for guards of what does no harm."""
        return self.glimpses.recall_state(f"vm:{vm_id}") == "Stopped"

    def volume_just_seen(self, id: str) -> Volume | None:
        """Give the volume as it was read a moment ago, or read it: for guards."""
        seen = self.glimpses.recall(f"volume:{id}")
        return seen if isinstance(seen, Volume) else self.volume(id)

    def machine_just_seen(self, id: str) -> VirtualMachine | None:
        """Give the VM as it was read a moment ago, or read it: for guards."""
        seen = self.glimpses.recall(f"vm:{id}")
        return seen if isinstance(seen, VirtualMachine) else self.machine(id)
