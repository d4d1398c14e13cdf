"""This will prove that network mappings answer as the contract says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from rest_framework.test import APIClient

from inventory.models import ReservationKind
from inventory.reservations import reserve
from tests.networks.rows import PRODUCTION, SEED_VM_ID, TEST_NETWORK, mapped, protected_vm

pytestmark = pytest.mark.django_db

ROUTE = "/api/v1/network-mappings"
OF_VM = f"{ROUTE}/{SEED_VM_ID}"
EXAMPLE = {
    "vm_id": SEED_VM_ID,
    "source_network_name": "VM Network",
    "destination_network_id": "network-production-123",
    "destination_network_name": "Production Network",
    "is_test_network": False,
}


def test_the_contracts_example_creates_a_mapping(admin: APIClient) -> None:
    protected_vm()

    answer = admin.post(ROUTE, EXAMPLE)

    body = answer.json()
    assert answer.status_code == 200, body
    assert (body["success"], body["message"]) == (True, "Network mapping created successfully")
    assert {name: body["mapping"][name] for name in EXAMPLE} == EXAMPLE
    assert isinstance(body["mapping"]["id"], int)
    assert datetime.fromisoformat(body["mapping"]["created_at"]).tzinfo is not None


def test_the_mappings_of_a_vm_are_listed(viewer: APIClient) -> None:
    vm = protected_vm()
    mapped(vm)
    mapped(vm, to=TEST_NETWORK, test=True)

    body = viewer.get(OF_VM).json()

    assert (body["message"], body["vm_id"], body["total_mappings"]) == ("Network mappings retrieved", SEED_VM_ID, 2)
    assert set(body["mappings"][0]) >= {*EXAMPLE, "id", "created_at", "updated_at"} - {"vm_id"}


def test_the_list_of_all_is_filtered(viewer: APIClient) -> None:
    vm = protected_vm()
    mapped(vm)
    mapped(vm, to=TEST_NETWORK, test=True)

    def found(query: str) -> list[str]:
        return [mapping["destination_network_id"] for mapping in viewer.get(f"{ROUTE}?{query}").json()["mappings"]]

    assert found("") == [PRODUCTION, TEST_NETWORK]
    assert found("is_test_network=true") == [TEST_NETWORK]
    assert found(f"vm_id={SEED_VM_ID}&limit=1&offset=1") == [TEST_NETWORK]
    assert found("vm_id=other") == []


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "offset=-1", "limit=x", "is_test_network=maybe"])
def test_filters_out_of_range_are_400(viewer: APIClient, query: str) -> None:
    assert viewer.get(f"{ROUTE}?{query}").status_code == 400


def test_put_replaces_one_purpose_and_leaves_the_other(admin: APIClient) -> None:
    vm = protected_vm()
    mapped(vm)
    mapped(vm, to=TEST_NETWORK, test=True)
    wish = {"source_network_name": "VM Network", "destination_network_id": "another", "keep_mac": True}

    answer = admin.put(OF_VM, {"mappings": [wish]})

    assert answer.status_code == 200, answer.json()
    left = {(row.destination_network_id, row.is_test_network, row.keep_mac) for row in vm.network_mappings.all()}
    assert left == {("another", False, True), (TEST_NETWORK, True, False)}


def test_delete_takes_all_or_one_source(admin: APIClient) -> None:
    vm = protected_vm()
    mapped(vm, "VM Network")
    mapped(vm, "Backup/2")
    mapped(vm, "Third")

    assert admin.delete(f"{OF_VM}/Backup%2F2").json()["deleted_mappings"] == 1
    assert admin.delete(f"{OF_VM}/Backup%2F2").json()["error_code"] == "MAPPING_NOT_FOUND"
    assert admin.delete(OF_VM).json()["deleted_mappings"] == 2
    assert not vm.network_mappings.exists()


def test_refusals_have_their_codes(admin: APIClient) -> None:
    vm = protected_vm()
    mapped(vm, to=PRODUCTION)

    unknown = admin.post(ROUTE, {**EXAMPLE, "vm_id": "nobody"})
    twice = admin.post(ROUTE, EXAMPLE)
    crossed = admin.post(ROUTE, {**EXAMPLE, "destination_network_id": PRODUCTION, "is_test_network": True})
    reserve(vm=vm, kind=ReservationKind.FAILOVER, reference="live-failover-1", now=datetime.now(tz=UTC))
    held = admin.delete(OF_VM)

    assert [(answer.status_code, answer.json()["error_code"]) for answer in (unknown, twice, crossed, held)] == [
        (404, "VM_NOT_FOUND"),
        (409, "MAPPING_EXISTS"),
        (409, "VALIDATION_FAILED"),
        (409, "ACTIVE_JOBS"),
    ]
    assert "live-failover-1" in held.json()["error"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("vm_id", 12),
        ("source_network_name", ""),
        ("source_network_name", "x" * 256),
        ("destination_network_id", None),
        ("is_test_network", "true"),
        ("keep_mac", 1),
        ("source_mac", "00:11"),
        ("fixed_ip", "10.0.0.999"),
    ],
)
def test_a_wrong_field_is_400_and_named(admin: APIClient, field: str, value: object) -> None:
    answer = admin.post(ROUTE, {**EXAMPLE, field: value})

    assert answer.status_code == 400
    assert field in answer.json()["fields"]


def test_an_unknown_field_is_named_in_the_warnings(admin: APIClient) -> None:
    protected_vm()

    body = admin.post(ROUTE, {**EXAMPLE, "vlan": 7}).json()

    assert body["warnings"] == ["Unknown field 'vlan' was ignored"]
