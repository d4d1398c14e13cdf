"""This will keep the inventories of the simulator's scenarios true to the simulator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cloudstack_simulator import Simulator, SteppedClock
from inventory.clouds import gateway_for
from inventory.intake.reading import read_document
from inventory.models import HoldMethod, ProtectedVM, ReplicaVolume
from inventory.services import import_inventory
from tests.support.inventory_of import inventory_from_scenario
from tests.support.simulator_line import SIMULATOR_URL

pytestmark = pytest.mark.django_db

DEMO = Path(__file__).parents[2] / "docs" / "examples" / "demo-inventory.yaml"


def simulator(name: str) -> Simulator:
    return Simulator.scenario(name, clock=SteppedClock())


def import_demo(world: Simulator) -> None:
    environ = {
        "DEMO_CLOUDSTACK_ENDPOINT": SIMULATOR_URL,
        "DEMO_CLOUDSTACK_KEY": world.api_key,
        "DEMO_CLOUDSTACK_SECRET": world.secret_key,
    }
    content = read_document(DEMO.read_text(), is_json=False).content
    report = import_inventory(document=content, source="demo", environ=environ)
    assert not report.refused, [str(refusal) for refusal in report.refused]


def ids(world: Simulator, command: str, key: str, **params: Any) -> set[str]:
    rows = json.loads(world.call(command, **params).body)[f"{command.lower()}response"][key]
    return {row["id"] for row in rows}


def test_the_demo_names_what_the_simulated_cloud_has() -> None:
    world = simulator("demo")
    import_demo(world)

    replicas = ReplicaVolume.objects.select_related("disk", "appliance__cloud")
    for replica in replicas:
        volume = world.volume(replica.volume_id)
        assert volume is not None
        assert (volume.size, volume.vm_id) == (replica.disk.size_bytes, replica.appliance.virtual_machine_id)
    assert {row.volume_id for row in replicas} == {row.id for row in world.volumes() if row.replica}
    cloud = replicas[0].appliance.cloud
    assert cloud.zone_id in ids(world, "listZones", "zone")
    assert cloud.default_offering_id in ids(world, "listServiceOfferings", "serviceoffering")
    assert cloud.placeholder_template_id in ids(world, "listTemplates", "template", templatefilter="executable")


def test_in_the_demo_two_vms_are_synced_and_one_never_was() -> None:
    import_demo(simulator("demo"))
    states = {vm.name: [disk.replica.state for disk in vm.disks.all()] for vm in ProtectedVM.objects.all()}
    assert states == {
        "PGWINTESTBIOS": ["good"],
        "LNXDBPROD01": ["good", "good", "good"],
        "PGFILESRV02": ["good", "needs_full_resync"],
    }
    run = ProtectedVM.objects.get(name="PGFILESRV02").replications.get()
    assert (run.status, run.percentage) == ("replicating", 37)


@pytest.mark.parametrize("hold_method", HoldMethod)
def test_the_small_scenario_has_vms_of_one_two_and_three_disks(hold_method: HoldMethod) -> None:
    scenario = inventory_from_scenario(simulator("small"), hold_method=hold_method)
    assert {name: vm.disks.count() for name, vm in scenario.vms.items()} == {"one": 1, "two": 2, "three": 3}
    assert scenario.vms["three"].nics.count() == 2
    assert scenario.appliance.hold_method == hold_method


def test_a_fleet_is_spread_over_its_appliances() -> None:
    scenario = inventory_from_scenario(simulator("fleet:12"))
    assert len(scenario.vms) == 12
    assert len(scenario.appliances) == 3


def test_a_cloud_keeps_its_gateway_until_its_credentials_change() -> None:
    world = simulator("small")
    cloud = inventory_from_scenario(world).cloud

    class Port:
        def refusal(self, *, kind: str, id: str) -> str | None:
            return f"{kind} {id} stays"

    port = Port()
    first = gateway_for(cloud, clock=world.clock, destroy_port=port)
    cloud.version = "4.22.0.0"
    assert gateway_for(cloud, clock=world.clock, destroy_port=port) is first
    assert gateway_for(cloud, clock=world.clock, destroy_port=Port()) is not first
    cloud.secret_key = "another"
    assert gateway_for(cloud, clock=world.clock, destroy_port=port) is not first
