"""This will prove what is told of a job's steps and events."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from cloudstack_simulator import Fault, Simulator
from jobs.models import FailoverJob, JobEvent, StepAttempt
from tests.support.inventory_of import ScenarioInventory
from tests.support.service import Service

pytestmark = pytest.mark.django_db


def get(client: APIClient, job: FailoverJob, what: str, query: str = "") -> dict[str, Any]:
    """Read something of the job that must be there."""
    answer = client.get(f"/api/v1/failover/{job.job_id}/{what}{query}")
    assert answer.status_code == 200, answer.json()
    found: dict[str, Any] = answer.json()
    return found


def test_steps_show_every_plan_with_attempts_answers_and_readings(
    viewer: APIClient, service: Service, simulator: Simulator, world_rows: ScenarioInventory
) -> None:
    simulator.faults.add(Fault("deployVirtualMachine", "lost_answer"))
    job = service.start_live(world_rows.vms["two"].vm_id)
    service.run()

    body = get(viewer, job, "steps")

    assert (body["message"], body["total_plans"]) == ("Retrieved steps of live failover job", 1)
    (plan,) = body["plans"]
    assert (plan["kind"], plan["state"]) == ("forward", "done")
    steps = {step["key"]: step for step in plan["steps"]}
    assert {step["state"] for step in steps.values()} == {"done"}
    assert steps["deploy"]["after"] == ["check"] and steps["deploy"]["result"]["vm_id"]
    (attempt,) = steps["deploy"]["attempts"]
    assert attempt["async_job_id"] in StepAttempt.objects.values_list("async_job_id", flat=True)
    assert attempt["state"] == "done" and attempt["readings"][-1]["sight"] == "holds"
    assert attempt["intent_at"] <= attempt["ended_at"]


def test_an_undo_is_another_plan_of_the_same_job(
    viewer: APIClient, service: Service, simulator: Simulator, world_rows: ScenarioInventory
) -> None:
    simulator.faults.add(Fault("attachVolume", "refuse", times=1000))
    job = service.start_live(world_rows.vms["one"].vm_id)
    service.run()

    plans = get(viewer, job, "steps")["plans"]

    assert [plan["kind"] for plan in plans][:2] == ["forward", "compensate"]
    assert plans[0]["stop_reason"]


def test_events_are_told_oldest_first_and_each_once_over_pages(
    viewer: APIClient, service: Service, world_rows: ScenarioInventory
) -> None:
    job = service.start_live(world_rows.vms["one"].vm_id)
    service.run()
    told: list[int] = []
    page = get(viewer, job, "events", "?limit=4")

    while True:
        assert page["returned_events"] == len(page["events"]) <= 4
        told += [event["id"] for event in page["events"]]
        if not page["has_more"]:
            break
        page = get(viewer, job, "events", f"?limit=4&after={page['next_after']}")

    assert told == list(JobEvent.objects.filter(job=job).order_by("pk").values_list("pk", flat=True))
    first = get(viewer, job, "events", "?limit=1")["events"][0]
    assert (first["kind"], first["message"], first["actor"]) == ("created", "The failover was asked for.", "tester")


def test_whoever_follows_a_job_is_told_what_happens_next(
    viewer: APIClient, service: Service, world_rows: ScenarioInventory
) -> None:
    job = service.start_live(world_rows.vms["one"].vm_id)
    at_first = get(viewer, job, "events")
    nothing_yet = get(viewer, job, "events", f"?after={at_first['next_after']}")
    service.run()

    later = get(viewer, job, "events", f"?after={nothing_yet['next_after']}")

    assert nothing_yet["events"] == [] and nothing_yet["next_after"] == at_first["next_after"]
    assert later["events"] and later["events"][0]["id"] > at_first["next_after"]


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=1001", f"after={2**63}"])
def test_a_page_of_events_that_cannot_be_is_400(
    viewer: APIClient, service: Service, world_rows: ScenarioInventory, query: str
) -> None:
    job = service.start_live(world_rows.vms["one"].vm_id)

    assert viewer.get(f"/api/v1/failover/{job.job_id}/events?{query}").status_code == 400


@pytest.mark.parametrize("what", ["steps", "events", "status"])
def test_an_unknown_job_has_none(viewer: APIClient, what: str) -> None:
    answer = viewer.get(f"/api/v1/failover/nobody/{what}")

    assert (answer.status_code, answer.json()["error_code"]) == (404, "JOB_NOT_FOUND")


@pytest.mark.slow
def test_debug_mode_tells_each_guard_answer_and_reading_and_shows_the_plans_in_the_status(
    viewer: APIClient, service: Service, world_rows: ScenarioInventory
) -> None:
    close = service.start_live(world_rows.vms["one"].vm_id, custom_config={"debug_mode": True})
    usual = service.start_live(world_rows.vms["two"].vm_id, custom_config={"debug_mode": False})
    service.run()

    kinds = {event["kind"] for event in get(viewer, close, "events", "?limit=1000")["events"]}
    assert kinds >= {"debug_guard", "debug_answer", "debug_reading"}
    assert not JobEvent.objects.filter(job=usual, kind__startswith="debug").exists()
    assert get(viewer, close, "status")["job_details"]["debug"]["plans"] == get(viewer, close, "steps")["plans"]
    assert "debug" not in get(viewer, usual, "status")["job_details"]
