"""This will be the layer under the record: domains that run, the disks they really hold, and what lies on them."""

from __future__ import annotations

from dataclasses import dataclass, field

from cloudstack_simulator.records import Machine, Snapshot, Volume
from cloudstack_simulator.world import World

ALARMS = "alarms"


@dataclass
class SyncWindow:
    """This will watch one volume while the replication engine writes a set of blocks to it."""

    writes: int = 0
    snapshots: list[str] = field(default_factory=list)


class Hypervisor:
    """This will run domains, move disks in and out of them, and raise an alarm when data is in danger."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._windows: dict[str, SyncWindow] = {}
        self._held: dict[str, dict[str, None]] = {}
        for volume in world.volumes.values():
            self.index(volume)

    def index(self, volume: Volume) -> None:
        """This will note which domains hold a volume that came into the world held."""
        for holder in volume.holders:
            self._held.setdefault(holder, {})[volume.id] = None

    def alarm(self, text: str) -> None:
        """This will note, once, something that must never happen."""
        if text not in self._world.notes(ALARMS):
            self._world.note(ALARMS, text)

    def alarms(self) -> list[str]:
        """This will list what must never have happened and did."""
        return self._world.notes(ALARMS)

    def hold(self, machine: Machine, volume: Volume) -> None:
        """This will give a running domain a disk."""
        if machine.id in volume.holders:
            return
        for other in volume.holders:
            holder = self._world.machines[other]
            self.alarm(f"disk {volume.name} ({volume.id}) is held by {holder.name} and {machine.name} at once")
        volume.holders = [*volume.holders, machine.id]
        self._held.setdefault(machine.id, {})[volume.id] = None

    def let_go(self, machine_id: str, volume: Volume) -> None:
        """This will take a disk out of a domain; a disk that it does not hold counts as taken out."""
        self._held.get(machine_id, {}).pop(volume.id, None)
        if machine_id in volume.holders:
            volume.holders = [holder for holder in volume.holders if holder != machine_id]

    def boot(self, machine: Machine) -> None:
        """This will start a domain with the disks that the record gives it, and let the guest write to each.

        An appliance writes to its own root only: the replicas are its cargo, not its file systems.
        """
        machine.running, machine.started_once, machine.boots = True, True, machine.boots + 1
        for volume in self._world.volumes_of(machine.id):
            self.hold(machine, volume)
            if not (machine.appliance and volume.replica):
                self.write(machine, volume, f"boot:{machine.id}:{machine.boots}")

    def halt(self, machine: Machine) -> None:
        """This will end a domain; it lets go of every disk, also of those that the record does not know."""
        if not machine.running:
            return
        machine.running = False
        for volume_id in list(self._held.get(machine.id, ())):
            self.let_go(machine.id, self._world.volumes[volume_id])

    def write(self, machine: Machine, volume: Volume, what: str) -> None:
        """This will write to a disk in the name of a VM, and judge whether it may."""
        self._judge_writer(machine, volume)
        volume.content = [*volume.content, what]
        if machine.id not in volume.writers:
            volume.writers = [*volume.writers, machine.id]
        if not volume.writers_since_revert or volume.writers_since_revert[-1] != machine.id:
            volume.writers_since_revert = [*volume.writers_since_revert, machine.id]
        window = self._windows.get(volume.id)
        if window is not None:
            window.writes += 1
            for snapshot_id in window.snapshots:
                self._world.snapshots[snapshot_id].torn = True

    def _judge_writer(self, machine: Machine, volume: Volume) -> None:
        """This will sound the alarm when a guest's writes are followed by another VM's without a revert between.

        The appliance hands its replica to one guest: that order is what a failover is for.
        """
        guests = [
            writer
            for writer in volume.writers_since_revert
            if writer != machine.id and not self._world.machines[writer].appliance
        ]
        if guests:
            first = self._world.machines[guests[0]]
            self.alarm(f"{first.name} and {machine.name} both wrote disk {volume.name} ({volume.id}) without a revert")

    def appliance_writes(self, volume: Volume, change_id: str) -> bool:
        """This will write a block set to a replica through the domain that holds it; a full copy starts it afresh."""
        holders = [self._world.machines[holder] for holder in volume.holders]
        appliance = next((machine for machine in holders if machine.appliance), None)
        if appliance is None:
            return False
        if change_id.startswith("full"):
            volume.content, volume.writers_since_revert, volume.torn = [], [], False
        self.write(appliance, volume, f"appliance:{change_id}")
        return True

    def begin_sync(self, volumes: list[Volume]) -> None:
        """This will open the time in which a snapshot of these volumes may be torn."""
        for volume in volumes:
            self._windows[volume.id] = SyncWindow()

    def end_sync(self, change_id: str) -> None:
        """This will write the last block set to each of these volumes and close that time."""
        for volume_id in list(self._windows):
            self.appliance_writes(self._world.volumes[volume_id], change_id)
        self._windows = {}

    def cut(self, snapshot: Snapshot, volume: Volume) -> None:
        """This will copy what a volume holds at this moment into a snapshot."""
        window = self._windows.get(volume.id)
        snapshot.content = list(volume.content)
        snapshot.torn = volume.torn or (window is not None and window.writes > 0)
        if window is not None:
            window.snapshots.append(snapshot.id)

    def revert(self, snapshot: Snapshot, volume: Volume) -> None:
        """This will bring a snapshot's content back to its volume."""
        volume.content, volume.torn = list(snapshot.content), snapshot.torn
        volume.writers_since_revert = []
        if volume.holders:
            self.alarm(f"disk {volume.name} ({volume.id}) was reverted while a running domain held it")

    def wipe(self, volume: Volume, *, command: str) -> None:
        """This will delete a volume for good."""
        for holder in volume.holders:
            name = self._world.machines[holder].name
            self.alarm(f"disk {volume.name} ({volume.id}) was deleted by {command} while {name} held it")
        if volume.replica:
            self.alarm(f"replica {volume.name} ({volume.id}) was deleted by {command}")
        for holder in list(volume.holders):
            self.let_go(holder, volume)
        self._world.place(volume, None, None)
        volume.removed, volume.deleted_by = True, command
