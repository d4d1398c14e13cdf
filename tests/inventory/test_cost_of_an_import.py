"""An import of hundreds of VMs asks the database for each only what differs from one VM to the next."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudstack_simulator import Simulator, SteppedClock
from inventory.models import HoldMethod
from inventory.services import import_inventory
from tests.support.inventory_of import inventory_document
from tests.support.simulator_line import SIMULATOR_URL

pytestmark = pytest.mark.django_db

FURTHER = 10


def _fleet() -> dict[str, Any]:
    simulator = Simulator.scenario("fleet:5", clock=SteppedClock())
    return inventory_document(simulator, endpoint=SIMULATOR_URL, hold_method=HoldMethod.NONE)


def _with_further_vms(document: dict[str, Any]) -> dict[str, Any]:
    like = document["vms"][0]
    further = [{**like, "vm_id": f"vm-more-{n}", "disks": [_disk(like["disks"][0], n)]} for n in range(FURTHER)]
    return {**document, "vms": [*document["vms"], *further]}


def _disk(like: dict[str, Any], n: int) -> dict[str, Any]:
    return {**like, "replica": {**like["replica"], "volume_id": f"d15c0000-0000-4000-8000-{n:012}"}}


def _statements(document: dict[str, Any]) -> int:
    with CaptureQueriesContext(connection) as made:
        report = import_inventory(document=document, source="fleet")
    assert not report.refused
    return len(made)


def test_a_further_vm_costs_an_import_few_statements_whether_it_is_new_or_known() -> None:
    document = _fleet()
    _statements(document)
    unchanged = _statements(document)

    # A save each of VM, disk, NIC and replica, and reads of the VM, its replications and its volumes' other owners.
    assert _statements(_with_further_vms(document)) - unchanged <= 7 * FURTHER + 1
    assert _statements(_with_further_vms(document)) - unchanged <= 6 * FURTHER
