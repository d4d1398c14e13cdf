"""Show the gateway and the simulator, each written from CloudStack's own words, understand one another."""

from __future__ import annotations

import uuid

import pytest

from cloudstack import (
    Accepted,
    AsyncJob,
    Completed,
    Deployment,
    Destroyable,
    DestroyForbidden,
    Gateway,
    Lost,
    NicRequest,
    NotSent,
    Outcome,
    Refused,
    Ticket,
    probe,
)
from cloudstack_simulator import Fault, Simulator, SteppedClock
from tests.support.simulator_line import SimulatorLine, gateway_for

NEVER = "99999999-9999-4999-8999-999999999999"
APPLIANCE = "8a1b2c3d-0005-4000-8000-000000000001"
REPLICA = "5b7d1e20-0005-4000-8000-000000000101"
SECOND_REPLICA = "5b7d1e20-0005-4000-8000-000000000201"


class Ours:
    """Allow the destruction of what is named."""

    def __init__(self, *ids: str) -> None:
        self.ids = set(ids)

    def refusal(self, *, kind: Destroyable, id: str) -> str | None:
        """Refuse what is not named."""
        return None if id in self.ids else f"{kind} {id} was not made by us"


class Site:
    """Hold a simulated cloud, a gateway to it, and the time of both."""

    def __init__(self) -> None:
        self.clock = SteppedClock()
        self.simulator = Simulator.scenario("small", clock=self.clock, job_seconds=1.0)
        self.port = Ours()
        self.gateway = gateway_for(self.simulator, destroy_port=self.port)

    def ticket(self) -> Ticket:
        """Return a fresh ticket."""
        return Ticket(async_job_id=str(uuid.uuid4()), deadline=self.clock.now() + 30)

    def ended(self, outcome: Outcome) -> AsyncJob:
        """Let time pass until the job that the outcome names has ended."""
        assert isinstance(outcome, Accepted), outcome
        assert outcome.job_id_honoured
        for _ in range(60):
            job = self.gateway.async_job(outcome.async_job_id)
            assert job is not None
            if job.status != "pending":
                return job
            self.clock.advance(1)
        raise AssertionError(f"job {outcome.async_job_id} did not end within a minute")

    def done(self, outcome: Outcome) -> AsyncJob:
        """Let time pass until the job has ended well."""
        job = self.ended(outcome)
        assert job.status == "succeeded", job
        return job

    def deployed(self, name: str = "fo-vm1") -> str:
        """Deploy a stopped VM without a disk and return its id."""
        gateway = self.gateway
        self.done(gateway.deploy_virtual_machine(self.deployment(name), ticket=self.ticket()))
        machine = gateway.virtual_machines_named(name)[0]
        placeholder = gateway.volumes_of(machine.id)[0]
        self.port.ids |= {machine.id, placeholder.id}
        self.done(gateway.detach_volume(placeholder.id, ticket=self.ticket()))
        assert gateway.delete_volume(placeholder.id, ticket=self.ticket()) == Completed(None)
        return machine.id

    def deployment(self, name: str) -> Deployment:
        """Describe a VM on the appliance's zone, template and network."""
        appliance = self.gateway.virtual_machine(APPLIANCE)
        assert appliance is not None
        assert appliance.zone_id is not None
        assert appliance.template_id is not None
        assert appliance.service_offering_id is not None
        return Deployment(
            zone_id=appliance.zone_id,
            service_offering_id=appliance.service_offering_id,
            template_id=appliance.template_id,
            name=name,
            display_name="VM 1",
            nics=(NicRequest(appliance.nics[0].network_id, mac="02:00:11:22:33:44"),),
            details={"rootDiskController": "scsi"},
            boot_type="UEFI",
            boot_mode="SECURE",
        )


@pytest.fixture
def site() -> Site:
    """Return a site where nothing has happened."""
    return Site()


def test_a_replica_becomes_the_disk_of_a_running_vm_and_goes_back(site: Site) -> None:
    gateway = site.gateway
    site.done(gateway.detach_volume(REPLICA, ticket=site.ticket()))
    snapshot = site.done(gateway.create_snapshot(REPLICA, "rollback", tags={"job": "j1"}, ticket=site.ticket()))
    vm_id = site.deployed()
    site.done(gateway.attach_volume(REPLICA, vm_id, device_id=0, ticket=site.ticket()))
    protected = gateway.set_delete_protection(vm_id, protected=True, ticket=site.ticket())
    site.done(gateway.start_virtual_machine(vm_id, ticket=site.ticket()))

    running, disk = gateway.virtual_machine(vm_id), gateway.volume(REPLICA)
    assert isinstance(protected, Completed)
    assert running is not None
    assert disk is not None
    assert (running.state, running.delete_protection, running.nics[0].mac) == ("Running", True, "02:00:11:22:33:44")
    assert (disk.virtual_machine_id, disk.device_id, disk.type) == (vm_id, 0, "ROOT")
    truth = site.simulator.volume(REPLICA)
    assert truth is not None
    assert truth.holders == {vm_id}

    site.done(gateway.stop_virtual_machine(vm_id, forced=True, ticket=site.ticket()))
    site.done(gateway.detach_volume(REPLICA, ticket=site.ticket()))
    assert snapshot.result_entity_id is not None
    site.done(gateway.revert_snapshot(snapshot.result_entity_id, ticket=site.ticket()))
    site.done(gateway.attach_volume(REPLICA, APPLIANCE, device_id=1, ticket=site.ticket()))
    assert isinstance(gateway.set_delete_protection(vm_id, protected=False, ticket=site.ticket()), Completed)
    site.done(gateway.destroy_virtual_machine(vm_id, expunge=False, ticket=site.ticket()))

    back = site.simulator.volume(REPLICA)
    assert back is not None
    assert back.holders == {APPLIANCE}
    assert site.simulator.alarms() == []


def test_a_clone_holds_what_the_snapshot_held_and_is_deleted_only_by_leave(site: Site) -> None:
    gateway, zone = site.gateway, site.deployment("x").zone_id
    job = site.done(gateway.create_snapshot(REPLICA, "test", tags={}, ticket=site.ticket()))
    snapshot = gateway.snapshots_named("test")[0]
    clone = site.done(gateway.create_volume_from_snapshot(snapshot.id, "clone", zone_id=zone, ticket=site.ticket()))

    assert (snapshot.id, snapshot.state, snapshot.volume_id) == (job.result_entity_id, "BackedUp", REPLICA)
    assert gateway.snapshots_of(REPLICA) == (gateway.snapshot(snapshot.id),)
    assert clone.result_entity_id is not None
    clone_truth, replica_truth = site.simulator.volume(clone.result_entity_id), site.simulator.volume(REPLICA)
    assert clone_truth is not None
    assert replica_truth is not None
    assert clone_truth.content[: len(replica_truth.content)] == replica_truth.content

    with pytest.raises(DestroyForbidden):
        gateway.delete_volume(REPLICA, ticket=site.ticket())
    site.port.ids |= {clone.result_entity_id, snapshot.id}
    assert gateway.delete_volume(clone.result_entity_id, ticket=site.ticket()) == Completed(None)
    site.done(gateway.delete_snapshot(snapshot.id, ticket=site.ticket()))

    assert gateway.volume(clone.result_entity_id) is None
    assert gateway.snapshot(snapshot.id) is None
    assert gateway.volumes_named("clone") == ()


def test_what_the_cloud_offers_is_read(site: Site) -> None:
    gateway, wanted = site.gateway, site.deployment("x")
    zone, template = gateway.zone(wanted.zone_id), gateway.template(wanted.template_id)
    offering, network = gateway.service_offering(wanted.service_offering_id), gateway.network(wanted.nics[0].network_id)
    os_types = gateway.os_types()

    assert zone is not None
    assert template is not None
    assert template.is_ready
    assert offering is not None
    assert network in gateway.networks()
    assert gateway.os_type_named(os_types[0].description) == os_types[0]
    assert gateway.capabilities().version.startswith("4.22")
    assert "volume" in {limit.type_name for limit in gateway.resource_limits()}


def test_what_never_existed_is_none(site: Site) -> None:
    gateway = site.gateway

    assert gateway.volume(NEVER) is None
    assert gateway.virtual_machine(NEVER) is None
    assert gateway.snapshot(NEVER) is None
    assert gateway.async_job(NEVER) is None
    assert gateway.zone(NEVER) is None
    assert gateway.network(NEVER) is None
    assert gateway.service_offering(NEVER) is None
    assert gateway.template(NEVER) is None
    assert gateway.volumes_of(NEVER) == ()
    assert gateway.volumes([NEVER, REPLICA]) == (gateway.volume(REPLICA),)


def test_unfinished_jobs_are_listed_until_they_end(site: Site) -> None:
    ticket = site.ticket()
    outcome = site.gateway.detach_volume(REPLICA, ticket=ticket)

    assert site.gateway.unfinished_async_jobs() == {ticket.async_job_id}
    site.done(outcome)
    assert site.gateway.unfinished_async_jobs() == frozenset()


def test_the_probe_sees_that_this_cloud_keeps_our_job_ids(site: Site) -> None:
    found = probe(site.gateway, appliance_vm_id=APPLIANCE, new_id=lambda: str(uuid.uuid4()))

    assert found.job_id_honoured
    assert found.doubt is None
    assert found.missing_apis == frozenset()
    assert found.clock_skew == 0.0


def test_a_second_probe_comes_to_the_same_end(site: Site) -> None:
    first = probe(site.gateway, appliance_vm_id=APPLIANCE, new_id=lambda: str(uuid.uuid4()))
    site.clock.advance(10)

    assert probe(site.gateway, appliance_vm_id=APPLIANCE, new_id=lambda: str(uuid.uuid4())) == first


@pytest.mark.parametrize("kind", ["lost_answer", "lost_request"])
def test_a_lost_answer_is_traced_by_the_job_id_that_we_chose(site: Site, kind: str) -> None:
    site.simulator.faults.add(Fault("detachVolume", kind))  # type: ignore[arg-type]
    ticket = site.ticket()

    outcome = site.gateway.detach_volume(REPLICA, ticket=ticket)

    assert isinstance(outcome, Lost)
    assert (site.gateway.async_job(ticket.async_job_id) is not None) == (kind == "lost_answer")
    assert site.simulator.calls.count("detachVolume") == 1


def test_a_refused_call_started_nothing(site: Site) -> None:
    site.simulator.faults.add(Fault("startVirtualMachine", "refuse", error_code=533))

    outcome = site.gateway.start_virtual_machine(APPLIANCE, ticket=site.ticket())

    assert isinstance(outcome, Refused)
    assert site.gateway.unfinished_async_jobs() == frozenset()


def test_a_call_that_hangs_is_lost(site: Site) -> None:
    site.port.ids.add(SECOND_REPLICA)
    site.simulator.faults.add(Fault("deleteVolume", "hang"))

    assert isinstance(site.gateway.delete_volume(SECOND_REPLICA, ticket=site.ticket()), Lost)


def test_a_server_that_is_down_got_nothing(site: Site) -> None:
    site.simulator.restart_management_server(down_seconds=20)

    assert isinstance(site.gateway.detach_volume(REPLICA, ticket=site.ticket()), NotSent)
    site.clock.advance(21)
    assert isinstance(site.gateway.detach_volume(REPLICA, ticket=site.ticket()), Accepted)


def test_the_cloud_itself_refuses_what_comes_after_the_deadline(site: Site) -> None:
    late = LateClock(site.clock)
    gateway = Gateway(site.gateway.endpoint, clock=late, new_line=lambda: SimulatorLine(site.simulator))

    outcome = gateway.detach_volume(REPLICA, ticket=Ticket(str(uuid.uuid4()), late.now() + 30))

    assert isinstance(outcome, Refused)
    assert outcome.error.error_code == 401
    assert gateway.clock_skew == 40.0


class LateClock:
    """Be 40 seconds slow."""

    def __init__(self, clock: SteppedClock) -> None:
        self._clock = clock

    def now(self) -> float:
        """Return the time of 40 seconds ago."""
        return self._clock.now() - 40
