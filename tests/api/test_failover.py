"""This will prove readiness, start, status and list over HTTP, against a simulated cloud on a socket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from cloudstack_simulator.server import SimulatorServer
from inventory.models import ProtectedVM, TargetCloud
from jobs.models import FailoverJob
from networks.models import NetworkMapping
from tests.support.inventory_of import ScenarioInventory

pytestmark = pytest.mark.django_db

LIVE = "/api/v1/failover/live"
JOBS = "/api/v1/failover/jobs"


@pytest.fixture
def vm(inventory: ScenarioInventory, cloud: SimulatorServer) -> ProtectedVM:
    """Give the two-disk VM, mapped to a network of the cloud."""
    found = inventory.vms["two"]
    network = cloud.simulator.call("listNetworks").body
    NetworkMapping.objects.create(
        vm=found,
        source_network_name="VM Network",
        destination_network_id=_first_id(network),
        is_test_network=False,
    )
    return found


def _first_id(body: bytes) -> str:
    import json

    networks = json.loads(body)["listnetworksresponse"]["network"]
    return str(next(network["id"] for network in networks if network["type"] == "Isolated"))


def test_both_routes_of_readiness_say_that_the_vm_is_ready(viewer: APIClient, vm: ProtectedVM) -> None:
    for path in (f"/api/v1/failover/{vm.vm_id}/readiness", f"/api/v1/vms/{vm.vm_id}/failover-readiness"):
        answer = viewer.get(path)

        body = answer.json()
        assert answer.status_code == 200
        assert (body["success"], body["message"]) == (True, "VM failover readiness validation completed")
        assert body["is_valid"] is True, body["validation_result"]["errors"]
        assert set(body) >= {"readiness_score", "validation_result", "required_actions"}
        result = body["validation_result"]
        assert (result["vm_id"], result["is_ready"], result["errors"]) == (vm.vm_id, True, [])
        names = [check["check_name"] for check in result["checks"]]
        assert names[:3] == ["VM Existence", "Sync Status", "Active Jobs"]
        assert all(isinstance(check["execution_time"], int) for check in result["checks"])


def test_readiness_of_an_unknown_vm_is_404(viewer: APIClient) -> None:
    answer = viewer.get("/api/v1/failover/nobody/readiness")

    assert (answer.status_code, answer.json()["error_code"]) == (404, "VM_NOT_FOUND")


def test_readiness_of_a_vm_on_a_silent_cloud_is_an_answer_and_not_an_error(viewer: APIClient, vm: ProtectedVM) -> None:
    TargetCloud.objects.update(endpoint="http://127.0.0.1:9/client/api")

    body = viewer.get(f"/api/v1/failover/{vm.vm_id}/readiness").json()

    assert (body["is_valid"], body["validation_result"]["estimated_duration"]) == (
        False,
        "Cannot estimate - validation failed",
    )
    assert any("Target cloud" in error for error in body["validation_result"]["errors"])


def _start(vm_id: str, **changes: Any) -> dict[str, Any]:
    return {"vm_id": vm_id, "vm_name": "PGWINTESTBIOS", **changes}


def test_a_start_answers_as_the_contract_says_and_leaves_a_job(operator: APIClient, vm: ProtectedVM) -> None:
    answer = operator.post(LIVE, _start(vm.vm_id, custom_config={"cpu_overcommit": 1.5, "colour": "red"}, blue=True))

    body = answer.json()
    assert answer.status_code == 200, body
    assert (body["success"], body["message"]) == (True, "Live failover execution started successfully")
    assert body["job_id"].startswith(f"live-failover-{vm.vm_id}-")
    assert body["data"] == {
        "job_type": "live",
        "status": "executing",
        "vm_id": vm.vm_id,
        "vm_name": "PGWINTESTBIOS",
    }
    assert any("colour" in warning for warning in body["warnings"])
    assert any("blue" in warning for warning in body["warnings"])
    job = FailoverJob.objects.get(job_id=body["job_id"])
    assert job.custom_config == {"cpu_overcommit": 1.5, "colour": "red"}


def test_a_second_start_is_409_and_names_the_blocking_job(operator: APIClient, vm: ProtectedVM) -> None:
    first = operator.post(LIVE, _start(vm.vm_id)).json()

    second = operator.post(LIVE, _start(vm.vm_id))

    assert (second.status_code, second.json()["error_code"]) == (409, "ACTIVE_JOBS")
    assert first["job_id"] in second.json()["error"]
    assert FailoverJob.objects.count() == 1


def test_a_start_without_mappings_is_409_with_the_findings_and_makes_no_job(
    operator: APIClient, inventory: ScenarioInventory
) -> None:
    answer = operator.post(LIVE, _start(inventory.vms["one"].vm_id))

    body = answer.json()
    assert (answer.status_code, body["error_code"]) == (409, "NETWORK_MAPPING_MISSING")
    assert body["message"] == "Validation failed"
    assert body["required_actions"] == ["Create network mapping for 'VM Network'"]
    assert body["validation_result"]["is_ready"] is False
    assert not FailoverJob.objects.exists()


def test_a_start_on_a_cloud_that_does_not_answer_is_503_with_what_to_do(operator: APIClient, vm: ProtectedVM) -> None:
    TargetCloud.objects.update(endpoint="http://127.0.0.1:9/client/api")

    answer = operator.post(LIVE, _start(vm.vm_id))

    assert (answer.status_code, answer.json()["error_code"]) == (503, "OSSEA_API_ERROR")
    assert answer.json()["required_actions"]


def test_a_start_of_an_unknown_vm_is_404(operator: APIClient) -> None:
    answer = operator.post(LIVE, _start("nobody"))

    assert (answer.status_code, answer.json()["error_code"]) == (404, "VM_NOT_FOUND")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("vm_id", None),
        ("vm_id", 5),
        ("skip_validation", "no"),
        ("network_mappings", ["VM Network"]),
        ("network_mappings", {"VM Network": 7}),
        ("custom_config", "fast"),
        ("custom_config", {"cpu_overcommit": "1.5"}),
        ("custom_config", {"cpu_overcommit": 0}),
        ("notification_config", {"email": "nobody"}),
    ],
)
def test_a_wrong_type_is_400_with_the_field(operator: APIClient, field: str, value: object) -> None:
    answer = operator.post(LIVE, _start("any") | {field: value})

    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_REQUEST")
    assert field in answer.json()["fields"]


def test_the_status_of_a_job_is_shown(operator: APIClient, viewer: APIClient, vm: ProtectedVM) -> None:
    job_id = operator.post(LIVE, _start(vm.vm_id)).json()["job_id"]

    body = viewer.get(f"/api/v1/failover/{job_id}/status").json()

    assert (body["message"], body["job_id"]) == ("Retrieved status for live failover job", job_id)
    assert (body["status"], body["state"], body["outcome"], body["progress"]) == ("pending", "queued", None, 0.0)
    assert set(body["job_details"]) >= {
        "job_type",
        "vm_id",
        "vm_name",
        "destination_vm_id",
        "snapshot_id",
        "error_message",
        "started_at",
        "completed_at",
        "custom_config",
    }
    assert [action["action"] for action in body["allowed_actions"] if action["allowed"]] == ["cancel"]


def test_an_unknown_job_is_404(viewer: APIClient, operator: APIClient) -> None:
    for answer in (viewer.get("/api/v1/failover/no/status"), operator.post("/api/v1/failover/no/cancel", {})):
        assert (answer.status_code, answer.json()["error_code"]) == (404, "JOB_NOT_FOUND")


def _jobs(vm: ProtectedVM, count: int) -> None:
    began = datetime(2025, 8, 18, 15, 15, tzinfo=UTC)
    for number in range(count):
        FailoverJob.objects.create(
            job_id=f"live-failover-{vm.vm_id}-{number}",
            job_type="live",
            vm=vm,
            source_vm_id=vm.vm_id,
            vm_name=vm.name,
            marker=f"m{number}",
            endpoint="north",
            status="completed" if number % 2 else "failed",
            state="finished",
            outcome="succeeded" if number % 2 else "failed",
            created_at=began + timedelta(minutes=number),
            started_at=began + timedelta(minutes=number),
            completed_at=began + timedelta(minutes=number, seconds=7518, microseconds=5),
        )


def test_times_are_in_the_configured_time_zone_with_their_offset(
    viewer: APIClient, vm: ProtectedVM, settings: Any
) -> None:
    settings.TIME_ZONE = "Europe/London"
    _jobs(vm, 1)

    (row,) = viewer.get(JOBS).json()["jobs"]

    assert row["created_at"] == "2025-08-18T16:15:00+01:00"


def test_jobs_are_listed_newest_first_filtered_and_paged(viewer: APIClient, vm: ProtectedVM) -> None:
    _jobs(vm, 6)

    body = viewer.get(f"{JOBS}?status=completed&type=live&vm_id={vm.vm_id}&limit=2&offset=1").json()

    assert (body["message"], body["total_jobs"], body["returned_jobs"]) == ("Retrieved failover jobs list", 3, 2)
    assert [job["job_id"].rsplit("-", 1)[1] for job in body["jobs"]] == ["3", "1"]
    assert body["jobs"][0]["duration"] == 7_518_000_005_000
    assert body["total_is_estimate"] is False


@pytest.mark.parametrize("query", ["status=done", "type=dry", "limit=0", "limit=1001", "offset=-1", "limit=ten"])
def test_list_parameters_out_of_range_are_400(viewer: APIClient, query: str) -> None:
    assert viewer.get(f"{JOBS}?{query}").status_code == 400


def test_health_counts_what_there_is(viewer: APIClient, vm: ProtectedVM) -> None:
    body = viewer.get("/api/v1/debug/health").json()

    assert body["message"] == "System health check completed"
    assert set(body["components"]) == {"database", "ossea_client", "failover_engines", "api_server"}
    assert body["metrics"] == {
        "active_failover_jobs": 0,
        "total_vms_discovered": 3,
        "ossea_volumes": 6,
        "network_mappings": 1,
    }
    assert (body["status"], body["components"]["failover_engines"]) == ("degraded", "not running")
