"""This will show what a probe of a cloud keeps in its row."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from cloudstack_simulator import Fault, Simulator, SteppedClock
from inventory.models import ProtectedVM, TargetCloud
from inventory.probing import probe_cloud
from tests.support.inventory_of import inventory_from_scenario
from tests.support.simulator_line import gateway_for

pytestmark = pytest.mark.django_db

NOW = datetime(2025, 10, 9, tzinfo=UTC)


def probed(world: Simulator, cloud: TargetCloud) -> str:
    return probe_cloud(cloud=cloud, gateway=gateway_for(world), new_id=lambda: str(uuid.uuid4()), now=NOW)


@pytest.mark.parametrize(("scenario", "allowed"), [("small", True), ("no-running-snapshots", False)])
def test_a_probe_keeps_what_the_cloud_is_and_allows(scenario: str, allowed: bool) -> None:
    world = Simulator.scenario(scenario, clock=SteppedClock())
    cloud = inventory_from_scenario(world).cloud

    assert probed(world, cloud) == ""

    cloud = TargetCloud.objects.get()
    assert (cloud.version, cloud.customjobid_honoured, cloud.probed_at) == ("4.22.0.0", True, NOW)
    assert cloud.clock_skew_seconds == pytest.approx(0, abs=1)
    assert (cloud.running_snapshots_allowed, cloud.expunge_allowed) == (allowed, True)


def test_a_cloud_that_does_not_answer_keeps_what_was_known_of_it() -> None:
    world = Simulator.scenario("small", clock=SteppedClock())
    cloud = inventory_from_scenario(world).cloud
    probed(world, cloud)
    world.restart_management_server(down_seconds=60)

    doubt = probed(world, cloud)

    assert doubt
    cloud = TargetCloud.objects.get()
    assert (cloud.version, cloud.customjobid_honoured, cloud.probe_error) == ("4.22.0.0", True, doubt)


def test_an_appliance_that_cannot_be_tagged_leaves_job_ids_in_doubt() -> None:
    world = Simulator.scenario("small", clock=SteppedClock())
    cloud = inventory_from_scenario(world).cloud
    world.faults.add(Fault("createTags", "refuse"))

    assert "could not be tagged" in probed(world, cloud)
    assert TargetCloud.objects.get().customjobid_honoured is None


def test_a_cloud_without_an_appliance_says_what_is_missing() -> None:
    world = Simulator.scenario("small", clock=SteppedClock())
    scenario = inventory_from_scenario(world)
    for vm in ProtectedVM.objects.all():
        for disk in vm.disks.all():
            disk.replica.delete()
        vm.delete()
    scenario.appliance.delete()
    assert "import one" in probed(world, scenario.cloud)
