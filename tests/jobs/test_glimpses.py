"""What a guard may believe without asking again: what was read a moment ago, and no call has touched since."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.models import FailoverJob, Outcome
from jobs.world import World
from tests.support.scenes import Scene, scene

pytestmark = pytest.mark.django_db


def _world(stage: Scene) -> tuple[FailoverJob, World, str]:
    job = stage.service.start_live("vm-one")
    volume_id = str(job.specification["disks"][0]["volume_id"])
    return job, stage.service.engine.worlds.of(job), volume_id


def _move_it_by_hand(stage: Scene, volume_id: str) -> None:
    stage.simulator.call("detachVolume", id=volume_id)
    stage.service.clock.stepped.advance(60.0)
    stage.simulator.call("listVolumes")


def _reads(stage: Scene) -> int:
    return stage.simulator.calls.count("listVolumes")


def test_a_guard_asks_nobody_about_what_was_read_a_moment_ago() -> None:
    stage = scene()
    _, world, volume_id = _world(stage)
    read = world.volume(volume_id)
    before = _reads(stage)

    assert world.volume_just_seen(volume_id) == read
    assert _reads(stage) == before


def test_what_somebody_did_is_seen_after_a_moment() -> None:
    stage = scene()
    _, world, volume_id = _world(stage)
    read = world.volume(volume_id)
    assert read is not None and read.virtual_machine_id is not None

    _move_it_by_hand(stage, volume_id)

    seen = world.volume_just_seen(volume_id)
    assert seen is not None and seen.virtual_machine_id is None


def test_what_a_call_is_about_to_change_is_read_again() -> None:
    stage = scene()
    job, world, volume_id = _world(stage)
    world.volume(volume_id)
    before = _reads(stage)

    stage.service.engine.worlds.about_to_change(job, [f"volume:{volume_id}"])
    world.volume_just_seen(volume_id)

    assert _reads(stage) == before + 1


def test_another_job_believes_nothing_of_it() -> None:
    stage = scene()
    _, world, volume_id = _world(stage)
    world.volume(volume_id)
    other = stage.service.engine.worlds.of(stage.service.start_live("vm-two"))
    before = _reads(stage)

    other.volume_just_seen(volume_id)

    assert _reads(stage) == before + 1


def test_a_read_back_always_asks_the_cloud() -> None:
    stage = scene()
    _, world, volume_id = _world(stage)
    world.volume(volume_id)
    before = _reads(stage)

    world.volume(volume_id)

    assert _reads(stage) == before + 1


def test_a_disk_tells_the_state_of_its_vm_for_a_moment() -> None:
    stage = scene()
    job, world, volume_id = _world(stage)
    appliance = stage.inventory.vms["one"].appliance.virtual_machine_id
    stage.simulator.call("stopVirtualMachine", id=appliance, forced="true")
    stage.service.clock.stepped.advance(60.0)

    world.volume(volume_id)
    assert world.was_just_seen_stopped(appliance)

    stage.service.engine.worlds.about_to_change(job, [f"vm:{appliance}"])
    assert not world.was_just_seen_stopped(appliance)
    world.volume(volume_id)
    stage.service.clock.stepped.advance(1.1)
    assert not world.was_just_seen_stopped(appliance)


def test_a_disk_of_a_running_vm_tells_nothing_that_a_guard_may_rest_on() -> None:
    stage = scene()
    _, world, volume_id = _world(stage)

    world.volume(volume_id)

    assert not world.was_just_seen_stopped(stage.inventory.vms["one"].appliance.virtual_machine_id)


def test_a_failover_of_one_disk_needs_no_more_calls_than_it_is_said_to(
    django_capture_on_commit_callbacks: Any,
) -> None:
    stage = scene("fleet:12")
    practice, measured = [vm.vm_id for vm in stage.inventory.vms.values()][5:7]
    stage.service.start_live(practice)
    stage.service.run()
    before = len(stage.simulator.calls.commands())

    with django_capture_on_commit_callbacks(execute=True):
        job = stage.service.start_live(measured)
    stage.service.run()

    job.refresh_from_db()
    calls = stage.simulator.calls.commands()[before:]
    assert job.outcome == Outcome.SUCCEEDED
    # How often an async job is asked for is the watcher's guess about the cloud.
    assert len([call for call in calls if call != "queryAsyncJobResult"]) <= 25
