"""This will set up a whole installation in a directory: simulated cloud, service, inventory, mappings, token."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.processes.journal import Journal
from tests.processes.programs import Program, service_program, settled, simulator_program
from tests.processes.waiting import NeverCame, wait_until

Json = dict[str, Any]
SOURCE_NETWORK = "VM Network"
PRODUCTION_NETWORK = "OSSEA-L2"
# The service probes a cloud within seconds of its start; before that no VM is ready.
PROBED_WITHIN = 30.0


def use_test_settings() -> None:
    """Let a script use the project's models, without touching the installation of whoever runs it."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()


@dataclass(frozen=True)
class Ground:
    """An installation whose service and cloud run; `vm_ids` are the fleet's, in the order of the scenario."""

    directory: Path
    simulator: Program
    service: Program
    journal: Journal
    token: str
    vm_ids: tuple[str, ...]
    control: str

    def world(self) -> Json:
        """Give all that exists in the cloud, in both layers."""
        answer: Json = _session().get(f"{self.control}/world", timeout=60).json()
        return answer

    def calls(self) -> dict[str, int]:
        """Give how often each CloudStack command was called so far."""
        answer: dict[str, int] = _session().get(f"{self.control}/calls", timeout=60).json()
        return answer

    def post(self, path: str, body: Json) -> requests.Response:
        """Send a request to the service as it listens now; raises requests' errors while it does not."""
        return self.send("POST", f"/api/v1/{path}", body)

    def get(self, path: str) -> requests.Response:
        """Read from the service as it listens now; raises requests' errors while it does not."""
        return self.send("GET", f"/api/v1/{path}")

    def send(self, method: str, path: str, body: Json | None = None, *, request_id: str = "") -> requests.Response:
        """Send a request to any path of the service, with the token."""
        address = self.service.address()
        if address is None:
            raise requests.ConnectionError("the service does not listen yet")
        headers = {"Authorization": f"Token {self.token}", **({"X-Request-ID": request_id} if request_id else {})}
        with _session() as session:
            return session.request(method, f"{address}{path}", json=body, headers=headers, timeout=60)


@contextmanager
def installation(
    directory: Path, *, machines: int, job_seconds: float, command: str = "serve", more: Mapping[str, str] | None = None
) -> Iterator[Ground]:
    """Run cloud and service on a fleet of so many one-disk VMs; both are gone afterwards, whatever happens."""
    scenario = f"fleet:{machines}"
    simulator = simulator_program(directory, scenario=scenario, job_seconds=job_seconds)
    settings = {"VAR_DIR": str(directory / "var"), "LOG_FILE": str(directory / "service.log"), "LOG_LEVEL": "WARNING"}
    # All of a campaign's starts and looks come from one token.
    settings |= {"STARTS_PER_MINUTE": "0", "READS_PER_MINUTE": "0"}
    settings |= more or {}
    service = service_program(directory, settings=settings, command=command)
    try:
        simulator.start()
        endpoint = simulator.wait_until_ready()
        document, network_id = describe(scenario, endpoint)
        token = prepare(directory, document, settings)
        service.start()
        service.wait_until_ready()
        ground = Ground(
            directory=directory,
            simulator=simulator,
            service=service,
            journal=Journal(directory / "var" / "failover.sqlite3"),
            token=token,
            vm_ids=tuple(vm["vm_id"] for vm in document["vms"]),
            control=endpoint.replace("/client/api", "/simulator"),
        )
        _map_networks(ground, network_id)
        _wait_until_probed(ground, ground.vm_ids[0])
        yield ground
    finally:
        service.stop()
        simulator.stop()


def describe(scenario: str, endpoint: str) -> tuple[Json, str]:
    """Describe the scenario, whose ids are computed and so are the same in every process."""
    from cloudstack_simulator import Simulator
    from inventory.models import HoldMethod
    from tests.support.inventory_of import inventory_document

    twin = Simulator.scenario(scenario)
    networks = json.loads(twin.call("listNetworks").body)["listnetworksresponse"]["network"]
    network_id = next(network["id"] for network in networks if network["name"] == PRODUCTION_NETWORK)
    return inventory_document(twin, endpoint=endpoint, hold_method=HoldMethod.NONE), network_id


def prepare(directory: Path, document: Json, settings: dict[str, str]) -> str:
    """Make the database, import the document, and give an administrator's token."""
    file = directory / "inventory.json"
    file.write_text(json.dumps(document))
    return settled(file, settings=settings)


def _map_networks(ground: Ground, network_id: str) -> None:
    for vm_id in ground.vm_ids:
        mapping = {
            "vm_id": vm_id,
            "source_network_name": SOURCE_NETWORK,
            "destination_network_id": network_id,
            "destination_network_name": PRODUCTION_NETWORK,
        }
        ground.post("network-mappings", mapping).raise_for_status()


def _wait_until_probed(ground: Ground, vm_id: str) -> None:
    """Wait until the first VM may fail over; what is in its way is said when it may not."""
    answer: Json = {}

    def ready() -> bool:
        ground.service.demand_life()
        answer.update(ground.get(f"failover/{vm_id}/readiness").json())
        return bool(answer.get("is_valid"))

    try:
        wait_until(ready, within=PROBED_WITHIN, what="a VM of the fleet is ready", every=0.5)
    except NeverCame as never:
        raise NeverCame(f"{never}: {json.dumps(answer)[:2000]}") from None


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session
