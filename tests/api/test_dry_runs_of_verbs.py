"""A dry run of a verb says what it would do and does nothing; what has no dry run is refused one, at every door."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from cloudstack_simulator import Fault
from jobs import services
from jobs.models import FailoverJob, JobState, Outcome, Plan
from networks.models import NetworkMapping
from tests.support.scenes import Scene, scene
from tests.support.serving import reached_by_doors

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage() -> Iterator[Scene]:
    stage = scene()
    with reached_by_doors(stage.simulator):
        yield stage


def _failed_over(stage: Scene) -> FailoverJob:
    job = stage.service.start_live("vm-one")
    stage.service.run()
    return FailoverJob.objects.get(pk=job.pk)


def _in_its_window(stage: Scene) -> FailoverJob:
    job = stage.service.start_test("vm-one")
    stage.service.run()
    job.refresh_from_db()
    assert job.state == JobState.WINDOW_OPEN
    return job


def _asking(stage: Scene) -> FailoverJob:
    """Give a live failover whose target did not start, and which asks what to do."""
    stage.simulator.faults.add(Fault("startVirtualMachine", "fail", times=1000))
    job = stage.service.start_live("vm-one")
    stage.service.run()
    stage.simulator.faults.clear()
    job.refresh_from_db()
    assert job.state == JobState.WAITING_FOR_OPERATOR
    return job


def _ran(*words: str) -> str:
    out = io.StringIO()
    call_command("failover", *words, stdout=out)
    return out.getvalue()


def test_a_dry_run_of_a_commit_names_the_rollback_points_and_removes_none(stage: Scene, operator: APIClient) -> None:
    job = _failed_over(stage)

    answer = operator.post(f"/api/v1/failover/{job.job_id}/commit?dry_run=true", {"reason": "looking"})

    assert answer.status_code == 200, answer.content
    assert answer.json()["commit"]["rollback_points"] == [job.snapshot_id]
    job.refresh_from_db()
    assert (job.outcome, job.plans.count()) == (Outcome.SUCCEEDED, 1)
    assert job.snapshot_id in {row.id for row in stage.simulator.snapshots()}


def test_a_dry_run_of_a_commit_that_is_not_possible_is_409(stage: Scene, operator: APIClient) -> None:
    job = _in_its_window(stage)

    answer = operator.post(f"/api/v1/failover/{job.job_id}/commit?dry_run=true", {})

    assert (answer.status_code, answer.json()["error_code"]) == (409, "INVALID_STATE"), answer.content


def test_a_dry_run_of_a_cleanup_says_what_would_be_removed_and_the_test_runs_on(
    stage: Scene, operator: APIClient
) -> None:
    job = _in_its_window(stage)

    answer = operator.delete(f"/api/v1/failover/test/{job.job_id}?dry_run=true&force=true")

    assert answer.status_code == 200, answer.content
    assert answer.json()["cleanup"]["steps"][0] == "Stop the target VM"
    stage.service.run()
    job.refresh_from_db()
    assert (job.state, job.cleanup_requested_at) == (JobState.WINDOW_OPEN, None)


def test_the_dry_run_of_a_cleanup_lists_the_steps_of_the_cleanup_that_follows(
    stage: Scene, operator: APIClient
) -> None:
    job = _in_its_window(stage)
    said = operator.delete(f"/api/v1/failover/test/{job.job_id}?dry_run=true").json()["cleanup"]["steps"]

    operator.delete(f"/api/v1/failover/test/{job.job_id}")
    FailoverJob.objects.update(next_look_at=stage.service.clock.now())
    stage.service.run()

    done = Plan.objects.get(job=job, kind="cleanup").steps.order_by("position").values_list("title", flat=True)
    assert said == list(done)
    gone = operator.delete(f"/api/v1/failover/test/{job.job_id}?dry_run=true")
    assert (gone.status_code, gone.json()["error_code"]) == (409, "INVALID_STATE")


@pytest.mark.parametrize(("verb", "body"), [("extend", {"duration": "1h"}), ("answer", {})])
def test_a_verb_without_a_dry_run_is_refused_one(
    stage: Scene, operator: APIClient, verb: str, body: dict[str, Any]
) -> None:
    job = _in_its_window(stage)

    answer = operator.post(f"/api/v1/failover/{job.job_id}/{verb}?dry_run=true", body)

    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["dry_run"]), answer.content
    before, ends = job.window_ends_at, FailoverJob.objects.get(pk=job.pk).window_ends_at
    assert before == ends


def test_mappings_have_no_dry_run_and_stay(stage: Scene, admin: APIClient) -> None:
    before = NetworkMapping.objects.count()

    answer = admin.delete("/api/v1/network-mappings/vm-one?dry_run=true")

    assert answer.status_code == 400, answer.content
    assert NetworkMapping.objects.count() == before > 0


@pytest.mark.parametrize("verb", ["cancel", "commit", "retry", "rollback", "extend"])
def test_a_dry_run_in_the_body_of_a_verb_is_refused(stage: Scene, operator: APIClient, verb: str) -> None:
    job = _failed_over(stage)
    body = {"dry_run": True, "duration": "1h", "confirm_vm_name": job.vm_name}

    answer = operator.post(f"/api/v1/failover/{job.job_id}/{verb}", body)

    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["dry_run"]), answer.content
    assert job.plans.count() == 1


def test_who_may_not_use_a_verb_hears_of_his_role_and_not_of_dry_runs(stage: Scene, viewer: APIClient) -> None:
    job = _failed_over(stage)

    assert viewer.post(f"/api/v1/failover/{job.job_id}/extend?dry_run=true", {}).status_code == 403


def test_the_command_shows_a_commit_and_a_cleanup_without_doing_them(stage: Scene) -> None:
    live, test = _failed_over(stage), stage.service.start_test("vm-two")
    stage.service.run()

    said = _ran("commit", live.job_id, "--dry-run") + _ran("cleanup", test.job_id, "--dry-run", "--force")

    assert "there is no way back after that" in said
    assert "1. Stop the target VM" in said
    live.refresh_from_db()
    test.refresh_from_db()
    assert (live.outcome, test.state, test.cleanup_requested_at) == ("succeeded", JobState.WINDOW_OPEN, None)


@pytest.mark.parametrize("verb", ["extend", "answer", "status"])
def test_the_command_refuses_a_dry_run_of_a_verb_that_has_none(stage: Scene, verb: str) -> None:
    job = _in_its_window(stage)

    with pytest.raises(CommandError, match="has no dry run; nothing was done"):
        _ran(verb, job.job_id, "--dry-run", "--duration", "1h")


def test_the_pages_of_commit_and_cleanup_list_what_will_be_done(stage: Scene, admin_client: Client) -> None:
    live, test = _failed_over(stage), stage.service.start_test("vm-two")
    stage.service.run()

    commit = admin_client.get(reverse("admin:jobs_failoverjob_commit", args=[live.pk])).content.decode()
    cleanup = admin_client.get(reverse("admin:jobs_failoverjob_cleanup", args=[test.pk])).content.decode()

    assert "rollback points go: there is no way back after that" in commit
    assert "Stop the target VM" in cleanup


def test_the_command_lists_jobs_by_state_newest_first(stage: Scene) -> None:
    _failed_over(stage)
    test = stage.service.start_test("vm-two")
    stage.service.run()

    everything, windows = _ran("list").splitlines(), _ran("list", "--state", "window_open").splitlines()

    assert [line.split("\t")[1] for line in everything] == ["type", "test", "live"]
    assert [line.split("\t")[-1] for line in windows[1:]] == [test.job_id]
    assert "2 in all" in _ran("list", "--limit", "1")


def test_the_command_shows_a_question_with_its_choices_and_how_to_answer(stage: Scene) -> None:
    job = _asking(stage)
    question = job.questions.get(answered_at=None)

    shown = _ran("status", job.job_id)

    assert f"Question {question.pk} (failed_start)" in shown
    assert f"manage.py failover answer {job.job_id} --question {question.pk}" in shown
    assert all(f"  {offered['choice']}: " in shown for offered in question.choices)
    assert shown.count(question.text) == 1


def test_a_verb_without_a_job_is_told_where_jobs_are(stage: Scene) -> None:
    with pytest.raises(CommandError, match="failover list"):
        _ran("status")


@pytest.mark.parametrize(("question", "choice"), [(0, "undo"), (None, "nonsense")])
def test_a_wrong_answer_is_told_what_can_be_answered(
    stage: Scene, operator: APIClient, question: int | None, choice: str
) -> None:
    job = _asking(stage)
    asked = job.questions.get(answered_at=None)
    body = {"question_id": asked.pk if question is None else asked.pk + 1, "choice": choice}

    answer = operator.post(f"/api/v1/failover/{job.job_id}/answer", body)

    offered = ", ".join(row["choice"] for row in asked.choices)
    assert (answer.status_code, answer.json()["required_actions"]) == (
        409,
        [f"Answer question {asked.pk} with one of: {offered}"],
    )


def test_an_answer_to_a_job_that_asks_nothing_says_so(stage: Scene, operator: APIClient) -> None:
    job = _failed_over(stage)

    answer = operator.post(f"/api/v1/failover/{job.job_id}/answer", {"question_id": 1, "choice": "undo"})

    assert (answer.status_code, answer.json()["required_actions"]) == (
        409,
        ["Read the job's status: it asks nothing now"],
    )
    assert services.job_of(job.job_id).outcome == Outcome.SUCCEEDED
