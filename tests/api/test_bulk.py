"""This will prove that a bulk start tries every VM for itself and tells what became of each."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from cloudstack_simulator.server import SimulatorServer
from inventory.models import TargetCloud
from jobs.models import FailoverJob
from tests.support.inventory_of import ScenarioInventory
from tests.support.mapped import map_both, spoil

pytestmark = pytest.mark.django_db

BULK = "/api/v1/failover/bulk"


@pytest.fixture
def ids(inventory: ScenarioInventory, cloud: SimulatorServer) -> list[str]:
    """Give the ids of three VMs, mapped for live and for test."""
    map_both(inventory.vms.values(), cloud.simulator)
    return [inventory.vms[name].vm_id for name in ("one", "two", "three")]


def bulk(client: APIClient, vms: list[dict[str, Any]], **shared: Any) -> dict[str, Any]:
    """Ask for a bulk start that must be answered."""
    answer = client.post(BULK, {"type": "live", "vms": vms, **shared})
    assert answer.status_code == 200, answer.json()
    found: dict[str, Any] = answer.json()
    return found


def test_every_vm_gets_its_job_and_its_result_in_the_order_sent(operator: APIClient, ids: list[str]) -> None:
    body = bulk(operator, [{"vm_id": vm_id} for vm_id in reversed(ids)], reason="site is burning")

    assert (body["success"], body["message"]) == (True, "3 of 3 live failovers started")
    assert (body["total"], body["started"], body["refused"]) == (3, 3, 0)
    assert [result["vm_id"] for result in body["results"]] == list(reversed(ids))
    for result in body["results"]:
        job = FailoverJob.objects.get(job_id=result["job_id"])
        assert (job.source_vm_id, job.reason, result["success"]) == (result["vm_id"], "site is burning", True)
        assert result["data"]["job_type"] == "live" and result["estimated_duration"]


def test_a_vm_that_is_refused_stops_no_other_and_says_why(operator: APIClient, ids: list[str]) -> None:
    first = operator.post("/api/v1/failover/live", {"vm_id": ids[1]}).json()["job_id"]
    items: list[dict[str, Any]] = [
        {"vm_id": ids[0], "skip_validation": "no"},
        {"vm_id": "nobody"},
        {"vm_id": ids[1]},
        {"vm_name": "nameless"},
        {"vm_id": ids[2]},
        {"vm_id": ids[2]},
        {"vm_id": ids[0], "custom_config": {"test_environment": True}},
    ]

    body = bulk(operator, items)

    results = body["results"]
    codes = [result.get("error_code") for result in results]
    wrong = "INVALID_REQUEST"
    assert codes == [wrong, "VM_NOT_FOUND", "ACTIVE_JOBS", wrong, None, wrong, wrong]
    assert (body["started"], body["refused"]) == (1, 6)
    assert set(results[0]["fields"]) == {"skip_validation"} and "skip_validation" in results[0]["error"]
    assert results[2]["blocking_job"] == first
    assert (results[3]["vm_id"], set(results[3]["fields"])) == (None, {"vm_id"})
    assert "listed twice" in results[5]["error"]
    assert all(result["required_actions"] and result["message"] for result in results if not result["success"])
    assert set(FailoverJob.objects.values_list("source_vm_id", flat=True)) == {ids[1], ids[2]}


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_a_vm_at_which_the_service_itself_fails_stops_no_other_and_shows_an_error_id(
    operator: APIClient, ids: list[str], query: str, caplog: pytest.LogCaptureFixture
) -> None:
    spoil(ids[1])

    answer = operator.post(f"{BULK}{query}", {"type": "live", "vms": [{"vm_id": vm_id} for vm_id in ids]})

    assert answer.status_code == 200, answer.json()
    results = answer.json()["results"]
    assert [result["success"] for result in results] == [True, False, True]
    assert results[1]["error_code"] == "INTERNAL_ERROR" and results[1]["required_actions"]
    assert results[1]["error_id"] in results[1]["error"] and results[1]["error_id"] in caplog.text
    started = set() if query else {ids[0], ids[2]}
    assert set(FailoverJob.objects.values_list("source_vm_id", flat=True)) == started


def test_what_a_vm_says_itself_comes_before_what_all_share(operator: APIClient, ids: list[str]) -> None:
    items: list[dict[str, Any]] = [{"vm_id": ids[0]}, {"vm_id": ids[1], "test_duration": "30m", "auto_cleanup": False}]

    body = bulk(operator, items, type="test", test_duration="2h", auto_cleanup=True, context_id="ctx-1")

    assert [result["data"]["test_duration"] for result in body["results"]] == ["2h", "30m"]
    jobs = FailoverJob.objects.values_list("source_vm_id", "window_seconds", "auto_cleanup", "unknown_fields")
    asked = {vm_id: tuple(rest) for vm_id, *rest in jobs}
    assert asked == {
        ids[0]: (7200, True, {"context_id": "ctx-1"}),
        ids[1]: (1800, False, {"context_id": "ctx-1"}),
    }


def test_a_silent_cloud_is_asked_for_one_vm_and_refuses_the_others_at_once(
    operator: APIClient, ids: list[str], cloud: SimulatorServer
) -> None:
    TargetCloud.objects.update(endpoint="http://127.0.0.1:9/client/api")

    body = bulk(operator, [{"vm_id": vm_id} for vm_id in [*ids, "nobody"]])

    results = body["results"]
    assert [result["error_code"] for result in results] == ["OSSEA_API_ERROR"] * 3 + ["VM_NOT_FOUND"]
    assert results[1]["error"] == results[2]["error"] and "Target cloud" in results[1]["error"]
    assert results[1]["required_actions"] == results[2]["required_actions"] != []
    assert not FailoverJob.objects.exists()


def test_a_dry_run_of_many_starts_none(operator: APIClient, ids: list[str]) -> None:
    items = [{"vm_id": ids[0]}, {"vm_id": "nobody"}, {"vm_id": ids[1]}]

    body = operator.post(f"{BULK}?dry_run=true", {"type": "live", "vms": items}).json()

    assert (body["dry_run"], body["message"]) == (True, "2 of 3 live failovers could be started")
    assert [result["success"] for result in body["results"]] == [True, False, True]
    assert body["results"][0]["data"]["status"] == "planned" and "plan" not in body["results"][0]
    assert not FailoverJob.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": "dry"}, "type"),
        ({"type": None}, "type"),
        ({"vms": []}, "vms"),
        ({"vms": [{"vm_id": "a"}] * 501}, "vms"),
        ({"vms": ["a"]}, "vms"),
        ({"vm_id": "a"}, "vm_id"),
        ({"dry_run": True}, "dry_run"),
        ({"custom_config": "fast"}, "custom_config"),
        ({"test_duration": "soon"}, "test_duration"),
    ],
)
def test_a_request_that_cannot_be_read_is_400_as_a_whole(
    operator: APIClient, changes: dict[str, Any], field: str
) -> None:
    answer = operator.post(BULK, {"type": "live", "vms": [{"vm_id": "a"}], **changes})

    assert (answer.status_code, set(answer.json()["fields"])) == (400, {field})


def test_a_bulk_that_is_repeated_under_its_key_starts_nothing_twice(operator: APIClient, ids: list[str]) -> None:
    request = {"type": "live", "vms": [{"vm_id": vm_id} for vm_id in ids]}

    first = operator.post(BULK, request, HTTP_IDEMPOTENCY_KEY="burning-1").json()
    again = operator.post(BULK, request, HTTP_IDEMPOTENCY_KEY="burning-1").json()

    assert first["results"] == again["results"] and first["started"] == 3
    assert FailoverJob.objects.count() == 3
