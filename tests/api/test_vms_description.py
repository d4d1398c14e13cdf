"""This will prove that answers about VMs and mappings hold exactly what the API's description says they hold."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from cloudstack_simulator.server import SimulatorServer
from inventory.models import ProtectedVM, Replication, ReplicaVolume
from networks.services import MappingWish, create_mapping
from tests.conftest import map_live, network_ids
from tests.support.described import description
from tests.support.inventory_of import VM_NETWORK, ScenarioInventory

pytestmark = pytest.mark.django_db


@pytest.fixture
def described() -> dict[str, Any]:
    """Give the API's description, closed: a field that it does not name is wrong."""
    schema = description()
    for component in schema["components"]["schemas"].values():
        if "properties" in component:
            component["additionalProperties"] = False
    return schema


@pytest.fixture
def vm(inventory: ScenarioInventory, cloud: SimulatorServer) -> ProtectedVM:
    """Give the two-disk VM, mapped for live failovers and for tests."""
    found = inventory.vms["two"]
    ids = network_ids(cloud.simulator)
    map_live(found, ids)
    create_mapping(vm=found, wish=MappingWish(VM_NETWORK, ids["OSSEA-TEST-L2"], is_test_network=True))
    return found


def _faults(schema: dict[str, Any], *, path: str, method: str, body: object) -> list[str]:
    """Say where the body differs from what the operation is described to answer."""
    content = schema["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
    validator = Draft202012Validator({**content, "components": schema["components"]})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]


def _make_trouble(vm: ProtectedVM) -> None:
    """Give every part of the answers something to tell."""
    vm.nics.create(position=1, mac="00:50:56:00:00:77", network_name="Legacy", adapter="e1000e")
    Replication.objects.create(vm=vm, replication_id="job-1", kind="full", status="replicating", percentage=12)
    ReplicaVolume.objects.filter(disk__vm=vm, disk__position=1).delete()


@pytest.mark.parametrize("in_trouble", [False, True], ids=["well", "in trouble"])
@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/failover/{vm_id}/readiness",
        "/api/v1/vms/{vm_id}/failover-readiness",
        "/api/v1/vms/{vm_id}/sync-status",
        "/api/v1/vms/{vm_id}/network-mapping-status",
        "/api/v1/vms/{vm_id}/volume-status",
        "/api/v1/vms/{vm_id}/active-jobs",
        "/api/v1/vms/{vm_id}/configuration-check",
        "/api/v1/network-mappings/{vm_id}",
        "/api/v1/network-mappings",
    ],
)
def test_an_answer_is_as_described(
    viewer: APIClient, vm: ProtectedVM, described: dict[str, Any], path: str, in_trouble: bool
) -> None:
    if in_trouble:
        _make_trouble(vm)

    answer = viewer.get(path.format(vm_id=vm.vm_id))

    assert answer.status_code == 200
    assert _faults(described, path=path, method="get", body=answer.json()) == []


def test_changes_of_mappings_are_answered_as_described(
    admin: APIClient, vm: ProtectedVM, described: dict[str, Any]
) -> None:
    of_vm = "/api/v1/network-mappings/{vm_id}"
    wish = {"source_network_name": "Odd", "destination_network_id": "net-1", "fixed_ip": "10.0.0.9", "vlan": 3}

    answers = [
        ("/api/v1/network-mappings", "post", admin.post("/api/v1/network-mappings", {**wish, "vm_id": vm.vm_id})),
        (of_vm, "put", admin.put(of_vm.format(vm_id=vm.vm_id), {"mappings": [wish]})),
        (f"{of_vm}/{{source_network_name}}", "delete", admin.delete(f"{of_vm.format(vm_id=vm.vm_id)}/Odd")),
        (of_vm, "delete", admin.delete(of_vm.format(vm_id=vm.vm_id))),
    ]

    for path, method, answer in answers:
        assert answer.status_code == 200, answer.json()
        assert _faults(described, path=path, method=method, body=answer.json()) == []
