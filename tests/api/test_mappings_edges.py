"""This will prove what network mappings take, refuse and warn about at their edges."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from rest_framework.test import APIClient

from inventory.models import ProtectedVM, ReservationKind
from inventory.reservations import reserve
from networks.models import Purpose
from networks.placement import place_nics
from tests.networks.rows import PRODUCTION, SECOND_PRODUCTION, SEED_VM_ID, TEST_NETWORK, mapped, protected_vm

pytestmark = pytest.mark.django_db

ROUTE = "/api/v1/network-mappings"
OF_VM = f"{ROUTE}/{SEED_VM_ID}"
MAPPING_KEYS = {
    "id",
    "source_network_name",
    "destination_network_id",
    "destination_network_name",
    "is_test_network",
    "created_at",
    "updated_at",
    "source_mac",
    "keep_mac",
    "fixed_ip",
}


@pytest.fixture
def vm() -> ProtectedVM:
    """Make a VM with one NIC."""
    return protected_vm()


def _wish(to: str = PRODUCTION, *, source: str = "VM Network", **more: Any) -> dict[str, Any]:
    return {"source_network_name": source, "destination_network_id": to, **more}


# --- names ---

NAMES = [
    "VLAN 20/prod/a",
    "a//b/",
    " leading and trailing ",
    "Netzwerk Köln – Süd",
    "生产网络",
    "100% ?#&+;=",
    "VM Network\\2",
    "emoji 🛰",
    "jobs",
    "x" * 255,
]


@pytest.mark.parametrize("name", NAMES)
def test_a_network_is_mapped_and_unmapped_by_whatever_name_it_has(admin: APIClient, name: str) -> None:
    vm = protected_vm(networks=(name,))
    mapped(vm, "Another")

    created = admin.post(ROUTE, _wish(source=name, vm_id=SEED_VM_ID)).json()
    assert created["mapping"]["source_network_name"] == name and "warnings" not in created
    assert place_nics(vm=vm, purpose=Purpose.LIVE, overrides={})[0].network_id == PRODUCTION
    answer = admin.delete(f"{OF_VM}/{quote(name, safe='')}")

    assert answer.status_code == 200, answer.json()
    assert (answer.json()["source_network_name"], answer.json()["deleted_mappings"]) == (name, 1)
    assert [mapping.source_network_name for mapping in vm.network_mappings.all()] == ["Another"]


@pytest.mark.parametrize("name", ["a\nb", "a\x7fb", "tab\t", "x" * 256, ""])
def test_a_name_that_no_network_can_have_is_400(admin: APIClient, vm: ProtectedVM, name: str) -> None:
    answer = admin.post(ROUTE, _wish(source=name, vm_id=SEED_VM_ID))

    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["source_network_name"])


@pytest.mark.parametrize("encoded", ["%01", "%7F", "x" * 300])
def test_deleting_a_name_that_no_network_can_have_is_404(admin: APIClient, vm: ProtectedVM, encoded: str) -> None:
    assert admin.delete(f"{OF_VM}/{encoded}").status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [("destination_network_id", "a b"), ("destination_network_id", "net/1"), ("destination_network_id", "né")],
)
def test_an_id_with_foreign_characters_is_400(admin: APIClient, vm: ProtectedVM, field: str, value: str) -> None:
    answer = admin.post(ROUTE, _wish(vm_id=SEED_VM_ID) | {field: value})

    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])


# --- what is taken with a warning ---


def test_a_source_network_that_the_vm_does_not_have_is_taken_with_a_warning(admin: APIClient, vm: ProtectedVM) -> None:
    body = admin.post(ROUTE, _wish(source="Lagacy", vm_id=SEED_VM_ID)).json()

    assert body["warnings"] == [
        "The VM has no source network 'Lagacy' now; it has 'VM Network'. The mapping is kept, unused"
    ]
    assert vm.network_mappings.count() == 1


def test_a_mac_that_no_nic_of_the_network_has_is_taken_with_a_warning(admin: APIClient, vm: ProtectedVM) -> None:
    body = admin.post(ROUTE, _wish(vm_id=SEED_VM_ID, source_mac="00-50-56-FF-FF-FF")).json()

    assert body["mapping"]["source_mac"] == "00:50:56:ff:ff:ff"
    assert body["warnings"] == ["No NIC of 'VM Network' has the MAC 00:50:56:ff:ff:ff now. The mapping is kept, unused"]


def test_what_clients_of_the_predecessor_send_is_taken_without_a_word(admin: APIClient, vm: ProtectedVM) -> None:
    created = admin.post(ROUTE, _wish(vm_id=SEED_VM_ID, context_id="ctx-1"))
    replaced = admin.put(OF_VM, {"vm_id": SEED_VM_ID, "context_id": "ctx-1", "mappings": [_wish(context_id="ctx-1")]})

    assert (created.status_code, replaced.status_code) == (200, 200)
    assert "warnings" not in created.json() and "warnings" not in replaced.json()


def test_unknown_fields_of_a_set_are_named_with_their_place(admin: APIClient, vm: ProtectedVM) -> None:
    body = admin.put(
        OF_VM, {"mappings": [_wish(), _wish(SECOND_PRODUCTION, source="Other", vlan=7)], "mode": "x"}
    ).json()

    assert body["warnings"][:2] == [
        "Unknown field 'mode' was ignored",
        "Unknown field 'vlan' of mappings[1] was ignored",
    ]
    assert "'Other'" in body["warnings"][2]


# --- sets ---


def test_a_mapping_for_one_nic_stands_beside_that_of_its_network(admin: APIClient, vm: ProtectedVM) -> None:
    second = vm.nics.create(position=1, mac="00:50:56:00:00:77", network_name="VM Network", adapter="e1000")

    answer = admin.put(OF_VM, {"mappings": [_wish(), _wish(SECOND_PRODUCTION, source_mac=second.mac.upper())]})

    assert answer.status_code == 200, answer.json()
    placed = place_nics(vm=vm, purpose=Purpose.LIVE, overrides={})
    assert [nic.network_id for nic in placed] == [PRODUCTION, SECOND_PRODUCTION]


def test_a_set_that_names_one_source_twice_is_400_and_changes_nothing(admin: APIClient, vm: ProtectedVM) -> None:
    mapped(vm, to=SECOND_PRODUCTION)

    plain = admin.put(OF_VM, {"mappings": [_wish(), _wish(SECOND_PRODUCTION)]})
    by_mac = admin.put(
        OF_VM, {"mappings": [_wish(source_mac="00:50:56:aa:0d:00"), _wish("x", source_mac="00-50-56-AA-0D-00")]}
    )

    for answer in (plain, by_mac):
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_REQUEST")
        assert "two live mappings for 'VM Network'" in answer.json()["error"]
    assert [mapping.destination_network_id for mapping in vm.network_mappings.all()] == [SECOND_PRODUCTION]


def test_one_source_may_be_mapped_for_both_purposes_in_one_set(admin: APIClient, vm: ProtectedVM) -> None:
    answer = admin.put(OF_VM, {"mappings": [_wish(), _wish(TEST_NETWORK, is_test_network=True)]})

    body = answer.json()
    assert (answer.status_code, body["message"], body["vm_id"]) == (
        200,
        "Network mappings updated successfully",
        SEED_VM_ID,
    )
    assert body["total_mappings"] == len(body["mappings"]) == 2
    assert set(body["mappings"][0]) == MAPPING_KEYS


def test_one_network_for_both_purposes_is_refused_whole(admin: APIClient, vm: ProtectedVM) -> None:
    answer = admin.put(OF_VM, {"mappings": [_wish(), _wish(PRODUCTION.upper(), is_test_network=True)]})

    assert (answer.status_code, answer.json()["error_code"]) == (409, "VALIDATION_FAILED")
    assert not vm.network_mappings.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mappings": []}, "mappings"),
        ({"mappings": {}}, "mappings"),
        ({"mappings": ["x"]}, "mappings"),
        ({}, "mappings"),
        ({"mappings": [_wish(str(number)) for number in range(257)]}, "mappings"),
        ({"mappings": [_wish()], "vm_id": "another"}, "vm_id"),
        (_wish(vm_id="another"), "vm_id"),
    ],
)
def test_a_set_that_cannot_be_read_is_400_and_names_the_field(
    admin: APIClient, vm: ProtectedVM, body: dict[str, Any], field: str
) -> None:
    answer = admin.put(OF_VM, body)

    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])


def test_the_body_of_a_creation_replaces_as_a_set_of_one(admin: APIClient, vm: ProtectedVM) -> None:
    mapped(vm, to=SECOND_PRODUCTION)

    body = admin.put(OF_VM, _wish(vm_id=SEED_VM_ID, colour="red")).json()

    assert [mapping["destination_network_id"] for mapping in body["mappings"]] == [PRODUCTION]
    assert body["warnings"] == ["Unknown field 'colour' was ignored"]


# --- while a job moves ---


def test_nothing_changes_while_a_job_moves_and_its_id_is_told(admin: APIClient, vm: ProtectedVM) -> None:
    mapped(vm)
    reserve(vm=vm, kind=ReservationKind.FAILOVER, reference="live-failover-1", now=datetime.now(tz=UTC))

    answers = [
        admin.post(ROUTE, _wish(TEST_NETWORK, vm_id=SEED_VM_ID, is_test_network=True)),
        admin.put(OF_VM, {"mappings": [_wish(SECOND_PRODUCTION)]}),
        admin.delete(OF_VM),
        admin.delete(f"{OF_VM}/VM%20Network"),
    ]

    for answer in answers:
        body = answer.json()
        assert (answer.status_code, body["error_code"], body["blocking_job"]) == (409, "ACTIVE_JOBS", "live-failover-1")
        assert body["required_actions"] == ["Wait for job live-failover-1 to finish, or cancel it"]
    assert [mapping.destination_network_id for mapping in vm.network_mappings.all()] == [PRODUCTION]


# --- the list ---


@pytest.fixture
def two_vms(vm: ProtectedVM) -> ProtectedVM:
    """Map two VMs; the second is VM `other`."""
    other = protected_vm(vm.appliance, vm_id="other", name="OTHER")
    mapped(vm)
    mapped(vm, to=TEST_NETWORK, test=True)
    mapped(other, "Backup / 2", to=SECOND_PRODUCTION)
    return other


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 3),
        (f"vm_id={SEED_VM_ID}", 2),
        ("vm_id=nobody", 0),
        ("is_test_network=true", 1),
        ("is_test_network=false", 2),
        ("source_network_name=Backup%20%2F%202", 1),
        ("source_network_name=Backup", 0),
        (f"destination_network_id={SECOND_PRODUCTION.upper()}", 1),
        (f"vm_id={SEED_VM_ID}&is_test_network=false&destination_network_id={PRODUCTION}", 1),
    ],
)
def test_filters_of_the_list_must_all_match(viewer: APIClient, two_vms: ProtectedVM, query: str, found: int) -> None:
    body = viewer.get(f"{ROUTE}?{query}").json()

    assert (body["message"], body["total_mappings"], body["returned_mappings"]) == (
        "Network mappings retrieved",
        found,
        found,
    )
    assert all(set(row) == {*MAPPING_KEYS, "vm_id"} for row in body["mappings"])


def test_pages_of_the_list_tell_how_many_there_are(viewer: APIClient, two_vms: ProtectedVM) -> None:
    pages = [viewer.get(f"{ROUTE}?limit=2&offset={offset}").json() for offset in (0, 2, 4)]

    assert [page["returned_mappings"] for page in pages] == [2, 1, 0]
    assert {page["total_mappings"] for page in pages} == {3}
    ids = [row["id"] for page in pages for row in page["mappings"]]
    assert ids == sorted(ids)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "offset=-1", "limit=1.5", "limit=ten", "is_test_network=2"])
def test_a_parameter_out_of_range_is_400_and_named(viewer: APIClient, query: str) -> None:
    answer = viewer.get(f"{ROUTE}?{query}")

    assert (answer.status_code, list(answer.json()["fields"])) == (400, [query.split("=", maxsplit=1)[0]])


def test_a_longer_list_costs_no_more_queries(viewer: APIClient, two_vms: ProtectedVM) -> None:
    def cost() -> int:
        with connection.execute_wrapper(counting):
            seen.clear()
            assert viewer.get(ROUTE).status_code == 200
        return len(seen)

    seen: list[str] = []

    def counting(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.extend([sql] if "networks_networkmapping" in sql else [])
        return execute(sql, params, many, context)

    few = cost()
    for number in range(20):
        mapped(two_vms, f"Net {number}")

    assert cost() == few == 2
