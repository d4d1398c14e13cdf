"""This will show that the demo's verdict finds a world wrong in every way in which one can go wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from cloudstack_simulator import Simulator, SteppedClock
from cloudstack_simulator.server import show_world
from debugtools.demo.cast import FAILING_OVER, LINUX, UNSYNCED, WINDOWS, Role
from debugtools.demo.verdict import Claim, Move, judge
from debugtools.demo.world import Copy, Disk, Machine, World

MOVES = [Move(role, f"target-of-{role.name}") for role in FAILING_OVER]
BOOT = WINDOWS.volumes[0]


def world_before() -> World:
    """Give the world as the scenario has it."""
    return World.from_json(show_world(Simulator.scenario("demo", clock=SteppedClock()), {}))


def failed_over(before: World) -> World:
    """Give the world as it must be after both failovers."""
    machines, disks = dict(before.machines), dict(before.disks)
    snapshots: list[Copy] = []
    deleted: list[Disk] = []
    for move in MOVES:
        devices = dict(zip((0, 1, 2), move.role.volumes, strict=False))
        machines[move.target_id] = Machine(
            id=move.target_id,
            name=move.role.name.lower(),
            state="Running",
            runs=True,
            networks=tuple(network.network_id for _, network in move.role.networks),
            disks=devices,
            is_protected=True,
        )
        for device, volume_id in devices.items():
            was = before.disks[volume_id]
            disks[volume_id] = replace(
                was,
                vm_id=move.target_id,
                device_id=device,
                holders=(move.target_id,),
                content=(*was.content, f"boot:{move.target_id}:1"),
            )
            snapshots.append(Copy(f"s-{volume_id}", "rollback", volume_id, "BackedUp", was.content, torn=False))
        deleted.append(
            replace(before.disks[BOOT], id=f"root-{move.target_id}", replica=False, deleted_by="deleteVolume")
        )
    return replace(before, machines=machines, disks=disks, snapshots=tuple(snapshots), deleted=tuple(deleted))


def wrongs(world: World, *, before: World) -> list[Claim]:
    """Give the claims that do not hold."""
    claims = judge(before=before, after=world, moves=MOVES, untouched=[UNSYNCED], rehearsals=[])
    return [claim for claim in claims if not claim.holds]


def with_disk(world: World, volume_id: str, **changes: object) -> World:
    """Give the world with one disk changed."""
    return replace(world, disks={**world.disks, volume_id: replace(world.disks[volume_id], **changes)})  # type: ignore[arg-type]


def with_target(world: World, role: Role, **changes: object) -> World:
    """Give the world with one target VM changed."""
    target = world.machines[f"target-of-{role.name}"]
    return replace(world, machines={**world.machines, target.id: replace(target, **changes)})  # type: ignore[arg-type]


def without_disk(world: World, volume_id: str) -> World:
    """Give the world with a disk gone and nobody saying so."""
    return replace(world, disks={key: disk for key, disk in world.disks.items() if key != volume_id})


def with_second_vm(world: World) -> World:
    """Give the world with one VM more than was asked for."""
    twin = replace(world.machines[MOVES[0].target_id], id="twin", disks={})
    return replace(world, machines={**world.machines, "twin": twin})


BROKEN: dict[str, Callable[[World], World]] = {
    "an alarm sounded": lambda world: replace(world, alarms=("disk held twice",)),
    "a job still runs": lambda world: replace(world, unfinished_jobs=("attachVolume 1",)),
    "the target is stopped": lambda world: with_target(world, WINDOWS, state="Stopped"),
    "its domain does not run": lambda world: with_target(world, WINDOWS, runs=False),
    "it is on the wrong network": lambda world: with_target(world, WINDOWS, networks=("other",)),
    "its networks are in the wrong order": lambda world: with_target(
        world, LINUX, networks=tuple(reversed(world.machines[f"target-of-{LINUX.name}"].networks))
    ),
    "it may be deleted": lambda world: with_target(world, LINUX, is_protected=False),
    "its disks are in the wrong order": lambda world: with_target(
        world, LINUX, disks=dict(zip((0, 1, 2), reversed(LINUX.volumes), strict=True))
    ),
    "it has one disk more": lambda world: with_target(world, WINDOWS, disks={0: BOOT, 1: UNSYNCED.volumes[0]}),
    "the record is on another VM": lambda world: with_disk(world, BOOT, vm_id="oma"),
    "two domains hold a disk": lambda world: with_disk(world, BOOT, holders=(MOVES[0].target_id, "oma")),
    "no domain holds a disk": lambda world: with_disk(world, BOOT, holders=()),
    "a replica lost its content": lambda world: with_disk(world, BOOT, content=(f"boot:{MOVES[0].target_id}:1",)),
    "somebody else wrote it": lambda world: with_disk(
        world, BOOT, content=(*world.disks[BOOT].content, "appliance:late")
    ),
    "the guest never wrote it": lambda world: with_disk(world, BOOT, content=world.disks[BOOT].content[:-1]),
    "a replica is torn": lambda world: with_disk(world, BOOT, torn=True),
    "a replica is gone": lambda world: without_disk(world, BOOT),
    "a rollback point is missing": lambda world: replace(world, snapshots=world.snapshots[1:]),
    "a rollback point is torn": lambda world: replace(
        world, snapshots=(replace(world.snapshots[0], torn=True), *world.snapshots[1:])
    ),
    "a replica was deleted": lambda world: replace(
        world, deleted=(*world.deleted, replace(world.disks[BOOT], deleted_by="destroyVirtualMachine"))
    ),
    "a placeholder is left": lambda world: replace(world, deleted=world.deleted[1:]),
    "a disk was left over": lambda world: replace(
        world, disks={**world.disks, "extra": replace(world.disks[BOOT], id="extra")}
    ),
    "a second VM was made": with_second_vm,
    "the third VM was written": lambda world: with_disk(world, UNSYNCED.volumes[0], content=("boot:1",)),
    "the third VM's disk was moved": lambda world: with_disk(world, UNSYNCED.volumes[1], device_id=9),
    "the third VM's disk is gone": lambda world: without_disk(world, UNSYNCED.volumes[1]),
}


def test_a_world_after_two_failovers_is_as_it_must_be() -> None:
    before = world_before()

    assert wrongs(failed_over(before), before=before) == []


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_world_is_found_wrong(broken: Callable[[World], World]) -> None:
    before = world_before()

    assert wrongs(broken(failed_over(before)), before=before)


def test_a_failover_that_was_undone_leaves_the_disks_where_they_hung() -> None:
    before = world_before()
    undone = judge(before=before, after=before, moves=[Move(WINDOWS, "")], untouched=[], rehearsals=[])

    assert [claim.text for claim in undone if not claim.holds] == [
        "PGWINTESTBIOS runs on OSSEA-L2",
        "Nothing was deleted but placeholder disks and the tests' copies",
    ]
