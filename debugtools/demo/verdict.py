"""This will judge the cloud after the story: claims about it, each with what is wrong where it does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from debugtools.demo.cast import Role
from debugtools.demo.world import Disk, Machine, World

# CloudStack keeps device 3 for the CD.
DEVICES = (0, 1, 2, *range(4, 30))


@dataclass(frozen=True)
class Claim:
    """What must be so, in words, and what is seen against it."""

    text: str
    wrongs: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.wrongs


@dataclass(frozen=True)
class Move:
    """A live failover that was asked for: the VM, and the target that the service says it made (empty: none)."""

    role: Role
    target_id: str


@dataclass(frozen=True)
class Rehearsal:
    """A test failover that was asked for: its VM (empty: none), and the ids of its copies and snapshots."""

    role: Role
    target_id: str
    copies: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ()

    @classmethod
    def seen(cls, role: Role, target_id: str, *, before: World, during: World) -> Rehearsal:
        """Find in the cloud's truth, while the test's VM runs, what is there because of the test."""
        target = during.machines.get(target_id)
        known = {copy.id for copy in before.snapshots}
        return cls(
            role,
            target_id,
            copies=tuple(target.disks.values()) if target else (),
            snapshots=tuple(
                copy.id for copy in during.snapshots if copy.volume_id in role.volumes and copy.id not in known
            ),
        )


def judge(
    *,
    before: World,
    after: World,
    moves: Sequence[Move],
    untouched: Sequence[Role],
    rehearsals: Sequence[Rehearsal],
) -> list[Claim]:
    """Compare the cloud with how it was before and with what was asked for."""
    claims: list[Claim] = []
    for move in moves:
        claims += _claims_of_move(before, after, move)
    for role in untouched:
        claims.append(
            Claim(
                f"{role.name} is untouched: its disks hang where they hung, unwritten",
                tuple(changed(before, after, role)),
            )
        )
    targets = {move.target_id for move in moves}
    return [
        *claims,
        Claim(
            "Nothing was deleted but placeholder disks and the tests' copies",
            tuple(_deleted(before, after, moves, rehearsals)),
        ),
        Claim("Nothing else was left in the cloud", tuple(_surplus(before, after, targets))),
        Claim("No two VMs ever held or wrote one disk, and no other alarm sounded", after.alarms),
        Claim("No CloudStack job is still under way", after.unfinished_jobs),
    ]


def _claims_of_move(before: World, after: World, move: Move) -> list[Claim]:
    name = move.role.name
    target = after.machines.get(move.target_id)
    if target is None:
        return [
            Claim(f"{name} runs on {_networks(move.role)}", ("it has no VM in the cloud",)),
            Claim(
                f"{name}: as it does not run, its disks are back where they hung, unwritten",
                tuple(changed(before, after, move.role)),
            ),
        ]
    return [
        Claim(f"{name} runs on {_networks(move.role)}", tuple(_not_running(target, move.role))),
        Claim(
            f"{name}: {_disks(move.role)} on it alone, in boot order, in record and domain",
            tuple(_misplaced(after, target, move.role)),
        ),
        Claim(
            f"{name}: the content is the replica's and this VM's own boot writes, nothing else",
            tuple(_miswritten(before, after, target, move.role)),
        ),
        Claim(
            f"{name}: the way back is there, a snapshot of each disk from before the start",
            tuple(_without_way_back(before, after, move.role)),
        ),
    ]


def _not_running(target: Machine, role: Role) -> Iterator[str]:
    if target.state != "Running":
        yield f"{target.name} is {target.state} in the record"
    if not target.runs:
        yield f"no domain of {target.name} runs"
    if target.networks != tuple(network.network_id for _, network in role.networks):
        yield f"{target.name} is on the networks {', '.join(target.networks) or 'none'}"
    if not target.is_protected:
        yield f"{target.name} is not protected from deletion"


def _misplaced(after: World, target: Machine, role: Role) -> Iterator[str]:
    wanted = dict(zip(DEVICES, role.volumes, strict=False))
    if dict(target.disks) != wanted:
        yield f"{target.name} has {dict(target.disks)}, not {wanted}"
    for device, volume_id in wanted.items():
        disk = after.disks.get(volume_id)
        if disk is None:
            yield f"replica {volume_id} is gone"
            continue
        if (disk.vm_id, disk.device_id) != (target.id, device):
            yield f"{disk.name} is recorded on {after.name_of(disk.vm_id)} as device {disk.device_id}"
        if disk.holders != (target.id,):
            yield f"{disk.name} is held by {names_of_holders(after, disk)}"


def _miswritten(before: World, after: World, target: Machine, role: Role) -> Iterator[str]:
    for volume_id in role.volumes:
        disk = after.disks.get(volume_id)
        if disk is None:
            continue
        was = before.disks[volume_id]
        boots = disk.content[len(was.content) :]
        if disk.content[: len(was.content)] != was.content:
            yield f"{disk.name} does not hold its replica any more: {', '.join(disk.content)}"
        elif boots != (f"boot:{target.id}:1",):
            yield f"{disk.name} was written by: {', '.join(boots) or 'nobody'}"
        if disk.torn or disk.size != was.size:
            yield f"{disk.name} is torn or changed its size"


def _without_way_back(before: World, after: World, role: Role) -> Iterator[str]:
    for volume_id in role.volumes:
        good = [
            copy
            for copy in after.snapshots
            if copy.volume_id == volume_id
            and copy.state == "BackedUp"
            and not copy.torn
            and copy.content == before.disks[volume_id].content
        ]
        if len(good) != 1:
            yield f"{before.disks[volume_id].name} has {len(good)} good snapshots, not 1"


def changed(before: World, after: World, role: Role) -> Iterator[str]:
    """Tell what of the VM's replicas is not as it was: place, content, holder, or a snapshot that was not there."""
    yield from displaced(before, after, role)
    for volume_id in role.volumes:
        if any(copy.volume_id == volume_id for copy in after.snapshots):
            yield f"{before.disks[volume_id].name} has a snapshot"


def displaced(before: World, after: World, role: Role) -> Iterator[str]:
    """Tell which replicas of the VM are not where they hung, or were written."""
    for volume_id in role.volumes:
        was, now = before.disks[volume_id], after.disks.get(volume_id)
        if now is None:
            yield f"{was.name} is gone"
        elif now != was:
            place = f"{after.name_of(now.vm_id)} as device {now.device_id}"
            yield f"{was.name} is on {place}, held by {names_of_holders(after, now)}"
            if now.content != was.content:
                yield f"{was.name} was written: {', '.join(now.content)}"


def _deleted(before: World, after: World, moves: Sequence[Move], rehearsals: Sequence[Rehearsal]) -> Iterator[str]:
    copies = {disk_id for rehearsal in rehearsals for disk_id in rehearsal.copies}
    ours = [disk for disk in after.deleted if disk.id not in before.disks and not disk.replica]
    for disk in after.deleted:
        if disk not in ours:
            yield f"{disk.name} was deleted by {disk.deleted_by}"
    placeholders = [disk for disk in ours if disk.id not in copies]
    if len(placeholders) != len(moves) + len(rehearsals):
        yield f"{len(placeholders)} placeholder disks were deleted, not {len(moves) + len(rehearsals)}"


def _surplus(before: World, after: World, targets: set[str]) -> Iterator[str]:
    for machine in after.machines.values():
        if machine.id not in before.machines and machine.id not in targets:
            yield f"VM {machine.name} ({machine.id})"
    for disk in after.disks.values():
        if disk.id not in before.disks:
            yield f"disk {disk.name} ({disk.id})"
    for machine_id, was in before.machines.items():
        now = after.machines.get(machine_id)
        if now is None or (now.state, now.runs) != (was.state, was.runs):
            yield f"VM {was.name}, which was {was.state}, is {now.state if now else 'gone'}"


def names_of_holders(world: World, disk: Disk) -> str:
    """Name the VMs whose domains hold the disk."""
    return " and ".join(world.name_of(holder) for holder in disk.holders) or "no domain"


def _networks(role: Role) -> str:
    return " and ".join(network.name for _, network in role.networks)


def _disks(role: Role) -> str:
    return "its disk hangs" if len(role.volumes) == 1 else f"its {len(role.volumes)} disks hang"
