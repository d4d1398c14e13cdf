"""This will press the start of one VM a hundred times at once, each on a connection of its own: one job comes of it.

`make parallel-starts ROUNDS=100` does it again and again on PostgreSQL.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from typing import Any

import pytest
from django.db import connections
from rest_framework.test import APIClient

from cloudstack_simulator.server import SimulatorServer
from failover_project.api.models import RoleName
from failover_project.api.tokens import create_token
from inventory.models import ProtectedVM, VMReservation
from jobs.models import FailoverJob
from tests.api.test_failover import _first_id
from tests.support.inventory_of import ScenarioInventory

LIVE = "/api/v1/failover/live"
STARTS = 100
ROUNDS = int(os.environ.get("PARALLEL_ROUNDS", "1"))

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def vm(transactional_db: None, inventory: ScenarioInventory, cloud: SimulatorServer) -> ProtectedVM:
    """Give a VM that is ready for a live failover."""
    found = inventory.vms["two"]
    found.network_mappings.create(
        source_network_name="VM Network",
        destination_network_id=_first_id(cloud.simulator.call("listNetworks").body),
        is_test_network=False,
    )
    return found


def _press_at_once(vm: ProtectedVM) -> list[Any]:
    _, text = create_token(name="portal", role=RoleName.OPERATOR)
    answers: list[Any] = []
    gate = threading.Barrier(STARTS)

    def press() -> None:
        client = APIClient(raise_request_exception=False)
        client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
        # The first use connects: whoever waits at the gate is connected already.
        connections["default"].ensure_connection()
        gate.wait()
        answers.append(client.post(LIVE, {"vm_id": vm.vm_id}, format="json"))
        connections.close_all()

    threads = [threading.Thread(target=press) for _ in range(STARTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.parametrize("number", range(ROUNDS))
def test_of_a_hundred_starts_of_one_vm_at_once_one_makes_a_job_and_all_others_are_409(
    vm: ProtectedVM, number: int
) -> None:
    answers = _press_at_once(vm)

    told = Counter((answer.status_code, answer.json().get("error_code")) for answer in answers)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: STARTS - 1}, told
    job = FailoverJob.objects.get()
    assert VMReservation.objects.filter(reference=job.job_id).count() == 1
    blocking = {answer.json()["blocking_job"] for answer in answers if answer.status_code == 409}
    assert blocking == {job.job_id}
