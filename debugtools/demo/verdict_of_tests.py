"""This will judge the cloud's truth while a test runs, right after it, and at the end of the story."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from debugtools.demo.cast import Role
from debugtools.demo.verdict import DEVICES, Claim, Rehearsal, displaced, names_of_holders
from debugtools.demo.world import Disk, Machine, World


def judge_window(*, before: World, during: World, rehearsal: Rehearsal) -> list[Claim]:
    """Look while the test's VM runs: it runs on test networks from copies, and the replicas know nothing of it."""
    role, target = rehearsal.role, during.machines.get(rehearsal.target_id)
    networks = " and ".join(network.name for _, network in role.test_networks)
    runs = f"{role.name}: its test ran on {networks} and on no other network"
    if target is None:
        return [Claim(runs, ("it has no VM in the cloud",))]
    return [
        Claim(runs, tuple(_not_running(target, role))),
        Claim(
            f"{role.name}: its test ran from {_copies(role)}, with the content of its replicas",
            tuple(_not_copies(before, during, target, role)),
        ),
        Claim(
            f"{role.name}: while its test VM ran, its replicas hung where they had hung, unwritten",
            tuple(displaced(before, during, role)),
        ),
    ]


def judge_return(*, before: World, ended: World) -> list[Claim]:
    """Look right after the last test: the cloud must be as it was before the first."""
    return [
        Claim(
            "After the tests the cloud was as before them: each replica in its place and unwritten, nothing left",
            tuple(_new(before, ended)),
        )
    ]


def judge_remains(*, after: World, rehearsals: Sequence[Rehearsal]) -> list[Claim]:
    """Look at the end of the story: nothing that a test made is there."""
    return [
        Claim(
            f"{rehearsal.role.name}: nothing of its test is left: no VM, no copy, no snapshot",
            tuple(_left(after, rehearsal)),
        )
        for rehearsal in rehearsals
    ]


def _not_running(target: Machine, role: Role) -> Iterator[str]:
    if target.state != "Running" or not target.runs:
        yield f"{target.name} is {target.state} in the record, its domain {'runs' if target.runs else 'does not run'}"
    if target.networks != tuple(network.network_id for _, network in role.test_networks):
        yield f"{target.name} is on the networks {', '.join(target.networks) or 'none'}"


def _not_copies(before: World, during: World, target: Machine, role: Role) -> Iterator[str]:
    devices = DEVICES[: len(role.volumes)]
    if tuple(target.disks) != devices:
        yield f"{target.name} has disks as the devices {list(target.disks)}, not {list(devices)}"
    for device, volume_id in zip(devices, role.volumes, strict=True):
        replica, copy = before.disks[volume_id], during.disks.get(target.disks.get(device, ""))
        if copy is None:
            yield f"there is no copy of {replica.name}"
            continue
        if copy.replica or copy.id in before.disks:
            yield f"{copy.name} is no copy"
        if copy.holders != (target.id,):
            yield f"{copy.name} is held by {names_of_holders(during, copy)}"
        if copy.content != (*replica.content, f"boot:{target.id}:1") or copy.torn:
            yield f"{copy.name} holds {', '.join(copy.content)}"


def _new(before: World, ended: World) -> Iterator[str]:
    for machine in _differing(before.machines, ended.machines):
        yield f"VM {machine} is not as it was"
    for disk in _differing(before.disks, ended.disks):
        yield f"disk {disk} is not as it was"
    for copy in ended.snapshots:
        if copy not in before.snapshots:
            yield f"snapshot {copy.name} is there"


def _differing(before: Mapping[str, Machine | Disk], ended: Mapping[str, Machine | Disk]) -> Iterator[str]:
    for key, thing in {**ended, **before}.items():
        if before.get(key) != ended.get(key):
            yield thing.name


def _left(after: World, rehearsal: Rehearsal) -> Iterator[str]:
    if rehearsal.target_id in after.machines:
        yield f"VM {after.name_of(rehearsal.target_id)} is {after.machines[rehearsal.target_id].state}"
    for disk_id in rehearsal.copies:
        if disk_id in after.disks:
            yield f"disk {after.disks[disk_id].name} is there"
    for copy in after.snapshots:
        if copy.id in rehearsal.snapshots:
            yield f"snapshot {copy.name} is there"


def _copies(role: Role) -> str:
    return "a copy of its disk" if len(role.volumes) == 1 else f"copies of its {len(role.volumes)} disks"
