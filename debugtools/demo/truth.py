"""This will write on the screen what is where in the cloud, by the simulated cloud's own truth."""

from __future__ import annotations

from collections.abc import Set

from debugtools.demo.cast import NETWORK_NAMES
from debugtools.demo.screen import Screen
from debugtools.demo.world import Disk, World

_GIB = 1 << 30


def show_world(screen: Screen, world: World) -> None:
    """Show the VMs and their disks, in CloudStack's record and in the hypervisor."""
    rows: list[tuple[str, ...]] = []
    for machine in world.machines.values():
        networks = ", ".join(NETWORK_NAMES.get(network_id, network_id) for network_id in machine.networks)
        rows.append((machine.name, f"{machine.state}, on {networks}", "", "runs" if machine.runs else "does not run"))
        rows.extend(_disk_row(world, device, world.disks[volume_id]) for device, volume_id in machine.disks.items())
    rows.extend(_disk_row(world, None, disk) for disk in world.disks.values() if disk.vm_id is None)
    screen.table(("VM and its devices", "by CloudStack's record", "size", "by the hypervisor"), rows)


def show_remains(screen: Screen, world: World, *, copies: Set[str]) -> None:
    """Show what is beside VMs and disks: snapshots, what was deleted, alarms. `copies` are the disks of tests."""
    snapshots = [f"{copy.name} ({copy.state})" for copy in world.snapshots]
    deleted = {kind: ", ".join(names) for kind, names in _deleted_by_kind(world, copies).items() if names}
    screen.gap()
    screen.say(f"Snapshots: {', '.join(snapshots) or 'none'}")
    screen.say(f"Deleted:   {'; '.join(f'{kind} {names}' for kind, names in deleted.items()) or 'nothing'}")
    screen.say(f"Alarms:    {'; '.join(world.alarms) or 'none'}", style="bold red" if world.alarms else "")


def _deleted_by_kind(world: World, copies: Set[str]) -> dict[str, list[str]]:
    replicas = [disk.name for disk in world.deleted if disk.replica]
    of_tests = [disk.name for disk in world.deleted if disk.id in copies]
    others = [disk.name for disk in world.deleted if not disk.replica and disk.id not in copies]
    return {"REPLICAS": replicas, "placeholders": others, "copies of the tests": of_tests}


def _disk_row(world: World, device: int | None, disk: Disk) -> tuple[str, ...]:
    held = " and ".join(world.name_of(holder) for holder in disk.holders) or "no domain"
    place = "detached" if device is None else f"  device {device}"
    return (place, disk.name, f"{disk.size // _GIB} GiB", f"held by {held}")
