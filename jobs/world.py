"""This will define the world that commands act on: one cloud, one appliance's replication, what must not be harmed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from cloudstack import Gateway


@dataclass(frozen=True)
class HoldState:
    """What the replication engine says of a VM: whether it is told to wait and has let its disks go."""

    held: bool
    words: str


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
class World:
    """What a command may read and change. `findings` gives the VM's safety findings, none when it is safe."""

    gateway: Gateway
    replication: ReplicationPort
    findings: Callable[[], list[str]]
    is_replica: Callable[[str], bool]
    # The same, from every journal too: slower, for what cannot be undone.
    was_ever_replica: Callable[[str], bool]
    # Network ids and whether they are for a test, to sentences about those that must not be used for it.
    network_findings: Callable[[list[str], bool], list[str]]
    # How far replication of the VM is, as one text: it changes whenever a sync starts or ends.
    replication_mark: Callable[[], str]
    # Whether the target VM was ever told to start: from then on its disks may hold its writes.
    was_started: Callable[[], bool]
    clock_skew: Callable[[], float | None]
    expunge_allowed: bool = False
