"""This will look at the scenarios: what others rely on to be in them, and a world kept in a file."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from cloudstack_simulator import Simulator, SteppedClock
from cloudstack_simulator.loader import SCENARIOS, ScenarioUnknown
from tests.simulator.driving import REPLICA, Operator

NAMESPACE = uuid.UUID("0f4e3b52-54a1-4f0e-9f65-000000000001")


@pytest.mark.parametrize("name", sorted(path.stem for path in SCENARIOS.glob("*.yaml")))
def test_every_scenario_stands_up_quietly(name: str) -> None:
    cloud = Simulator.scenario(name, clock=SteppedClock())

    assert cloud.alarms() == []
    assert cloud.call("listZones").status == 200


def test_an_unknown_scenario_says_which_there_are() -> None:
    with pytest.raises(ScenarioUnknown, match="demo"):
        Simulator.scenario("nowhere")


def test_the_demo_holds_the_replicas_of_three_vms_on_a_running_appliance() -> None:
    cloud = Simulator.scenario("demo", clock=SteppedClock())

    appliance = cloud.vm("oma1")
    seed = cloud.volume("e915ef05-ddf5-48d5-8352-a01300609717")

    assert appliance is not None and appliance.running_on_hypervisor
    assert sorted(appliance.volumes) == [0, 1, 2, 4, 5, 6, 7]
    assert seed is not None and (seed.name, seed.size) == (
        "migration-PGWINTESTBIOS-PGWINTESTBIOS-disk-0",
        54 * 2**30,
    )
    assert sum(volume.replica for volume in cloud.volumes()) == 6


def test_a_fleet_has_as_many_vms_as_asked_for_under_ids_that_anybody_can_compute() -> None:
    cloud = Simulator.scenario("fleet:12", clock=SteppedClock())

    volume = cloud.volume(str(uuid.uuid5(NAMESPACE, "replica-11")))

    assert volume is not None and volume.vm_id == str(uuid.uuid5(NAMESPACE, "appliance-2"))
    assert sum(row.replica for row in cloud.volumes()) == 12
    assert len(cloud.vms()) == 3


def test_the_same_seed_gives_the_same_ids() -> None:
    first, second, other = (Operator(seed=seed).deploy() for seed in (4, 4, 5))

    assert first == second
    assert first != other


def test_a_world_in_a_file_is_gone_on_with_jobs_included(tmp_path: Path) -> None:
    clock, state = SteppedClock(), tmp_path / "world"
    before = Simulator.scenario("small", clock=clock, state=state)
    job_id = before.call("detachVolume", id=REPLICA).json()["detachvolumeresponse"]["jobid"]
    queued = before.call("createSnapshot", volumeid=REPLICA, name="queued").json()["createsnapshotresponse"]["jobid"]

    # nothing is closed: as after kill -9
    after = Simulator.scenario("small", clock=clock, state=state)
    clock.advance(1.0)
    volume = after.volume(REPLICA)
    clock.advance(1.0)
    jobs = [after.call("queryAsyncJobResult", jobid=key).json() for key in (job_id, queued)]

    assert volume is not None and (volume.vm_id, volume.holders) == (None, frozenset())
    assert [job["queryasyncjobresultresponse"]["jobstatus"] for job in jobs] == [1, 1]
    assert after.alarms() == []


def test_ids_go_on_where_a_killed_world_left_off(tmp_path: Path) -> None:
    clock, state = SteppedClock(), tmp_path / "world"
    before = Simulator.scenario("small", clock=clock, state=state)
    first = before.call("detachVolume", id=REPLICA).json()["detachvolumeresponse"]["jobid"]

    after = Simulator.scenario("small", clock=clock, state=state)
    second = after.call("detachVolume", id=REPLICA).json()["detachvolumeresponse"]["jobid"]

    assert first != second
