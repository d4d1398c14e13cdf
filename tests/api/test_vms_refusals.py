"""This will prove that readiness and refused starts answer with the contract's own examples, word for word."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rest_framework.test import APIClient

from cloudstack_simulator.server import SimulatorServer
from inventory.models import ProtectedVM, Replication, ReplicaVolume, TargetCloud
from jobs.models import FailoverJob
from networks.services import MappingWish, create_mapping
from tests.api.shapes import missing_from
from tests.conftest import map_live, network_ids
from tests.support.inventory_of import VM_NETWORK, ScenarioInventory

pytestmark = pytest.mark.django_db

CHANGE_ID = "52 3c ec 11 9e 2c 4c 3d-87 4a c3 4e 85 f2 ea 95/5"
ENVELOPE = {
    "success": False,
    "message": "Error description",
    "error": "Detailed error message",
    "error_code": "VALIDATION_FAILED",
    "timestamp": "2025-08-18T16:45:30+01:00",
    "request_id": "req-12345-67890",
}
STARTS = {"live": {}, "test": {"test_duration": "2h"}}


@pytest.fixture
def vm(inventory: ScenarioInventory, cloud: SimulatorServer) -> ProtectedVM:
    """Give the two-disk VM, synced at the contract's moment, mapped for live failovers and for tests."""
    found = inventory.vms["two"]
    ids = network_ids(cloud.simulator)
    map_live(found, ids)
    create_mapping(vm=found, wish=MappingWish(VM_NETWORK, ids["OSSEA-TEST-L2"], is_test_network=True))
    synced = "2025-08-18T14:35:21Z"
    ReplicaVolume.objects.filter(disk__vm=found).update(change_id=CHANGE_ID, last_sync_at=synced)
    _replication(found, "job-20250818-153521", status="completed")
    return found


def _replication(vm: ProtectedVM, name: str, *, status: str) -> None:
    began = "2025-08-18T14:30:00Z" if status == "completed" else "2025-08-19T14:30:00Z"
    Replication.objects.create(vm=vm, replication_id=name, kind="incremental", status=status, started_at=began)


def _readiness(client: APIClient, vm: ProtectedVM, query: str = "") -> dict[str, Any]:
    answer = client.get(f"/api/v1/failover/{vm.vm_id}/readiness{query}")
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["success"]) == (200, True), body
    return body


def _check(body: dict[str, Any], name: str) -> dict[str, Any]:
    checks: list[dict[str, Any]] = body["validation_result"]["checks"]
    return next(check for check in checks if check["check_name"] == name)


def _start(client: APIClient, vm: ProtectedVM, kind: str, **more: Any) -> Any:
    return client.post(f"/api/v1/failover/{kind}", {"vm_id": vm.vm_id, **STARTS[kind], **more})


@pytest.mark.parametrize("query", ["", "?type=live", "?type=test"])
def test_a_ready_vm_is_answered_in_the_contracts_words(
    viewer: APIClient, vm: ProtectedVM, settings: Any, query: str
) -> None:
    settings.TIME_ZONE = "Europe/London"
    TargetCloud.objects.update(customjobid_honoured=True)

    body = _readiness(viewer, vm, query)

    assert (body["message"], body["is_valid"]) == ("VM failover readiness validation completed", True)
    assert type(body["readiness_score"]) is float and body["required_actions"] == []
    result = body["validation_result"]
    assert (result["is_ready"], result["estimated_duration"], result["errors"]) == (True, "5-8 minutes", [])
    existence, sync = _check(body, "VM Existence"), _check(body, "Sync Status")
    assert (existence["check_type"], existence["status"]) == ("critical", "pass")
    assert existence["message"] == "VM exists and is accessible"
    assert sync["message"] == "VM has valid ChangeID from successful sync"
    assert sync["details"] == {
        "job_id": "job-20250818-153521",
        "change_id": CHANGE_ID,
        "sync_time": "2025-08-18T15:35:21+01:00",
    }
    times = [check["execution_time"] for check in result["checks"]]
    assert all(type(time) is int and time > 0 for time in times)
    assert max(times) <= result["execution_time"]


def test_a_vm_that_is_not_ready_is_answered_in_the_contracts_words(viewer: APIClient, vm: ProtectedVM) -> None:
    vm.nics.create(position=1, mac="00:50:56:00:00:77", network_name="Legacy Network", adapter="e1000e")
    _replication(vm, "migration-job-12345", status="replicating")

    body = _readiness(viewer, vm)

    assert (body["is_valid"], body["validation_result"]["is_ready"]) == (False, False)
    assert body["readiness_score"] == body["validation_result"]["readiness_score"] < 100.0
    result = body["validation_result"]
    assert result["estimated_duration"] == "Cannot estimate - validation failed"
    active = _check(body, "Active Jobs")
    assert (active["check_type"], active["status"]) == ("critical", "fail")
    assert active["message"] == "VM has active migration job in progress"
    assert {name: active["details"][name] for name in ("active_job_id", "job_status")} == {
        "active_job_id": "migration-job-12345",
        "job_status": "replicating",
    }
    assert "VM network 'Legacy Network' not mapped to OSSEA network" in result["warnings"]
    assert result["errors"] == ["Active migration job must complete before failover", "Network mappings incomplete"]
    assert body["required_actions"] == [
        "Wait for migration job migration-job-12345 to complete",
        "Create network mapping for 'Legacy Network'",
    ]


def test_the_kinds_of_failover_have_readiness_of_their_own(viewer: APIClient, vm: ProtectedVM) -> None:
    vm.network_mappings.filter(is_test_network=True).delete()

    assert _readiness(viewer, vm)["is_valid"] is True
    test = _readiness(viewer, vm, "?type=test")

    assert test["is_valid"] is False
    assert _check(test, "Network Mapping")["details"]["purpose"] == "test"


@pytest.mark.parametrize("query", ["?type=dry", "?type=LIVE"])
def test_an_unknown_kind_of_failover_is_400(viewer: APIClient, vm: ProtectedVM, query: str) -> None:
    answer = viewer.get(f"/api/v1/failover/{vm.vm_id}/readiness{query}")

    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_REQUEST")
    assert "type" in answer.json()["fields"]


@pytest.mark.parametrize("kind", STARTS)
def test_a_start_that_a_replication_forbids_is_refused_in_the_contracts_words(
    operator: APIClient, vm: ProtectedVM, kind: str
) -> None:
    _replication(vm, "migration-job-12345", status="replicating")

    answer = _start(operator, vm, kind)

    body = answer.json()
    assert (answer.status_code, body["error_code"]) == (409, "ACTIVE_JOBS")
    assert {name: body[name] for name in ("success", "message", "error", "required_actions")} == {
        "success": False,
        "message": "Validation failed",
        "error": "VM has active migration jobs - cannot perform failover",
        "required_actions": ["Wait for active migration to complete", "Cancel active migration job"],
    }
    assert body["blocking_job"] == "migration-job-12345"
    assert missing_from(body, ENVELOPE) == []
    assert not FailoverJob.objects.exists()


@pytest.mark.parametrize("kind", STARTS)
def test_a_start_that_findings_forbid_says_all_of_them_with_what_to_do(
    operator: APIClient, vm: ProtectedVM, kind: str
) -> None:
    ReplicaVolume.objects.filter(disk__vm=vm, disk__position=1).update(state="needs_full_resync")
    vm.network_mappings.all().delete()

    answer = _start(operator, vm, kind)

    body = answer.json()
    assert (answer.status_code, body["message"]) == (409, "Validation failed")
    assert body["error"] == "Hard disk 2 needs a full resync; Network mappings incomplete"
    assert body["required_actions"] == [
        "Run a full replication of Hard disk 2",
        f"Create network mapping for '{VM_NETWORK}'",
    ]
    assert body["validation_result"]["is_ready"] is False and "blocking_job" not in body


def test_no_request_skips_a_safety_check(operator: APIClient, vm: ProtectedVM) -> None:
    ReplicaVolume.objects.filter(disk__vm=vm, disk__position=1).update(state="unverified")

    answer = _start(operator, vm, "live", skip_validation=True)

    assert (answer.status_code, answer.json()["error_code"]) == (409, "VALIDATION_FAILED")
    assert "unverified" in answer.json()["error"]


def test_the_known_issue_is_told_in_the_contracts_words_where_the_fallback_is_off(
    operator: APIClient, vm: ProtectedVM, cloud: SimulatorServer
) -> None:
    served = cloud.simulator.cloud
    served.catalogue = replace(
        served.catalogue, settings=replace(served.catalogue.settings, kvm_snapshot_enabled=False)
    )
    TargetCloud.objects.update(test_strategy="clone")

    answer = _start(operator, vm, "test")

    body = answer.json()
    assert (answer.status_code, body["error_code"]) == (409, "SNAPSHOT_FAILED")
    assert {name: body[name] for name in ("success", "message", "error")} == {
        "success": False,
        "message": "Test failover failed",
        "error": "Failed to create test snapshot: CloudStack API error 530: KVM Snapshot is not supported for "
        "Running VMs",
    }
    assert body["required_actions"][:2] == [
        "Enable kvm.snapshot.enabled in CloudStack global settings",
        "OR implement new VM snapshot approach (architectural update required)",
    ]
    assert "test_strategy: auto" in body["required_actions"][2]
    assert missing_from(body, ENVELOPE) == []
