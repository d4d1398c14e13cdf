"""Whatever is sent, the service answers in the envelope, never with a defect, and can show its lists afterwards.

`make mutate N=100000` sends that many; MUTATIONS and MUTATIONS_SEED say how many and which.
"""

from __future__ import annotations

import json
import os
import random
from typing import Any

import pytest
from django.test import Client

from cloudstack_simulator.server import SimulatorServer
from failover_project.api.models import RoleName
from failover_project.api.tokens import create_token
from inventory.models import TargetCloud
from tests.schema.good_requests import good_requests, readable
from tests.schema.mutating import Sent, mutated
from tests.support.inventory_of import ScenarioInventory
from tests.support.scenes import map_networks

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

COUNT = int(os.environ.get("MUTATIONS", "1500"))
SEED = int(os.environ.get("MUTATIONS_SEED", "1"))


def _answer(client: Client, sent: Sent, token: str) -> Any:
    # A server hands on the bytes of the request line as if each were a character.
    query = sent.query.encode().decode("latin-1")
    extra: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Token {token}", **sent.headers, "QUERY_STRING": query}
    return client.generic(sent.method, sent.path, sent.body, content_type=sent.content_type, **extra)


def _told(sent: Sent) -> str:
    return f"{sent.method} {sent.path}?{sent.query} {sent.content_type} {sent.headers} {sent.body[:600]!r}"


@pytest.fixture
def world(inventory: ScenarioInventory, cloud: SimulatorServer) -> tuple[str, str, str]:
    """Start a test of a VM and give its job, a network of the cloud, and an administrator's token."""
    simulator = cloud.simulator
    map_networks(simulator, inventory)
    TargetCloud.objects.update(customjobid_honoured=True, expunge_allowed=True, clock_skew_seconds=0.0)
    _, token = create_token(name="mutations", role=RoleName.ADMIN)
    start = Sent("POST", "/api/v1/failover/test", {"vm_id": "vm-one", "test_duration": "2h"})
    answer = _answer(Client(), start, token)
    assert answer.status_code == 200, answer.content
    networks = json.loads(simulator.call("listNetworks").body)["listnetworksresponse"]["network"]
    return answer.json()["job_id"], networks[0]["id"], token


def test_no_mutated_request_is_answered_with_a_defect_or_breaks_a_list(world: tuple[str, str, str]) -> None:
    job_id, network_id, token = world
    client = Client(raise_request_exception=False)
    shown = _answer(client, Sent("GET", "/api/v1/inventory/vms/vm-two"), token).json()
    document = {name: shown["vm"][name] for name in shown["vm"] if name not in {"vm_id", "created_at", "updated_at"}}
    base = good_requests(vm_id="vm-two", job_id=job_id, network_id=network_id, inventory=document)
    dice = random.Random(SEED)

    for number in range(COUNT):
        sent = mutated(dice.choice(base), dice)
        answer = _answer(client, sent, token)
        assert answer.status_code not in {500, 501, 502}, f"{number}: {_told(sent)}\n{answer.content[:2000]!r}"
        if answer.status_code >= 400 and sent.path.startswith("/api/") and sent.method != "HEAD":
            assert json.loads(answer.content)["success"] is False, f"{number}: {_told(sent)}"
            assert answer["X-Request-ID"]
        if number % 2000 == 0 or number == COUNT - 1:
            _assert_all_can_be_read(client, job_id, token)


def _assert_all_can_be_read(client: Client, job_id: str, token: str) -> None:
    for path in readable(vm_id="vm-two", job_id=job_id):
        answer = _answer(client, Sent("GET", path), token)
        assert answer.status_code == 200, f"{path}: {answer.content[:500]!r}"
        if "json" in answer["Content-Type"]:
            json.loads(answer.content)
