"""This will show that the demo's verdict on test failovers finds everything wrong that a test can do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from cloudstack_simulator import Simulator, SteppedClock
from cloudstack_simulator.server import show_world
from debugtools.demo.cast import LINUX, PRODUCTION
from debugtools.demo.verdict import Claim, Rehearsal, judge
from debugtools.demo.verdict_of_tests import judge_remains, judge_return, judge_window
from debugtools.demo.world import Copy, Disk, Machine, World

TARGET = "target-of-the-test"
CLONES = tuple(f"clone-{place}" for place in range(len(LINUX.volumes)))
BOOT = LINUX.volumes[0]


def world_before() -> World:
    """Give the world as the scenario has it."""
    return World.from_json(show_world(Simulator.scenario("demo", clock=SteppedClock()), {}))


def in_window(before: World) -> World:
    """Give the world as it must be while the test's VM runs."""
    machine = Machine(
        id=TARGET,
        name="lnxdbprod01-test",
        state="Running",
        runs=True,
        networks=tuple(network.network_id for _, network in LINUX.test_networks),
        disks=dict(zip((0, 1, 2), CLONES, strict=True)),
        is_protected=False,
    )
    snapshots = [
        Copy(f"s-{volume_id}", "test", volume_id, "BackedUp", before.disks[volume_id].content, torn=False)
        for volume_id in LINUX.volumes
    ]
    return replace(
        before,
        machines={**before.machines, TARGET: machine},
        disks={**before.disks, **{copy.id: copy for copy in clones_of(before)}},
        snapshots=tuple(snapshots),
        deleted=(placeholder_of(before),),
    )


def clones_of(before: World) -> list[Disk]:
    """Give the copies of all replicas, as they are once the test's VM has booted from them."""
    return [
        replace(
            before.disks[volume_id],
            id=CLONES[device],
            name=CLONES[device],
            vm_id=TARGET,
            device_id=device,
            holders=(TARGET,),
            content=(*before.disks[volume_id].content, f"boot:{TARGET}:1"),
            replica=False,
        )
        for device, volume_id in enumerate(LINUX.volumes)
    ]


def placeholder_of(before: World) -> Disk:
    """Give the disk with which the test's VM was made, deleted."""
    return replace(before.disks[BOOT], id="root", replica=False, deleted_by="deleteVolume")


def ended(before: World) -> World:
    """Give the world as it must be after the cleanup."""
    deleted = [replace(clone, vm_id=None, holders=(), deleted_by="deleteVolume") for clone in clones_of(before)]
    return replace(before, deleted=(placeholder_of(before), *deleted))


def rehearsal_in(during: World, *, before: World) -> Rehearsal:
    """Give the test as the demo sees it in its window."""
    return Rehearsal.seen(LINUX, TARGET, before=before, during=during)


def with_target(world: World, **changes: object) -> World:
    """Give the world with the test's VM changed."""
    changed = replace(world.machines[TARGET], **changes)  # type: ignore[arg-type]
    return replace(world, machines={**world.machines, TARGET: changed})


def with_disk(world: World, volume_id: str, **changes: object) -> World:
    """Give the world with one disk changed."""
    return replace(world, disks={**world.disks, volume_id: replace(world.disks[volume_id], **changes)})  # type: ignore[arg-type]


def without_disk(world: World, volume_id: str) -> World:
    """Give the world with a disk gone."""
    return replace(world, disks={key: disk for key, disk in world.disks.items() if key != volume_id})


def wrong(claims: list[Claim]) -> list[str]:
    """Give what is said against the claims."""
    return [text for claim in claims for text in claim.wrongs]


IN_WINDOW: dict[str, Callable[[World], World]] = {
    "there is no VM": lambda world: replace(
        world, machines={key: machine for key, machine in world.machines.items() if key != TARGET}
    ),
    "the VM is stopped": lambda world: with_target(world, state="Stopped"),
    "its domain does not run": lambda world: with_target(world, runs=False),
    "it is on a production network": lambda world: with_target(world, networks=(PRODUCTION.network_id,)),
    "it is on one network more": lambda world: with_target(
        world, networks=(*world.machines[TARGET].networks, PRODUCTION.network_id)
    ),
    "it runs from a replica": lambda world: with_target(world, disks={0: BOOT, 1: CLONES[1], 2: CLONES[2]}),
    "a disk is missing": lambda world: with_target(world, disks={0: CLONES[0], 1: CLONES[1]}),
    "its disks are in the wrong order": lambda world: with_target(
        world, disks={0: CLONES[1], 1: CLONES[0], 2: CLONES[2]}
    ),
    "a copy is torn": lambda world: with_disk(world, CLONES[1], torn=True),
    "a copy holds something else": lambda world: with_disk(world, CLONES[1], content=("else", f"boot:{TARGET}:1")),
    "a copy is held by another domain too": lambda world: with_disk(world, CLONES[0], holders=(TARGET, "oma")),
    "a replica was written": lambda world: with_disk(
        world, BOOT, content=(*world.disks[BOOT].content, f"boot:{TARGET}:1")
    ),
    "a replica is off the appliance": lambda world: with_disk(world, BOOT, vm_id=None, device_id=None, holders=()),
    "a replica is gone": lambda world: without_disk(world, BOOT),
}

AFTER: dict[str, Callable[[World, World], World]] = {
    "the VM is left": lambda world, during: replace(
        world, machines={**world.machines, TARGET: during.machines[TARGET]}
    ),
    "the VM waits for its expunge": lambda world, during: replace(
        world, machines={**world.machines, TARGET: replace(during.machines[TARGET], state="Destroyed", runs=False)}
    ),
    "a copy is left": lambda world, during: replace(
        world, disks={**world.disks, CLONES[2]: replace(during.disks[CLONES[2]], vm_id=None, holders=())}
    ),
    "a snapshot is left": lambda world, during: replace(world, snapshots=during.snapshots[:1]),
}

RETURNED: dict[str, Callable[[World], World]] = {
    "a replica was written": lambda world: with_disk(world, BOOT, content=("boot:1",)),
    "a replica hangs as another device": lambda world: with_disk(world, BOOT, device_id=9),
    "a replica is detached": lambda world: with_disk(world, BOOT, vm_id=None, device_id=None, holders=()),
    "a replica is gone": lambda world: without_disk(world, BOOT),
}


def test_a_test_on_copies_is_as_it_must_be_in_its_window_and_after_its_cleanup() -> None:
    before = world_before()
    during, after = in_window(before), ended(before)
    rehearsal = rehearsal_in(during, before=before)

    assert wrong(judge_window(before=before, during=during, rehearsal=rehearsal)) == []
    assert wrong(judge_return(before=before, ended=after)) == []
    assert wrong(judge_remains(after=after, rehearsals=[rehearsal])) == []
    assert wrong(judge(before=before, after=after, moves=[], untouched=[LINUX], rehearsals=[rehearsal])) == []


@pytest.mark.parametrize("broken", IN_WINDOW.values(), ids=IN_WINDOW.keys())
def test_a_window_that_is_not_as_it_must_be_is_found_wrong(broken: Callable[[World], World]) -> None:
    before = world_before()
    during = broken(in_window(before))

    assert wrong(judge_window(before=before, during=during, rehearsal=rehearsal_in(during, before=before)))


@pytest.mark.parametrize("leaking", AFTER.values(), ids=AFTER.keys())
def test_whatever_a_test_leaves_is_found_right_after_it_and_at_the_end(
    leaking: Callable[[World, World], World],
) -> None:
    before = world_before()
    during = in_window(before)
    after = leaking(ended(before), during)

    assert wrong(judge_return(before=before, ended=after))
    assert wrong(judge_remains(after=after, rehearsals=[rehearsal_in(during, before=before)]))


@pytest.mark.parametrize("harmed", RETURNED.values(), ids=RETURNED.keys())
def test_a_replica_that_a_test_harmed_is_found(harmed: Callable[[World], World]) -> None:
    before = world_before()

    assert wrong(judge_return(before=before, ended=harmed(ended(before))))


def test_a_deleted_disk_that_is_neither_placeholder_nor_copy_is_found() -> None:
    before = world_before()
    rehearsal = rehearsal_in(in_window(before), before=before)
    after = ended(before)
    after = replace(after, deleted=(*after.deleted, replace(before.disks[BOOT], id="other", replica=False)))

    said = wrong(judge(before=before, after=after, moves=[], untouched=[], rehearsals=[rehearsal]))

    assert said == ["2 placeholder disks were deleted, not 1"]
