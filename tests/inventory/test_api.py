"""This will show how a replication engine pushes VMs over HTTP, and what is answered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from inventory.api.errors import DocumentRefused, VMNotFound
from inventory.api.views import VMListView, VMView
from inventory.models import ProtectedVM, ReservationKind
from inventory.reservations import reserve
from inventory.services import import_inventory
from tests.inventory import documents as doc

pytestmark = pytest.mark.django_db

NOW = datetime(2025, 9, 1, tzinfo=UTC)


class Listed(VMListView):
    """This will be the view behind no door: who may pass is tested with the API's conventions."""

    permission_classes = ()
    authentication_classes = ()


class Single(VMView):
    """This will be the view behind no door, which lets its refusals out."""

    permission_classes = ()
    authentication_classes = ()

    def handle_exception(self, exc: Exception) -> Response:
        raise exc


@pytest.fixture(autouse=True)
def _places(db: None) -> None:
    import_inventory(document=doc.inventory() | {"vms": []}, source="test", now=NOW)


def put(document: object, vm_id: str = "vm-1") -> Any:
    request = APIRequestFactory().put(f"/api/v1/inventory/vms/{vm_id}", document, format="json")
    return Single.as_view()(request, vm_id=vm_id).data


def get(vm_id: str = "vm-1") -> Any:
    request = APIRequestFactory().get(f"/api/v1/inventory/vms/{vm_id}")
    return Single.as_view()(request, vm_id=vm_id).data


def listed(**query: str) -> Any:
    return Listed.as_view()(APIRequestFactory().get("/api/v1/inventory/vms", query))


def test_a_push_creates_then_leaves_unchanged_then_changes() -> None:
    assert put(doc.vm())["outcome"] == "created"
    assert put(doc.vm())["outcome"] == "unchanged"
    assert put(doc.vm(cpus=4))["outcome"] == "changed"


def test_the_document_need_not_repeat_the_id() -> None:
    document = doc.vm()
    del document["vm_id"]
    assert put(document)["vm"]["vm_id"] == "vm-1"


def test_what_is_shown_can_be_pushed_back_unchanged() -> None:
    put(doc.vm())
    assert put(get()["vm"])["outcome"] == "unchanged"


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (doc.vm(vm_id="vm-2"), "vm_id"),
        (doc.vm(cpus="4"), "cpus"),
        (doc.vm(appliance="oma9"), "appliance"),
        (doc.vm(disks=[]), "disks"),
    ],
)
def test_a_document_that_is_wrong_is_refused_with_the_field(document: dict[str, Any], field: str) -> None:
    with pytest.raises(DocumentRefused) as refused:
        put(document)
    assert refused.value.error_code == "INVALID_REQUEST"
    assert [item["field"] for item in refused.value.extra["refused"]] == [field]
    assert not ProtectedVM.objects.exists()


@pytest.mark.parametrize("document", [[], [1], ["vm_id"]])
def test_a_body_that_is_no_mapping_is_refused(document: object) -> None:
    with pytest.raises(DocumentRefused, match="must be a mapping"):
        put(document)


def test_a_change_that_a_failover_forbids_is_a_conflict_that_names_it() -> None:
    put(doc.vm())
    reserve(vm=ProtectedVM.objects.get(), kind=ReservationKind.FAILOVER, reference="live-failover-1", now=NOW)
    with pytest.raises(DocumentRefused, match="live-failover-1") as refused:
        put(doc.vm(disks=[doc.disk(0, size_bytes=1), doc.disk(1)]))
    assert refused.value.error_code == "ACTIVE_JOBS"


def test_a_vm_that_is_not_known_is_not_found() -> None:
    with pytest.raises(VMNotFound, match="no protected VM vm-9"):
        get("vm-9")


def test_the_list_is_by_name_and_in_pages() -> None:
    put(doc.vm(name="B", replications=[]))
    put(doc.vm(vm_id="vm-2", name="A", replications=[], disks=[doc.disk(0, replica=None)]), "vm-2")

    page = listed(limit="1", offset="1").data

    assert (page["total_vms"], page["returned_vms"]) == (2, 1)
    assert [vm["name"] for vm in listed().data["vms"]] == ["A", "B"]
    assert [vm["name"] for vm in page["vms"]] == ["B"]


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "1001"}, {"limit": "x"}, {"offset": "-1"}, {"limit": "²"}])
def test_a_page_that_makes_no_sense_is_refused(query: dict[str, str]) -> None:
    assert listed(**query).status_code == 400
