"""This will prove start, status and cleanup of test failovers over HTTP, against a simulated cloud on a socket."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rest_framework.test import APIClient

from cloudstack_simulator.server import SimulatorServer
from inventory.models import ProtectedVM, TargetCloud
from jobs.models import FailoverJob
from networks.models import NetworkMapping
from tests.conftest import network_ids
from tests.support.inventory_of import ScenarioInventory

pytestmark = pytest.mark.django_db

TEST = "/api/v1/failover/test"


@pytest.fixture
def vm(inventory: ScenarioInventory, cloud: SimulatorServer) -> ProtectedVM:
    """Give the two-disk VM, mapped to a network for tests."""
    found = inventory.vms["two"]
    NetworkMapping.objects.create(
        vm=found,
        source_network_name="VM Network",
        destination_network_id=network_ids(cloud.simulator)["OSSEA-TEST-L2"],
        is_test_network=True,
    )
    return found


def _start(vm_id: str, **changes: Any) -> dict[str, Any]:
    return {"vm_id": vm_id, "vm_name": "PGWINTESTBIOS", "test_duration": "2h", "auto_cleanup": True, **changes}


def test_a_start_answers_as_the_contract_says_and_leaves_a_job(operator: APIClient, vm: ProtectedVM) -> None:
    answer = operator.post(TEST, _start(vm.vm_id, custom_config={"test_environment": True, "debug_mode": False}))

    body = answer.json()
    assert answer.status_code == 200, body
    assert (body["success"], body["message"]) == (True, "Test failover execution started successfully")
    assert body["job_id"].startswith(f"test-failover-{vm.vm_id}-")
    assert body["estimated_duration"] == "3-10 minutes (test duration: 2h0s)"
    assert body["data"] == {
        "job_type": "test",
        "status": "executing",
        "vm_id": vm.vm_id,
        "vm_name": "PGWINTESTBIOS",
        "test_duration": "2h",
        "auto_cleanup": True,
    }
    job = FailoverJob.objects.get(job_id=body["job_id"])
    assert (job.window_seconds, job.auto_cleanup, job.specification["strategy"]) == (7200, True, "clone")


def test_nothing_is_cleaned_up_by_the_clock_unless_it_was_asked_for(operator: APIClient, vm: ProtectedVM) -> None:
    body = _start(vm.vm_id)
    del body["auto_cleanup"]

    assert operator.post(TEST, body).json()["data"]["auto_cleanup"] is False


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("test_duration", None),
        ("test_duration", 7200),
        ("test_duration", "two hours"),
        ("test_duration", "59s"),
        ("test_duration", "721h"),
        ("auto_cleanup", "yes"),
        ("custom_config", {"test_strategy": "hope"}),
        ("custom_config", {"test_strategy": "live"}),
    ],
)
def test_a_wrong_value_is_400_with_the_field(operator: APIClient, field: str, value: object) -> None:
    answer = operator.post(TEST, _start("any") | {field: value})

    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_REQUEST")
    assert field in answer.json()["fields"]


def test_a_start_without_a_duration_is_400(operator: APIClient) -> None:
    answer = operator.post(TEST, {"vm_id": "any"})

    assert (answer.status_code, set(answer.json()["fields"])) == (400, {"test_duration"})


@pytest.mark.parametrize("strategy", ["clone", "detached_clone", "boot_and_revert"])
def test_the_strategy_can_be_asked_for(operator: APIClient, vm: ProtectedVM, strategy: str) -> None:
    answer = operator.post(TEST, _start(vm.vm_id, custom_config={"test_strategy": strategy}))

    assert answer.status_code == 200, answer.json()
    assert FailoverJob.objects.get().specification["strategy"] == strategy


def test_a_second_test_is_409_and_names_the_blocking_job(operator: APIClient, vm: ProtectedVM) -> None:
    first = operator.post(TEST, _start(vm.vm_id)).json()

    second = operator.post(TEST, _start(vm.vm_id))

    assert (second.status_code, second.json()["error_code"]) == (409, "ACTIVE_JOBS")
    assert second.json()["blocking_job"] == first["job_id"]


def test_a_test_without_a_test_mapping_is_refused_and_never_put_on_another_network(
    operator: APIClient, inventory: ScenarioInventory
) -> None:
    answer = operator.post(TEST, _start(inventory.vms["one"].vm_id))

    body = answer.json()
    assert (answer.status_code, body["error_code"]) == (409, "NETWORK_MAPPING_MISSING")
    assert body["validation_result"]["is_ready"] is False
    assert not FailoverJob.objects.exists()


def forbid_snapshots_of_running_vms(cloud: SimulatorServer) -> None:
    """Switch `kvm.snapshot.enabled` off in the simulated cloud."""
    served = cloud.simulator.cloud
    served.catalogue = replace(
        served.catalogue, settings=replace(served.catalogue.settings, kvm_snapshot_enabled=False)
    )


def test_where_snapshots_of_running_vms_are_forbidden_the_replicas_are_cut_detached(
    operator: APIClient, vm: ProtectedVM, cloud: SimulatorServer
) -> None:
    forbid_snapshots_of_running_vms(cloud)

    answer = operator.post(TEST, _start(vm.vm_id))

    assert answer.status_code == 200, answer.json()
    assert FailoverJob.objects.get().specification["strategy"] == "detached_clone"


def test_with_the_fallback_switched_off_the_known_issue_is_told_in_its_own_words(
    operator: APIClient, vm: ProtectedVM, cloud: SimulatorServer
) -> None:
    forbid_snapshots_of_running_vms(cloud)
    TargetCloud.objects.update(test_strategy="clone")

    answer = operator.post(TEST, _start(vm.vm_id))

    body = answer.json()
    assert (answer.status_code, body["error_code"], body["success"]) == (409, "SNAPSHOT_FAILED", False)
    assert body["message"] == "Test failover failed"
    assert body["error"] == (
        "Failed to create test snapshot: CloudStack API error 530: KVM Snapshot is not supported for Running VMs"
    )
    assert body["required_actions"][0] == "Enable kvm.snapshot.enabled in CloudStack global settings"
    assert not FailoverJob.objects.exists()


def test_a_cleanup_answers_as_the_contract_says_however_often_it_is_asked_for(
    operator: APIClient, vm: ProtectedVM
) -> None:
    job_id = operator.post(TEST, _start(vm.vm_id)).json()["job_id"]

    for _ in range(2):
        answer = operator.delete(f"{TEST}/{job_id}")

        body = answer.json()
        assert answer.status_code == 200, body
        assert (body["success"], body["message"]) == (True, "Test failover cleanup initiated successfully")
        assert (body["job_id"], body["cleanup_status"]) == (job_id, "in_progress")
        assert body["estimated_cleanup_time"] == "2-5 minutes"


def test_a_forced_cleanup_is_told_what_was_left_so_far_and_takes_only_yes_or_no(
    operator: APIClient, vm: ProtectedVM
) -> None:
    job_id = operator.post(TEST, _start(vm.vm_id)).json()["job_id"]

    doubtful = operator.delete(f"{TEST}/{job_id}?force=perhaps")
    untouched = FailoverJob.objects.get().cancel_requested_at
    forced = operator.delete(f"{TEST}/{job_id}?force=true&reason=the+lab+closes")

    assert (doubtful.status_code, untouched) == (400, None)
    assert (forced.status_code, forced.json()["left_behind"]) == (200, [])
    event = FailoverJob.objects.get().events.get(kind="cleanup_forced")
    assert event.fields["reason"] == "the lab closes"


def test_a_cleanup_that_the_state_forbids_is_409_with_the_status(operator: APIClient, vm: ProtectedVM) -> None:
    job_id = operator.post(TEST, _start(vm.vm_id)).json()["job_id"]
    FailoverJob.objects.update(state="finished", status="failed", outcome="failed")
    job = FailoverJob.objects.get()
    job.plans.update(state="failed")

    body = operator.delete(f"{TEST}/{job_id}").json()

    assert body["message"] == "Cannot cleanup test failover"
    assert body["error"] == "Job not found or not in a state that allows cleanup"
    assert body["job_status"] == "failed"


def test_a_live_failover_is_no_test_to_clean_up(operator: APIClient, vm: ProtectedVM) -> None:
    job_id = operator.post(TEST, _start(vm.vm_id)).json()["job_id"]
    FailoverJob.objects.update(job_type="live")

    answer = operator.delete(f"{TEST}/{job_id}")

    assert (answer.status_code, answer.json()["error_code"]) == (409, "INVALID_STATE")


def test_the_cleanup_of_an_unknown_job_is_404(operator: APIClient) -> None:
    answer = operator.delete(f"{TEST}/test-failover-nobody-1")

    assert (answer.status_code, answer.json()["error_code"]) == (404, "JOB_NOT_FOUND")


def test_the_status_of_a_test_shows_what_was_asked_for_and_what_is_proved(
    operator: APIClient, viewer: APIClient, vm: ProtectedVM
) -> None:
    job_id = operator.post(TEST, _start(vm.vm_id)).json()["job_id"]

    body = viewer.get(f"/api/v1/failover/{job_id}/status").json()

    details = body["job_details"]
    assert (body["message"], body["status"]) == ("Retrieved status for test failover job", "pending")
    assert details["custom_config"] == {
        "test_duration": "2h0s",
        "auto_cleanup": True,
        "network_mappings": {"VM Network": details["evidence"]["networks"][0]["network_id"]},
    }
    assert (details["strategy"], details["window_ends_at"], details["overdue_since"]) == ("clone", None, None)
    assert set(details["evidence"]) == {
        "strategy",
        "disks",
        "replication_held",
        "no_sync_in_between",
        "networks",
        "seconds_to_running",
        "made",
    }
    assert [action["action"] for action in body["allowed_actions"] if action["allowed"]] == ["cancel", "cleanup"]


@pytest.mark.parametrize(
    ("strategy", "words"), [("detached_clone", "off the appliance"), ("boot_and_revert", "unverified")]
)
def test_an_unusual_strategy_comes_with_a_warning(
    operator: APIClient, vm: ProtectedVM, strategy: str, words: str
) -> None:
    body = operator.post(TEST, _start(vm.vm_id, custom_config={"test_strategy": strategy})).json()

    (warning,) = body["warnings"]
    assert words in warning


def test_tests_are_listed_with_the_end_of_their_window(operator: APIClient, viewer: APIClient, vm: ProtectedVM) -> None:
    job_id = operator.post(TEST, _start(vm.vm_id)).json()["job_id"]

    (row,) = viewer.get("/api/v1/failover/jobs?type=test").json()["jobs"]

    assert (row["job_id"], row["job_type"], row["window_ends_at"], row["overdue_since"]) == (job_id, "test", None, None)
