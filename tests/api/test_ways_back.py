"""Rollback, commit and extension through the API and the command line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from cloudstack_simulator import Fault
from jobs import services, verbs
from jobs.leftovers import left_behind
from jobs.models import FailoverJob, Outcome
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


def _carried_on(stage: Scene) -> None:
    """Let the service of the scene go on at once: the door wrote the time of this machine, the scene has its own."""
    FailoverJob.objects.update(next_look_at=stage.service.clock.now())
    stage.service.run()


def _post(client: APIClient, job: FailoverJob, verb: str, body: dict[str, Any]) -> Any:
    return client.post(f"/api/v1/failover/{job.job_id}/{verb}", body, format="json")


def test_a_dry_run_of_a_rollback_says_what_would_be_lost_and_does_nothing(stage: Scene, operator: APIClient) -> None:
    job = _failed_over(stage)

    answer = _post(operator, job, "rollback?dry_run=true", {})

    assert answer.status_code == 200, answer.content
    preview = answer.json()["rollback"]
    assert preview["vm_name"] == job.vm_name
    assert preview["steps"][0] == "Stop the target VM"
    assert job.plans.count() == 1


def test_a_rollback_without_the_vms_name_is_400_and_says_what_to_type(stage: Scene, operator: APIClient) -> None:
    job = _failed_over(stage)

    answer = _post(operator, job, "rollback", {"reason": "bad data"})

    assert answer.status_code == 400
    assert answer.json()["required_actions"] == [f"Send confirm_vm_name: {job.vm_name}"]


def test_a_rollback_is_taken_recorded_and_carried_out(stage: Scene, operator: APIClient) -> None:
    job = _failed_over(stage)

    answer = _post(operator, job, "rollback", {"confirm_vm_name": job.vm_name, "reason": "bad data"})

    assert (answer.status_code, answer.json()["status"]) == (200, "reverting"), answer.content
    event = job.events.get(kind="rollback_requested")
    assert (event.actor, event.fields["reason"]) == ("operator of the test", "bad data")
    _carried_on(stage)
    job.refresh_from_db()
    assert job.outcome == Outcome.ROLLED_BACK


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_a_rollback_without_its_rollback_points_is_409_and_names_them(
    stage: Scene, operator: APIClient, query: str
) -> None:
    job = _failed_over(stage)
    stage.simulator.call("deleteSnapshot", id=job.snapshot_id)
    stage.service.clock.stepped.advance(60.0)

    answer = _post(operator, job, f"rollback{query}", {"confirm_vm_name": job.vm_name})

    assert (answer.status_code, answer.json()["error_code"]) == (409, "INVALID_STATE"), answer.content
    assert job.snapshot_id in answer.json()["error"]
    target = stage.simulator.vm(job.destination_vm_id)
    assert target is not None and target.state == "Running"


def test_a_rollback_that_cannot_read_its_points_is_503_and_stops_nothing(stage: Scene, operator: APIClient) -> None:
    job = _failed_over(stage)
    stage.simulator.restart_management_server(down_seconds=60.0)

    answer = _post(operator, job, "rollback", {"confirm_vm_name": job.vm_name})

    assert (answer.status_code, answer.json()["error_code"]) == (503, "OSSEA_NOT_CONFIGURED"), answer.content
    assert job.plans.count() == 1


def test_a_commit_ends_the_way_back(stage: Scene, operator: APIClient) -> None:
    job = _failed_over(stage)

    answer = _post(operator, job, "commit", {})

    assert answer.status_code == 200, answer.content
    _carried_on(stage)
    refused = _post(operator, job, "rollback", {"confirm_vm_name": job.vm_name})
    assert (refused.status_code, refused.json()["error_code"]) == (409, "INVALID_STATE")
    assert "committed" in refused.json()["error"]


def test_a_window_is_extended_and_nonsense_is_400(stage: Scene, operator: APIClient) -> None:
    job = stage.service.start_test("vm-one")
    stage.service.run()
    # The door reads the time of this machine: to it the scene's window would have ended long ago.
    now = timezone.now()
    FailoverJob.objects.update(window_opened_at=now, window_ends_at=now + timedelta(minutes=30))

    assert _post(operator, job, "extend", {"duration": "1h"}).status_code == 200
    assert _post(operator, job, "extend", {"duration": "later"}).status_code == 400
    assert _post(operator, job, "extend", {}).status_code == 400


def test_a_test_has_no_way_back(stage: Scene, operator: APIClient) -> None:
    job = stage.service.start_test("vm-one")

    for verb in ("rollback", "commit"):
        answer = _post(operator, job, verb, {"confirm_vm_name": job.vm_name})
        assert (answer.status_code, answer.json()["job_status"]) == (409, "pending")


def test_the_command_line_has_the_same_verbs(stage: Scene) -> None:
    job = _failed_over(stage)
    out = io.StringIO()

    call_command("failover", "rollback", job.job_id, "--dry-run", stdout=out)
    call_command("failover", "status", job.job_id, stdout=out)
    with pytest.raises(CommandError, match="type its name"):
        call_command("failover", "rollback", job.job_id, stdout=out)
    call_command("failover", "commit", job.job_id, "--reason", "all is well", stdout=out)

    assert "1. Stop the target VM" in out.getvalue()
    assert "Now possible: rollback, commit." in out.getvalue()
    assert job.events.get(kind="commit_requested").actor == "manage.py"


@pytest.mark.slow
def test_the_command_line_forces_a_cleanup_and_prints_what_was_left(stage: Scene) -> None:
    job = stage.service.start_test("vm-one")
    stage.service.run()
    stage.simulator.faults.add(Fault("deleteSnapshot", "refuse", times=1000))
    stage.service.clean_up(job)
    stage.service.run()
    out = io.StringIO()

    call_command("failover", "cleanup", job.job_id, "--force", "--reason", "the lab closes", stdout=out)

    (snapshot,) = stage.simulator.snapshots()
    assert "Left so far: 1." in out.getvalue()
    assert f"snapshot {snapshot.name} ({snapshot.id})" in out.getvalue()


@pytest.mark.slow
def test_readiness_offers_a_test_from_the_rollback_points_of_a_replica_that_is_in_doubt(
    stage: Scene, viewer: APIClient
) -> None:
    job = _failed_over(stage)
    verbs.roll_back(engine=stage.service.engine, job_id=job.job_id, typed_name=job.vm_name, actor="olga")
    stage.service.run()

    body = viewer.get(f"/api/v1/failover/{job.source_vm_id}/readiness?type=test").json()

    assert f'from_snapshots_of \\"{job.job_id}\\"' in json.dumps(body)


def _half_rolled_back(stage: Scene) -> FailoverJob:
    """Roll a failover back whose disk can't be hung back, and skip that."""
    job = _failed_over(stage)
    stage.simulator.faults.add(Fault("attachVolume", "refuse", times=1000))
    verbs.roll_back(engine=stage.service.engine, job_id=job.job_id, typed_name=job.vm_name, actor="olga")
    stage.service.run()
    question = job.questions.get(answered_at=None)
    services.answer(
        engine=stage.service.engine, job_id=job.job_id, question_id=question.pk, choice="skip", actor="olga"
    )
    stage.service.run()
    stage.simulator.faults.clear()
    return FailoverJob.objects.get(pk=job.pk)


def test_a_half_skipped_rollback_is_finished_over_the_api(stage: Scene, operator: APIClient) -> None:
    job = _half_rolled_back(stage)
    status = operator.get(f"/api/v1/failover/{job.job_id}/status").json()
    assert {"action": "rollback", "allowed": True, "reason": ""} in status["allowed_actions"]
    preview = _post(operator, job, "rollback?dry_run=true", {}).json()["rollback"]
    assert preview["words"] == "It goes on with what was left undone."

    answer = _post(operator, job, "rollback", {"confirm_vm_name": job.vm_name, "reason": "the appliance is well"})

    assert (answer.status_code, answer.json()["status"]) == (200, "reverting"), answer.content
    _carried_on(stage)
    after = operator.get(f"/api/v1/failover/{job.job_id}/status").json()
    assert (after["outcome"], after["job_details"]["left_behind"]) == ("rolled_back", [])
    assert _post(operator, job, "rollback", {"confirm_vm_name": job.vm_name}).status_code == 409


def test_a_half_skipped_rollback_is_finished_at_the_command_line(stage: Scene) -> None:
    job = _half_rolled_back(stage)
    out = io.StringIO()

    call_command("failover", "rollback", job.job_id, "--dry-run", stdout=out)
    call_command("failover", "rollback", job.job_id, "--confirm-vm-name", job.vm_name, stdout=out)

    assert "It goes on with what was left undone." in out.getvalue()
    assert "1. Attach" in out.getvalue()
    _carried_on(stage)
    job.refresh_from_db()
    assert (job.outcome, left_behind(job)) == (Outcome.ROLLED_BACK, [])


def test_a_half_skipped_rollback_is_finished_in_the_admin(stage: Scene, admin_client: Client) -> None:
    job = _half_rolled_back(stage)
    page = reverse("admin:jobs_failoverjob_rollback", args=[job.pk])

    assert "It goes on with what was left undone." in admin_client.get(page).content.decode()
    taken = admin_client.post(page, {"typed_name": job.vm_name, "reason": "the appliance is well"})

    assert taken.status_code == 302
    _carried_on(stage)
    job.refresh_from_db()
    assert (job.outcome, left_behind(job)) == (Outcome.ROLLED_BACK, [])
