"""Set scenes: a simulated cloud, its inventory, live and test mappings, and a service in virtual time."""

from __future__ import annotations

import json
from dataclasses import dataclass

from cloudstack_simulator import Simulator, SteppedClock
from inventory.models import HoldMethod, TargetCloud
from networks.models import NetworkMapping
from tests.support.hook import ReplicationEngine
from tests.support.inventory_of import STORAGE_NETWORK, VM_NETWORK, ScenarioInventory, inventory_from_scenario
from tests.support.service import Service

LIVE_NETWORKS = {VM_NETWORK: "OSSEA-L2", STORAGE_NETWORK: "OSSEA-Storage"}
TEST_NETWORKS = {VM_NETWORK: "OSSEA-TEST-L2", STORAGE_NETWORK: "OSSEA-TEST-ISO"}


@dataclass(frozen=True)
class Scene:
    """Everything a story needs; `vm-one`, `vm-two` and `vm-three` have so many disks.

    `hook` is the replication engine; the service speaks to it only where the appliances are held by hook.
    """

    simulator: Simulator
    inventory: ScenarioInventory
    service: Service
    hook: ReplicationEngine


def scene(
    name: str = "small", *, seed: int = 0, hold_method: HoldMethod = HoldMethod.NONE, expunge_allowed: bool = True
) -> Scene:
    """Set a scene with mappings for all VMs and a cloud that was probed."""
    simulator = Simulator.scenario(name, clock=SteppedClock(), seed=seed)
    rows = inventory_from_scenario(simulator, hold_method=hold_method)
    map_networks(simulator, rows)
    TargetCloud.objects.update(customjobid_honoured=True, expunge_allowed=expunge_allowed, clock_skew_seconds=0.0)
    hook = ReplicationEngine(simulator)
    return Scene(simulator, rows, Service(simulator, hook_sessions=hook.session), hook)


def map_networks(simulator: Simulator, rows: ScenarioInventory) -> None:
    """Map every source network of every VM, for live and for test failovers."""
    listed = json.loads(simulator.call("listNetworks").body)["listnetworksresponse"]["network"]
    ids = {network["name"]: network["id"] for network in listed}
    for vm in rows.vms.values():
        for source in sorted(set(vm.nics.values_list("network_name", flat=True))):
            for is_test, targets in ((False, LIVE_NETWORKS), (True, TEST_NETWORKS)):
                NetworkMapping.objects.create(
                    vm=vm,
                    source_network_name=source,
                    destination_network_id=ids[targets[source]],
                    destination_network_name=targets[source],
                    is_test_network=is_test,
                )
