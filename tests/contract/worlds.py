"""Make the worlds that the contract's examples speak of: the demo's cloud, PGWINTESTBIOS, and what befalls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from rest_framework.test import APIClient

from cloudstack_simulator import Simulator, SteppedClock, SystemClock
from failover_project.api.models import RoleName
from failover_project.api.tokens import create_token
from inventory.intake.reading import read_document
from inventory.models import Appliance, ProtectedVM, Replication, TargetCloud
from inventory.services import import_inventory
from jobs.models import FailoverJob, ProcessLease, PulsePart, RoleLease
from jobs.pulses import note_round
from networks.models import NetworkMapping
from tests.contract.document import contract
from tests.house.tree import document
from tests.support.service import Service
from tests.support.serving import served
from tests.support.simulator_line import SIMULATOR_URL

VM_ID = "4205a841-0265-f4bd-39a6-39fd92196f53"
LIVE_NETWORK = "d1e2f3a4-0001-4000-8000-000000000001"
TEST_NETWORK = "d1e2f3a4-0001-4000-8000-000000000003"

# The networks that the examples name cannot exist: CloudStack's ids are uuids. All else is sent as it is written.
STAND_INS: Mapping[str, str] = {
    "production-network-id": LIVE_NETWORK,
    "network-production-123": LIVE_NETWORK,
    "test-network-id": TEST_NETWORK,
    "test-network-default": TEST_NETWORK,
}


@dataclass
class Place:
    """One world with a caller who may do everything; `sent` names the examples that were sent."""

    simulator: Simulator
    caller: APIClient
    service: Service | None = None
    sent: set[str] = field(default_factory=set)

    @property
    def vm(self) -> ProtectedVM:
        """Give PGWINTESTBIOS."""
        return ProtectedVM.objects.get(vm_id=VM_ID)

    def send(self, example: str) -> Any:
        """Send an example of a request, and give the answer."""
        found = contract().example(example)
        self.sent.add(example)
        if found.value is None:
            return self.caller.get(found.text.partition(" ")[2].strip())
        return self.caller.generic(found.method, found.path, _with_stand_ins(found.text), "application/json")

    def get(self, path: str) -> Any:
        """Read."""
        return self.caller.get(f"/api/v1{path}")

    def map_networks(self, *, is_test: bool, names: Mapping[str, str] | None = None) -> None:
        """Map the VM's network, for live or for test failovers."""
        network_id, name = (TEST_NETWORK, "Test Network") if is_test else (LIVE_NETWORK, "Production Network")
        for source in names or {"VM Network": ""}:
            NetworkMapping.objects.create(
                vm=self.vm,
                source_network_name=source,
                destination_network_id=network_id,
                destination_network_name=name,
                is_test_network=is_test,
            )

    def replicate(self) -> None:
        """Have a replication of the VM under way."""
        Replication.objects.create(
            vm=self.vm,
            replication_id="migration-job-12345",
            kind="incremental",
            status="replicating",
            percentage=40,
            started_at=timezone.now(),
        )

    def run_engines(self) -> None:
        """Have a process alive that watches."""
        now = timezone.now()
        until = now + timedelta(seconds=15)
        ProcessLease.objects.create(owner="p", host="h", pid=1, started_at=now, valid_until=until)
        RoleLease.objects.create(role="watcher", owner="p", valid_until=until, last_tick_at=now)
        for part in PulsePart:
            note_round(part, ended_at=now)

    def test_in_its_window(self) -> FailoverJob:
        """Have a test of the VM whose target VM runs."""
        assert self.service is not None
        self.map_networks(is_test=True)
        job = self.service.start_test(
            VM_ID, window_seconds=7200, auto_cleanup=True, network_mappings={"VM Network": TEST_NETWORK}
        )
        self.service.run()
        job.refresh_from_db()
        return job

    def ended_test(self) -> FailoverJob:
        """Have a test of the VM that was cleaned up."""
        assert self.service is not None
        job = self.test_in_its_window()
        self.service.clean_up(job)
        self.service.run()
        job.refresh_from_db()
        return job


@dataclass
class Worlds:
    """Makes places, and ends them with the test."""

    stack: ExitStack

    def served(self, scenario: str = "demo") -> Place:
        """Give a world whose cloud is reached over HTTP, for what the API asks of it."""
        server = self.stack.enter_context(served(Simulator.scenario(scenario, clock=SystemClock())))
        _import(server.simulator, endpoint=server.url)
        return Place(server.simulator, _caller())

    def driven(self, scenario: str = "demo") -> Place:
        """Give a world in virtual time, for jobs that are to come far."""
        simulator = Simulator.scenario(scenario, clock=SteppedClock())
        _import(simulator, endpoint=SIMULATOR_URL)
        return Place(simulator, _caller(), Service(simulator))


Call = Callable[[Worlds], Any]


def _caller() -> APIClient:
    _, text = create_token(name="caller", role=RoleName.ADMIN)
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    return client


def _import(simulator: Simulator, *, endpoint: str) -> None:
    rows = read_document(document("docs/examples/demo-inventory.yaml"), is_json=False).content
    environ = {
        "DEMO_CLOUDSTACK_ENDPOINT": endpoint,
        "DEMO_CLOUDSTACK_KEY": simulator.api_key,
        "DEMO_CLOUDSTACK_SECRET": simulator.secret_key,
    }
    now = datetime.fromtimestamp(simulator.clock.now(), tz=UTC)
    report = import_inventory(document=rows, source="the demo's inventory", now=now, environ=environ)
    assert not report.refused, report.refused
    assert Appliance.objects.count() == 1
    TargetCloud.objects.update(customjobid_honoured=True, expunge_allowed=True, clock_skew_seconds=0.0)


def _with_stand_ins(text: str) -> str:
    for named, real in STAND_INS.items():
        text = text.replace(f'"{named}"', f'"{real}"')
    return text
