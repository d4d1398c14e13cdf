"""This will give API tests callers of each role, and a cloud over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rest_framework.test import APIClient

from cloudstack_simulator import Simulator, SystemClock
from cloudstack_simulator.server import SimulatorServer
from failover_project.api.models import RoleName
from failover_project.api.tokens import create_token
from tests.support.inventory_of import ScenarioInventory, inventory_from_scenario
from tests.support.serving import served


def caller_of(role: RoleName) -> APIClient:
    """Give a caller with a token of that role."""
    _, text = create_token(name=f"{role.value} of the test", role=role)
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    return client


@pytest.fixture
def anybody() -> APIClient:
    """Give a caller without a token."""
    return APIClient(raise_request_exception=False)


@pytest.fixture
def viewer(db: None) -> APIClient:
    """Give a caller who may read."""
    return caller_of(RoleName.VIEWER)


@pytest.fixture
def operator(db: None) -> APIClient:
    """Give a caller who may start and end failovers."""
    return caller_of(RoleName.OPERATOR)


@pytest.fixture
def admin(db: None) -> APIClient:
    """Give a caller who may configure."""
    return caller_of(RoleName.ADMIN)


@pytest.fixture
def cloud() -> Iterator[SimulatorServer]:
    """Serve the scenario `small` on a free port."""
    with served(Simulator.scenario("small", clock=SystemClock())) as server:
        yield server


@pytest.fixture
def inventory(db: None, cloud: SimulatorServer) -> ScenarioInventory:
    """Import the inventory of the served scenario."""
    return inventory_from_scenario(cloud.simulator, endpoint=cloud.url)
