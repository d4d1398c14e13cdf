"""This will prove that the answers about one VM are the contract's, from a simulated cloud on a socket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from cloudstack_simulator.server import SimulatorServer
from inventory.models import ProtectedVM, Replication, ReplicaVolume, ReservationKind, TargetCloud
from inventory.reservations import reserve
from jobs.models import FailoverJob
from networks.services import MappingWish, create_mapping
from tests.api.shapes import missing_from
from tests.conftest import map_live, network_ids
from tests.support.inventory_of import VM_NETWORK, ScenarioInventory

pytestmark = pytest.mark.django_db

PARTS = ("sync-status", "network-mapping-status", "volume-status", "active-jobs", "configuration-check")
SYNCED_AT = datetime(2025, 8, 18, 14, 35, 21, tzinfo=UTC)


@pytest.fixture
def vm(inventory: ScenarioInventory, cloud: SimulatorServer) -> ProtectedVM:
    """Give the two-disk VM, replicated, mapped for live failovers and for tests."""
    found = inventory.vms["two"]
    ids = network_ids(cloud.simulator)
    map_live(found, ids)
    create_mapping(
        vm=found,
        wish=MappingWish(VM_NETWORK, ids["OSSEA-TEST-L2"], destination_network_name="Test", is_test_network=True),
    )
    _replicated(found, "job-20250818-153521", status="completed", percentage=99.5)
    return found


def _replicated(vm: ProtectedVM, name: str, *, status: str, percentage: float, days: int = 0) -> None:
    Replication.objects.create(
        vm=vm,
        replication_id=name,
        kind="incremental",
        status=status,
        percentage=percentage,
        started_at=SYNCED_AT + timedelta(days=days),
    )


def _ask(client: APIClient, vm: ProtectedVM, part: str) -> dict[str, Any]:
    answer = client.get(f"/api/v1/vms/{vm.vm_id}/{part}")
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["success"], body["vm_id"]) == (200, True, vm.vm_id), body
    return body


@pytest.mark.parametrize("part", PARTS)
def test_an_unknown_vm_is_404_in_the_envelope(viewer: APIClient, part: str) -> None:
    answer = viewer.get(f"/api/v1/vms/nobody/{part}")

    assert (answer.status_code, answer.json()["error_code"]) == (404, "VM_NOT_FOUND")


# --- sync-status ---


def test_sync_status_is_the_contracts(viewer: APIClient, vm: ProtectedVM) -> None:
    body = _ask(viewer, vm, "sync-status")

    assert body["message"] == "VM sync status retrieved"
    status = body["sync_status"]
    assert missing_from(status, SYNC_EXAMPLE) == []
    assert status["latest_change_id"] == vm.disks.get(position=0).replica.change_id
    assert (status["replication_job_id"], status["sync_percentage"]) == ("job-20250818-153521", 100.0)
    assert (status["has_valid_change_id"], status["is_ready_for_failover"]) == (True, True)
    assert [disk["position"] for disk in status["disks"]] == [0, 1]


SYNC_EXAMPLE = {
    "has_valid_change_id": True,
    "latest_change_id": "52 3c ec 11 9e 2c 4c 3d-87 4a c3 4e 85 f2 ea 95/5",
    "last_sync_time": "2025-08-18T15:35:21+01:00",
    "replication_job_id": "job-20250818-153521",
    "sync_percentage": 100.0,
    "is_ready_for_failover": True,
}


def test_the_percentage_is_that_of_the_newest_replication(viewer: APIClient, vm: ProtectedVM) -> None:
    _replicated(vm, "job-20250819", status="replicating", percentage=37, days=1)

    status = _ask(viewer, vm, "sync-status")["sync_status"]

    assert (status["replication_job_id"], status["sync_percentage"]) == ("job-20250819", 37.0)
    assert status["last_completed_replication_job_id"] == "job-20250818-153521"
    assert status["has_valid_change_id"] is True


def test_one_disk_without_a_valid_change_id_makes_the_vm_not_ready(viewer: APIClient, vm: ProtectedVM) -> None:
    ReplicaVolume.objects.filter(disk__vm=vm, disk__position=1).update(change_id="")

    status = _ask(viewer, vm, "sync-status")["sync_status"]

    assert (status["has_valid_change_id"], status["is_ready_for_failover"]) == (False, False)
    assert status["latest_change_id"] is not None
    assert [disk["has_valid_change_id"] for disk in status["disks"]] == [True, False]
    assert status["required_actions"] == ["Let the replication of Hard disk 2 finish"]


def test_a_vm_that_was_never_replicated_is_told_apart_by_nulls(viewer: APIClient, vm: ProtectedVM) -> None:
    ReplicaVolume.objects.filter(disk__vm=vm).delete()
    vm.replications.all().delete()

    status = _ask(viewer, vm, "sync-status")["sync_status"]

    assert {status[name] for name in ("latest_change_id", "last_sync_time", "replication_job_id")} == {None}
    assert (status["sync_percentage"], status["is_ready_for_failover"]) == (0.0, False)


# --- network-mapping-status ---

MAPPING_EXAMPLE = {
    "source_network_name": "VM Network",
    "destination_network_id": "test-network-default",
    "destination_network_name": "Test Network",
    "is_test_network": True,
    "status": "mapped",
}


def test_network_mapping_status_is_the_contracts(viewer: APIClient, vm: ProtectedVM) -> None:
    body = _ask(viewer, vm, "network-mapping-status")

    assert body["message"] == "Network mapping status retrieved"
    status = body["network_status"]
    assert (status["total_networks"], status["mapped_networks"], status["unmapped_networks"]) == (1, 1, 0)
    assert (status["test_networks_available"], status["is_ready_for_failover"], status["unmapped"]) == (True, True, [])
    assert missing_from(status["mappings"], [MAPPING_EXAMPLE]) == []
    assert [(row["is_test_network"], row["status"]) for row in status["mappings"]] == [
        (False, "mapped"),
        (True, "mapped"),
    ]


def test_each_side_is_told_by_itself(viewer: APIClient, vm: ProtectedVM) -> None:
    vm.network_mappings.filter(is_test_network=True).delete()

    status = _ask(viewer, vm, "network-mapping-status")["network_status"]

    assert (status["is_ready_for_failover"], status["test_networks_available"]) == (True, False)
    assert status["unmapped"] == [
        {
            "source_network_name": VM_NETWORK,
            "is_test_network": True,
            "status": "unmapped",
            "source_macs": [vm.nics.get().mac],
        }
    ]
    assert (status["live"]["is_ready_for_failover"], status["test"]["is_ready_for_failover"]) == (True, False)
    assert status["test"]["required_actions"] == [f"Create network mapping for '{VM_NETWORK}'"]


def test_a_mapping_for_one_nic_does_not_map_the_others_of_its_network(viewer: APIClient, vm: ProtectedVM) -> None:
    second = vm.nics.create(position=1, mac="00:50:56:00:00:77", network_name=VM_NETWORK, adapter="e1000e")
    vm.network_mappings.filter(is_test_network=False).update(source_mac=vm.nics.get(position=0).mac)

    status = _ask(viewer, vm, "network-mapping-status")["network_status"]

    assert (status["mapped_networks"], status["unmapped_networks"]) == (0, 1)
    assert status["live"]["unmapped"][0]["source_macs"] == [second.mac]


def test_a_mapping_of_a_network_that_the_vm_does_not_have_is_unused(viewer: APIClient, vm: ProtectedVM) -> None:
    vm.nics.update(network_name="Renamed")

    status = _ask(viewer, vm, "network-mapping-status")["network_status"]

    assert {row["status"] for row in status["mappings"]} == {"unused"}
    assert (status["mapped_networks"], status["unmapped_networks"]) == (0, 1)


# --- volume-status ---

VOLUME_EXAMPLE = {
    "volume_id": "e915ef05-ddf5-48d5-8352-a01300609717",
    "volume_name": "migration-PGWINTESTBIOS-PGWINTESTBIOS-disk-0",
    "volume_status": "attached",
    "size_gb": 54,
    "volume_type": "ROOT",
    "attachment_status": "attached_to_oma",
    "is_accessible": True,
    "is_ready_for_failover": True,
}


def test_volume_status_is_the_contracts(viewer: APIClient, vm: ProtectedVM, cloud: SimulatorServer) -> None:
    body = _ask(viewer, vm, "volume-status")

    assert body["message"] == "Volume status retrieved"
    status = body["volume_status"]
    assert missing_from(status, VOLUME_EXAMPLE) == []
    boot = cloud.simulator.volume(vm.disks.get(position=0).replica.volume_id)
    assert boot is not None
    assert (status["volume_id"], status["volume_name"]) == (boot.id, boot.name)
    assert status["size_gb"] == -(-boot.size // 1024**3)
    assert {name: status[name] for name in VOLUME_EXAMPLE if name not in {"volume_id", "volume_name", "size_gb"}} == {
        name: value for name, value in VOLUME_EXAMPLE.items() if name not in {"volume_id", "volume_name", "size_gb"}
    }
    assert missing_from(status["volumes"], [VOLUME_EXAMPLE]) == []
    assert [(row["position"], row["volume_type"]) for row in status["volumes"]] == [(0, "ROOT"), (1, "DATADISK")]


def test_a_detached_replica_is_available_and_not_ready(
    viewer: APIClient, vm: ProtectedVM, cloud: SimulatorServer
) -> None:
    cloud.simulator.cloud.job_seconds = 0.0
    cloud.simulator.call("detachVolume", id=vm.disks.get(position=1).replica.volume_id)

    status = _ask(viewer, vm, "volume-status")["volume_status"]

    assert (status["attachment_status"], status["is_ready_for_failover"]) == ("attached_to_oma", False)
    second = status["volumes"][1]
    assert (second["volume_status"], second["attachment_status"]) == ("available", "detached")
    assert (second["is_accessible"], second["is_ready_for_failover"]) == (True, False)
    assert "is not attached to appliance" in second["problem"]


def test_a_replica_that_the_cloud_does_not_know_is_missing(viewer: APIClient, vm: ProtectedVM) -> None:
    ReplicaVolume.objects.filter(disk__vm=vm, disk__position=0).update(volume_id="11111111-2222-4333-8444-555555555555")

    status = _ask(viewer, vm, "volume-status")["volume_status"]

    assert (status["volume_name"], status["volume_status"], status["is_accessible"]) == (None, "missing", False)
    assert status["attachment_status"] == "detached"


def test_volumes_of_a_cloud_that_does_not_answer_are_503_with_what_to_do(viewer: APIClient, vm: ProtectedVM) -> None:
    TargetCloud.objects.update(endpoint="http://127.0.0.1:9/client/api")

    answer = viewer.get(f"/api/v1/vms/{vm.vm_id}/volume-status")

    body = answer.json()
    assert (answer.status_code, body["success"], body["error_code"]) == (503, False, "OSSEA_API_ERROR")
    assert "http://127.0.0.1:9/client/api" in body["error"] and body["required_actions"]


def test_volumes_of_a_cloud_without_credentials_are_503(viewer: APIClient, vm: ProtectedVM) -> None:
    TargetCloud.objects.update(secret_key_sealed="not sealed by our key")

    answer = viewer.get(f"/api/v1/vms/{vm.vm_id}/volume-status")

    assert (answer.status_code, answer.json()["error_code"]) == (503, "OSSEA_NOT_CONFIGURED")


# --- active-jobs ---


def test_a_vm_that_nobody_works_on_has_no_active_jobs(viewer: APIClient, vm: ProtectedVM) -> None:
    body = _ask(viewer, vm, "active-jobs")

    assert body["message"] == "Active jobs status retrieved"
    jobs = body["active_jobs"]
    assert {name: jobs[name] for name in NO_JOBS} == NO_JOBS


NO_JOBS: dict[str, Any] = {
    "has_active_jobs": False,
    "migration_jobs": [],
    "failover_jobs": [],
    "total_active": 0,
    "is_ready_for_failover": True,
}


def test_replications_under_way_are_listed_and_block(viewer: APIClient, vm: ProtectedVM) -> None:
    _replicated(vm, "migration-job-12345", status="replicating", percentage=41.5, days=1)

    jobs = _ask(viewer, vm, "active-jobs")["active_jobs"]

    (row,) = jobs["migration_jobs"]
    assert (row["job_id"], row["status"], row["progress"]) == ("migration-job-12345", "replicating", 41.5)
    assert (jobs["total_active"], jobs["has_active_jobs"], jobs["is_ready_for_failover"]) == (1, True, False)
    assert jobs["required_actions"] == ["Wait for migration job migration-job-12345 to complete"]


def test_a_moving_failover_is_listed_and_blocks_both_kinds(
    viewer: APIClient, operator: APIClient, vm: ProtectedVM
) -> None:
    job_id = operator.post("/api/v1/failover/live", {"vm_id": vm.vm_id}).json()["job_id"]

    jobs = _ask(viewer, vm, "active-jobs")["active_jobs"]

    (row,) = jobs["failover_jobs"]
    assert (row["job_id"], row["job_type"], row["blocks"]) == (job_id, "live", ["live", "test"])
    assert (jobs["total_active"], jobs["is_ready_for_failover"]) == (1, False)


def test_a_test_in_its_window_is_listed_and_blocks_another_test_only(
    viewer: APIClient, operator: APIClient, vm: ProtectedVM
) -> None:
    asked = {"vm_id": vm.vm_id, "test_duration": "2h"}
    job_id = operator.post("/api/v1/failover/test", asked).json()["job_id"]
    FailoverJob.objects.update(state="window_open", status="executing")
    vm.reservation.delete()

    jobs = _ask(viewer, vm, "active-jobs")["active_jobs"]

    (row,) = jobs["failover_jobs"]
    assert (row["job_id"], row["status"], row["blocks"]) == (job_id, "executing", ["test"])
    assert (jobs["is_ready_for_failover"], jobs["is_ready_for_test_failover"]) == (True, False)
    live, test = (viewer.get(f"/api/v1/failover/{vm.vm_id}/readiness?type={kind}").json() for kind in ("live", "test"))
    assert (live["is_valid"], test["is_valid"]) == (True, False)
    assert job_id in test["required_actions"][0]


def test_a_vm_that_is_held_without_a_word_is_listed_as_reserved(viewer: APIClient, vm: ProtectedVM) -> None:
    reserve(vm=vm, kind=ReservationKind.REPLICATION, reference="job-7", now=SYNCED_AT)

    jobs = _ask(viewer, vm, "active-jobs")["active_jobs"]

    assert [(row["job_id"], row["status"]) for row in jobs["migration_jobs"]] == [("job-7", "reserved")]
    assert jobs["is_ready_for_failover"] is False


# --- configuration-check ---

AREAS = ["source", "sync", "jobs", "networks", "cloud", "volumes", "target"]


def test_configuration_check_says_per_area_how_it_is(viewer: APIClient, vm: ProtectedVM) -> None:
    body = _ask(viewer, vm, "configuration-check")

    assert body["message"] == "VM configuration check completed"
    check = body["configuration_check"]
    assert [area["area"] for area in check["areas"]] == AREAS
    assert (check["is_valid"], check["is_ready_for_failover"], check["is_ready_for_test_failover"]) == (True,) * 3
    assert all(isinstance(row["execution_time"], int) for area in check["areas"] for row in area["checks"])
    source = check["areas"][0]
    assert (source["status"], [row["applies_to"] for row in source["checks"]]) == ("pass", [["live", "test"]])


def test_what_lacks_for_tests_only_is_said_for_tests_only(viewer: APIClient, vm: ProtectedVM) -> None:
    vm.network_mappings.filter(is_test_network=True).delete()

    body = _ask(viewer, vm, "configuration-check")

    check = body["configuration_check"]
    assert (check["is_valid"], check["is_ready_for_failover"], check["is_ready_for_test_failover"]) == (
        False,
        True,
        False,
    )
    networks = next(area for area in check["areas"] if area["area"] == "networks")
    rows = [(row["status"], row["applies_to"]) for row in networks["checks"] if row["check_name"] == "Network Mapping"]
    assert (networks["status"], rows) == ("fail", [("pass", ["live"]), ("fail", ["test"])])
    assert networks["required_actions"] == [f"Create network mapping for '{VM_NETWORK}'"] == body["required_actions"]


def test_the_configuration_of_a_vm_on_a_silent_cloud_is_an_answer_and_not_an_error(
    viewer: APIClient, vm: ProtectedVM
) -> None:
    TargetCloud.objects.update(endpoint="http://127.0.0.1:9/client/api")

    check = _ask(viewer, vm, "configuration-check")["configuration_check"]

    assert check["is_valid"] is False
    assert {area["area"]: area["status"] for area in check["areas"]} == {
        **dict.fromkeys(("source", "sync", "jobs"), "pass"),
        "networks": "skipped",
        "cloud": "fail",
        "volumes": "skipped",
        "target": "skipped",
    }


def test_the_cloud_is_read_once_for_both_kinds(viewer: APIClient, vm: ProtectedVM, cloud: SimulatorServer) -> None:
    _ask(viewer, vm, "configuration-check")
    before = cloud.simulator.calls.count("listVolumes")

    _ask(viewer, vm, "configuration-check")

    assert cloud.simulator.calls.count("listVolumes") == before + 1


@pytest.mark.parametrize("part", ["sync-status", "network-mapping-status", "active-jobs"])
def test_what_the_rows_tell_is_answered_without_the_cloud(
    viewer: APIClient, vm: ProtectedVM, cloud: SimulatorServer, part: str
) -> None:
    before = cloud.simulator.calls.commands()

    _ask(viewer, vm, part)

    assert cloud.simulator.calls.commands() == before


@pytest.mark.parametrize(("part", "name"), [("sync-status", "sync_status"), ("volume-status", "volume_status")])
def test_a_part_and_readiness_agree(viewer: APIClient, vm: ProtectedVM, part: str, name: str) -> None:
    ReplicaVolume.objects.filter(disk__vm=vm, disk__position=1).delete()

    readiness = viewer.get(f"/api/v1/vms/{vm.vm_id}/failover-readiness").json()

    assert _ask(viewer, vm, part)[name]["is_ready_for_failover"] is readiness["is_valid"] is False
