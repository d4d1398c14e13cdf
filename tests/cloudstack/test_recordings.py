"""Show that everything a real CloudStack was recorded to answer is understood."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cloudstack import (
    Accepted,
    AsyncJob,
    Completed,
    Gateway,
    Lost,
    Network,
    Nic,
    Outcome,
    Refused,
    ServiceOffering,
    Snapshot,
    Ticket,
    Volume,
    decoders,
)
from cloudstack.answers import ErrorAnswer, opened
from cloudstack.refusals import REFUSED_BEFORE_START, SENT_TWICE_TEXT
from tests.cloudstack.scripted_cloud import JOB, NOW, VM, VOLUME, ZONE, Reply, always

RECORDINGS = Path(__file__).parent.parent / "recordings"
TICKET = Ticket(JOB, NOW + 30)


@dataclass(frozen=True)
class Exchange:
    """Be one recorded exchange."""

    where: str
    command: str
    params: dict[str, str]
    status: int
    response: Any


@dataclass(frozen=True)
class List:
    """Say how a list command's objects are called and decoded."""

    key: str
    decode: Callable[[object], object]


LISTS = {
    "listVolumes": List("volume", decoders.volume),
    "listVirtualMachines": List("virtualmachine", decoders.virtual_machine),
    "listSnapshots": List("snapshot", decoders.snapshot),
    "listNetworks": List("network", decoders.network),
    "listZones": List("zone", decoders.zone),
    "listServiceOfferings": List("serviceoffering", decoders.service_offering),
    "listTemplates": List("template", decoders.template),
    "listResourceLimits": List("resourcelimit", decoders.resource_limit),
    "listAsyncJobs": List("asyncjobs", decoders.job_id),
    "listApis": List("api", decoders.api_name),
}


class Allowed:
    """Allow every destruction."""

    def refusal(self, *, kind: str, id: str) -> str | None:
        """Allow it."""
        return None


WRITES: dict[str, Callable[[Gateway], Outcome]] = {
    "attachVolume": lambda gateway: gateway.attach_volume(VOLUME, VM, device_id=0, ticket=TICKET),
    "detachVolume": lambda gateway: gateway.detach_volume(VOLUME, ticket=TICKET),
    "createVolume": lambda gateway: gateway.create_volume_from_snapshot(VM, "n", zone_id=ZONE, ticket=TICKET),
    "deleteVolume": lambda gateway: gateway.delete_volume(VOLUME, ticket=TICKET),
    "createSnapshot": lambda gateway: gateway.create_snapshot(VOLUME, "n", tags={}, ticket=TICKET),
    "deleteSnapshot": lambda gateway: gateway.delete_snapshot(VOLUME, ticket=TICKET),
    "revertSnapshot": lambda gateway: gateway.revert_snapshot(VOLUME, ticket=TICKET),
    "startVirtualMachine": lambda gateway: gateway.start_virtual_machine(VM, ticket=TICKET),
    "stopVirtualMachine": lambda gateway: gateway.stop_virtual_machine(VM, ticket=TICKET),
    "destroyVirtualMachine": lambda gateway: gateway.destroy_virtual_machine(VM, expunge=True, ticket=TICKET),
    "updateVirtualMachine": lambda gateway: gateway.set_delete_protection(VM, protected=True, ticket=TICKET),
    "createTags": lambda gateway: gateway.create_tags("Volume", [VOLUME], {"a": "b"}, ticket=TICKET),
    "deleteTags": lambda gateway: gateway.delete_tags("Volume", [VOLUME], {"a": "b"}, ticket=TICKET),
}


@cache
def exchanges() -> tuple[Exchange, ...]:
    """Return all recorded exchanges whose answer was kept."""
    return tuple(exchange for path in sorted(RECORDINGS.glob("*.jsonl")) for exchange in _of_file(path))


def test_the_recordings_are_there() -> None:
    assert len({exchange.where[:2] for exchange in exchanges()}) == 8
    assert len(exchanges()) > 800


def test_every_answer_is_opened_or_told_as_an_error() -> None:
    for exchange in exchanges():
        error = _error_of(exchange)

        assert (error is None) == (exchange.status == 200), exchange.where
        assert error is None or error == exchange.status, exchange.where


@pytest.mark.parametrize("command", LISTS)
def test_every_listed_object_is_read(command: str) -> None:
    kind = LISTS[command]
    listed = [value for exchange in _answered(command) for value in _body(exchange).get(kind.key, [])]

    assert listed
    for value in listed:
        assert kind.decode(value)


def test_every_job_is_read() -> None:
    jobs = [decoders.async_job(_body(exchange)) for exchange in _answered("queryAsyncJobResult")]

    assert {job.status for job in jobs} == {"pending", "succeeded", "failed"}
    assert {job.error_code for job in jobs if job.status == "failed"} >= {431, 530, 533}
    assert all(job.error_code is None for job in jobs if job.status == "succeeded")


@pytest.mark.parametrize("command", WRITES)
def test_every_answer_to_a_mutating_call_has_its_outcome(command: str) -> None:
    answers = [exchange for exchange in exchanges() if exchange.command == command]

    assert answers
    for exchange in answers:
        gateway = always(Reply(exchange.status, exchange.response)).gateway(destroy_port=Allowed())
        assert isinstance(WRITES[command](gateway), _expected(exchange)), exchange.where


def test_the_values_of_an_attached_replica() -> None:
    replica = next(
        decoders.volume(value)
        for exchange in _answered("listVolumes")
        for value in _body(exchange).get("volume", [])
        if value["name"] == "replica-vm1-disk0" and "virtualmachineid" in value
    )

    assert replica == Volume(
        id="b2557c7c-5bf3-420a-91e7-5e7cc3d31d56",
        name="replica-vm1-disk0",
        state="Ready",
        type="DATADISK",
        device_id=1,
        virtual_machine_id="88f05d9e-04d8-47e1-85f6-ea4b8711931c",
        size=5368709120,
        zone_id="8c5bf3f3-19f0-4402-8f6c-f716a89202f0",
        account="admin",
        delete_protection=False,
        virtual_machine_state="Running",
    )


def test_the_values_of_a_target_vm() -> None:
    machine = next(
        decoders.virtual_machine(value)
        for exchange in _answered("listVirtualMachines")
        for value in _body(exchange).get("virtualmachine", [])
        if value["name"] == "vm1-failover"
    )

    assert (machine.state, machine.cpu_number, machine.memory_mb) == ("Stopped", 2, 512)
    assert machine.details == {"cpuNumber": "2", "deployvm": "true", "memory": "512"}
    assert machine.os_display_name == "CentOS 5.6 (64-bit)"
    assert machine.nics == (
        Nic(
            id="bf3053e7-53c6-4a4a-a55b-6290e57838da",
            network_id="0c1d711b-3db3-428d-ae17-a04daacdc12c",
            network_name="prod-net",
            mac="02:01:00:cc:00:03",
            ip="10.1.1.102",
            is_default=True,
        ),
    )


def test_the_values_of_a_rollback_snapshot() -> None:
    snapshot = next(
        decoders.snapshot(value)
        for exchange in _answered("listSnapshots")
        for value in _body(exchange).get("snapshot", [])
        if value["name"] == "rollback-disk0" and value["state"] == "BackedUp"
    )

    assert snapshot == Snapshot(
        id="8afd044d-0681-459f-8aef-a0147eb0cfe4",
        name="rollback-disk0",
        state="BackedUp",
        volume_id="b2557c7c-5bf3-420a-91e7-5e7cc3d31d56",
        created=datetime(2026, 11, 24, 0, 23, 19, tzinfo=UTC),
        tags={"plan": "p1"},
    )


def test_the_values_of_an_offering_with_limits_and_of_a_network() -> None:
    offerings = [decoders.service_offering(value) for value in _first("listServiceOfferings")["serviceoffering"]]
    networks = [decoders.network(value) for value in _first("listNetworks")["network"]]

    assert offerings[-1] == ServiceOffering(
        id="430cb732-3277-4d05-b5ee-3dca1561536f",
        name="custom-constrained",
        is_customized=True,
        cpu_speed=100,
        min_cpu_number=1,
        max_cpu_number=4,
        min_memory=64,
        max_memory=1024,
    )
    assert networks[0] == Network(
        id="8c0c552d-9b77-4c95-88b1-35c068c929a7",
        name="u-test",
        type="Isolated",
        state="Allocated",
        zone_id="8c5bf3f3-19f0-4402-8f6c-f716a89202f0",
        account="opsacct",
        cidr="10.1.1.0/24",
    )


def test_the_values_of_a_job_that_a_restart_ended() -> None:
    ended = next(
        decoders.async_job(_body(exchange))
        for exchange in _answered("queryAsyncJobResult")
        if _body(exchange)["jobstatus"] == 2 and "jobresult" not in _body(exchange)
    )

    assert ended == AsyncJob(
        id="602507c3-6d62-4a56-a4a3-6e2da84bc1ca",
        status="failed",
        error_code=530,
        error_text=None,
        result={},
        result_entity_id=None,
        instance_type="Volume",
        instance_id="3c9ffb78-d780-43ae-90ec-4bf070a49a71",
        command="org.apache.cloudstack.api.command.admin.volume.DetachVolumeCmdByAdmin",
        created=datetime(2026, 11, 24, 2, 1, 5, tzinfo=UTC),
        completed=datetime(2026, 11, 24, 2, 1, 29, tzinfo=UTC),
    )


def test_the_values_of_the_capabilities() -> None:
    capabilities = decoders.capabilities(_first("listCapabilities")["capability"])

    assert capabilities.version == "4.22.0.0-SNAPSHOT"
    assert capabilities.kvm_snapshots_of_running_vms
    assert capabilities.expunge_allowed
    assert capabilities.volume_expunge_allowed


def _expected(exchange: Exchange) -> type[Outcome]:
    if exchange.status == 200:
        return Completed if exchange.command in ("deleteVolume", "updateVirtualMachine") else Accepted
    if SENT_TWICE_TEXT in str(exchange.response) or exchange.status not in REFUSED_BEFORE_START:
        return Lost
    return Refused


def _of_file(path: Path) -> Iterator[Exchange]:
    for line in path.read_text(encoding="utf-8").splitlines():
        recorded = json.loads(line)
        if "command" in recorded and isinstance(recorded["response"], dict):
            yield Exchange(
                where=f"{path.name[:2]} {recorded['n']} {recorded['command']}",
                command=recorded["command"],
                params=recorded["params"],
                status=recorded["status"],
                response=recorded["response"],
            )


def _body(exchange: Exchange) -> Any:
    return opened(exchange.command, http_status=exchange.status, text=json.dumps(exchange.response), async_job_id=None)


def _error_of(exchange: Exchange) -> int | None:
    try:
        _body(exchange)
    except ErrorAnswer as error:
        return error.error.error_code
    return None


def _answered(command: str) -> Iterator[Exchange]:
    return (exchange for exchange in exchanges() if exchange.command == command and exchange.status == 200)


def _first(command: str) -> Any:
    return _body(next(_answered(command)))
