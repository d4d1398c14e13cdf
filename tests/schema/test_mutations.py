"""Whatever is sent, the service answers in the envelope, never with a defect, and can show its lists afterwards.

`make mutate N=100000` sends that many; MUTATIONS and MUTATIONS_SEED say how many and which.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.db import connection
from django.test import Client

from cloudstack_simulator import Simulator, SteppedClock
from cloudstack_simulator.server import SimulatorServer
from failover_project.api.models import RoleName
from failover_project.api.tokens import create_token
from inventory.models import TargetCloud
from tests.schema.good_requests import good_requests, readable
from tests.schema.mutating import Sent, mutated
from tests.support.inventory_of import ScenarioInventory
from tests.support.scenes import map_networks
from tests.support.service import Service
from tests.support.serving import served

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

# What PostgreSQL alone refuses is looked for with others, and with fewer: most never reach the database.
_COUNT, _SEED = ("1500", "1") if connection.vendor == "sqlite" else ("600", "2")
COUNT = int(os.environ.get("MUTATIONS", _COUNT))
SEED = int(os.environ.get("MUTATIONS_SEED", _SEED))


def _answer(client: Client, sent: Sent, token: str) -> Any:
    # A server hands on the bytes of the request line as if each were a character.
    query = sent.query.encode().decode("latin-1")
    extra: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Token {token}", **sent.headers, "QUERY_STRING": query}
    return client.generic(sent.method, sent.path, sent.body, content_type=sent.content_type, **extra)


def _told(sent: Sent) -> str:
    return f"{sent.method} {sent.path}?{sent.query} {sent.content_type} {sent.headers} {sent.body[:600]!r}"


class World(NamedTuple):
    """What requests are about: ids of jobs and of a network, and an administrator's token."""

    test_job_id: str
    live_job_id: str
    network_id: str
    token: str


class CatchingUp(SteppedClock):
    """This machine's time, an hour ago at first; whoever steps it brings it nearer."""

    def __init__(self) -> None:
        super().__init__(-3600.0)

    def now(self) -> float:
        """Give the unix time."""
        return time.time() + super().now()

    def catch_up(self) -> None:
        """Go with this machine's time from now on."""
        self.advance(time.time() - self.now())


@pytest.fixture
def cloud() -> Iterator[SimulatorServer]:
    """Serve the scenario `small`, in the time of an hour ago."""
    with served(Simulator.scenario("small", clock=CatchingUp())) as server:
        yield server


@pytest.fixture
def world(inventory: ScenarioInventory, cloud: SimulatorServer) -> World:
    """Fail a VM over, and start a test that nothing carries out."""
    simulator = cloud.simulator
    assert isinstance(simulator.clock, CatchingUp)
    map_networks(simulator, inventory)
    TargetCloud.objects.update(customjobid_honoured=True, expunge_allowed=True, clock_skew_seconds=0.0)
    service = Service(simulator)
    live = service.start_live("vm-three")
    service.run()
    simulator.clock.catch_up()
    _, token = create_token(name="mutations", role=RoleName.ADMIN)
    start = Sent("POST", "/api/v1/failover/test", {"vm_id": "vm-one", "test_duration": "2h"})
    answer = _answer(Client(), start, token)
    assert answer.status_code == 200, answer.content
    networks = json.loads(simulator.call("listNetworks").body)["listnetworksresponse"]["network"]
    return World(answer.json()["job_id"], live.job_id, networks[0]["id"], token)


def test_no_mutated_request_is_answered_with_a_defect_or_breaks_a_list(world: World) -> None:
    job_id, token = world.test_job_id, world.token
    client = Client(raise_request_exception=False)
    shown = _answer(client, Sent("GET", "/api/v1/inventory/vms/vm-two"), token).json()
    document = {name: shown["vm"][name] for name in shown["vm"] if name not in {"vm_id", "created_at", "updated_at"}}
    base = good_requests(
        vm_id="vm-two",
        job_id=job_id,
        live_job_id=world.live_job_id,
        network_id=world.network_id,
        inventory=document,
    )
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
