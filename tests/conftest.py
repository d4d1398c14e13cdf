"""This will give tests a simulated cloud, its inventory, and a whole service in virtual time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from audit.guards import remove_guards
from cloudstack_simulator import Simulator, SteppedClock
from inventory.models import ProtectedVM
from networks.services import MappingWish, create_mapping
from tests.support import servers
from tests.support.inventory_of import STORAGE_NETWORK, VM_NETWORK, ScenarioInventory, inventory_from_scenario
from tests.support.service import Service

# Processes that a test starts are the real service, with the real settings, on the test's own files.
os.environ["DJANGO_SETTINGS_MODULE"] = "failover_project.settings"

LIVE_NETWORKS = {VM_NETWORK: "OSSEA-L2", STORAGE_NETWORK: "OSSEA-Storage"}

_DATABASE_FIXTURES = frozenset({"db", "transactional_db", "django_db_reset_sequences", "live_server"})


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to run without the servers that REQUIRE_SERVICES demands."""
    config.addinivalue_line("markers", "database: uses the database (set by the tests' own conftest)")
    if servers.services_are_required() and servers.missing():
        raise pytest.UsageError(f"REQUIRE_SERVICES is set, and these are not installed: {', '.join(servers.missing())}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what uses the database, and leave out what needs a server that is not here."""
    absent = servers.missing()
    left_out = [item for item in items if any(item.get_closest_marker(name) for name in absent)]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if item.get_closest_marker("django_db") or not _DATABASE_FIXTURES.isdisjoint(fixtures):
            item.add_marker("database")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once for each server that is not here that its tests were left out."""
    for name in servers.missing():
        terminalreporter.write_line(f"No {name} here: tests marked `{name}` are left out (REQUIRE_SERVICES=1 fails).")


@pytest.fixture(autouse=True)
def audit_may_be_emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let pytest-django empty the tables of a test with real transactions: the audit's guards refuse it otherwise."""
    marker = request.node.get_closest_marker("django_db")
    real = "transactional_db" in request.fixturenames or bool(marker and marker.kwargs.get("transaction"))
    if not real:
        yield
        return
    request.getfixturevalue("transactional_db")
    yield
    # The emptying is followed by post_migrate, which makes them again.
    remove_guards()


@pytest.fixture
def simulator() -> Simulator:
    """Give the scenario `small` on a clock that the test moves."""
    return Simulator.scenario("small", clock=SteppedClock())


@pytest.fixture
def world_rows(db: None, simulator: Simulator) -> ScenarioInventory:
    """Give the inventory of the simulated cloud, every network of every VM mapped for a live failover."""
    rows = inventory_from_scenario(simulator)
    ids = network_ids(simulator)
    for vm in rows.vms.values():
        map_live(vm, ids)
    return rows


@pytest.fixture
def service(world_rows: ScenarioInventory, simulator: Simulator) -> Service:
    """Give the whole service, in one thread on the simulator's clock."""
    del world_rows
    return Service(simulator)


def network_ids(simulator: Simulator) -> dict[str, str]:
    """Give the ids of the simulated cloud's networks by name."""
    answer = json.loads(simulator.call("listNetworks").body)["listnetworksresponse"]
    return {network["name"]: network["id"] for network in answer["network"]}


def map_live(vm: ProtectedVM, ids: dict[str, str]) -> None:
    """Map every source network of the VM to its production network."""
    for source in vm.nics.values_list("network_name", flat=True).distinct():
        name = LIVE_NETWORKS[source]
        wish = MappingWish(source_network_name=source, destination_network_id=ids[name], destination_network_name=name)
        create_mapping(vm=vm, wish=wish)
