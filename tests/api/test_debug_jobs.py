"""This will prove that a job's internals are shown as the journal holds them, and who is alive."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from cloudstack_simulator.faults import Fault
from jobs.models import FailoverJob, StepAttempt
from tests.support.scenes import Scene, scene

pytestmark = pytest.mark.django_db

INTERNALS = "/api/v1/debug/failover-jobs"


@pytest.fixture
def stage() -> Scene:
    """Give a scene with a service in virtual time."""
    return scene()


def _jobs(operator: APIClient, **asked: Any) -> list[dict[str, Any]]:
    answer = operator.get(INTERNALS, asked)
    assert answer.status_code == 200, answer.content
    jobs: list[dict[str, Any]] = answer.json()["jobs"]
    return jobs


def test_a_moving_job_shows_its_plan_its_calls_and_what_it_reserves(operator: APIClient, stage: Scene) -> None:
    stage.service.start_live("vm-two")
    stage.service.run(until=lambda: StepAttempt.objects.filter(state="submitted").exists())

    (job,) = _jobs(operator)

    assert (job["state"], job["holds_vm"], job["outcome"]) == ("running", True, None)
    (plan,) = job["plans"]
    assert plan["kind"] == "forward"
    attempts = [attempt for step in plan["steps"] for attempt in step["attempts"]]
    submitted = {attempt["async_job_id"] for attempt in attempts if attempt["state"] == "submitted"}
    assert submitted
    assert {held["async_job_id"] for held in job["reservations"]} >= submitted
    assert any(held["resource"].startswith("volume:") for held in job["reservations"])


def test_a_question_that_waits_is_shown_with_its_choices(operator: APIClient, stage: Scene) -> None:
    stage.simulator.faults.add(Fault("startVirtualMachine", "fail", times=9))
    stage.service.start_live("vm-one")
    stage.service.run()

    (job,) = _jobs(operator)

    assert job["state"] == "waiting_for_operator"
    (question,) = job["open_questions"]
    assert question["choices"] and question["seen"] is not None


def test_jobs_are_chosen_by_id_and_status_and_paged(operator: APIClient, stage: Scene) -> None:
    stage.service.start_live("vm-one")
    stage.service.run()
    waiting = stage.service.start_live("vm-two")

    assert [job["job_id"] for job in _jobs(operator, job_id=waiting.job_id)] == [waiting.job_id]
    assert [job["status"] for job in _jobs(operator, status="completed")] == ["completed"]
    assert len(_jobs(operator, limit=1)) == 1
    assert len(_jobs(operator, limit=1, offset=2)) == 0
    assert operator.get(INTERNALS, {"limit": 101}).status_code == 400
    assert operator.get(INTERNALS, {"status": "sleeping"}).status_code == 400


def test_processes_and_roles_are_shown_with_their_leases(operator: APIClient, stage: Scene) -> None:
    stage.service.start_live("vm-one")
    stage.service.run()

    leases = operator.get(INTERNALS).json()["leases"]

    assert [lease["owner"] for lease in leases["processes"]] == [stage.service.engine.owner]
    assert [lease["role"] for lease in leases["roles"]] == ["watcher"]


@pytest.mark.slow
def test_many_jobs_cost_no_more_queries_than_one(
    operator: APIClient, stage: Scene, django_assert_max_num_queries: Any
) -> None:
    for name in ("vm-one", "vm-two", "vm-three"):
        stage.service.start_live(name)
    stage.service.run()
    assert FailoverJob.objects.count() == 3

    with django_assert_max_num_queries(16):
        assert len(_jobs(operator)) == 3


def test_a_viewer_may_not_see_internals(viewer: APIClient) -> None:
    assert viewer.get(INTERNALS).status_code == 403
