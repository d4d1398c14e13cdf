"""Every page that refuses says what to do, and a test's page tells what the test proved."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from cloudstack_simulator import Fault
from failover_project.api.models import RoleName
from inventory.models import ProtectedVM
from jobs.models import FailoverJob, JobState
from jobs.presentation import allowed_actions
from networks.models import NetworkMapping
from tests.api.conftest import caller_of
from tests.support.scenes import Scene, scene
from tests.support.serving import reached_by_doors
from tests.support.telling import answer, carry_on

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage() -> Iterator[Scene]:
    stage = scene()
    with reached_by_doors(stage.simulator):
        yield stage


@pytest.fixture
def operator(db: None) -> APIClient:
    """Give a client with an operator's token."""
    return caller_of(RoleName.OPERATOR)


def _undone_with_a_doubt(stage: Scene) -> FailoverJob:
    """Give a live failover whose start failed and that was undone: its replica is unverified."""
    stage.simulator.faults.add(Fault("startVirtualMachine", "fail", times=3))
    job = stage.service.start_live("vm-one")
    carry_on(stage)
    answer(stage, job, "undo")
    carry_on(stage)
    job.refresh_from_db()
    assert (job.state, job.outcome) == (JobState.FINISHED, "failed")
    return job


def test_a_retry_that_would_be_refused_says_what_to_do_at_every_door(
    stage: Scene, operator: APIClient, admin_client: Client
) -> None:
    job = _undone_with_a_doubt(stage)
    out = io.StringIO()

    said = operator.post(f"/api/v1/failover/{job.job_id}/retry?dry_run=true", {}).json()["retry"]
    page = admin_client.get(reverse("admin:jobs_failoverjob_retry", args=[job.pk])).content.decode()
    call_command("failover", "retry", job.job_id, "--dry-run", stdout=out)

    assert said["obstacle"] and said["required_actions"]
    for action in said["required_actions"]:
        assert f"  to do: {action}" in out.getvalue()
    assert "What to do" in page and page.count("<li>") >= len(said["required_actions"])
    assert "Back to the job" in page


def test_a_refusal_of_a_verb_is_shown_with_what_to_do(stage: Scene, admin_client: Client) -> None:
    job = stage.service.start_live("vm-one")
    carry_on(stage)
    stage.simulator.call("deleteSnapshot", id=FailoverJob.objects.get(pk=job.pk).snapshot_id)
    stage.service.clock.stepped.advance(60.0)
    page = reverse("admin:jobs_failoverjob_rollback", args=[job.pk])

    seen = admin_client.get(page).content.decode()
    pressed = admin_client.post(page, {"typed_name": job.vm_name, "reason": "bad data"}).content.decode()

    for text in (seen, pressed):
        assert "<li>Read the job&#x27;s status: it lists the allowed actions</li>" in text


def test_an_extension_of_what_failed_is_not_refused_in_the_words_of_a_commit(stage: Scene) -> None:
    job = _undone_with_a_doubt(stage)

    (extend,) = [known for known in allowed_actions(job) if known.action == "extend"]

    assert not extend.allowed
    assert "commit" not in extend.reason


def test_the_page_of_a_test_shows_its_evidence_and_what_happens_at_the_end_of_its_window(
    stage: Scene, admin_client: Client
) -> None:
    job = stage.service.start_test("vm-one")
    carry_on(stage)
    job.refresh_from_db()

    text = admin_client.get(reverse("admin:jobs_failoverjob_change", args=[job.pk])).content.decode()

    assert "<h2>Evidence</h2>" in text and "s after it was asked for" in text
    assert "All disks of one point</span>yes" in text
    assert "nothing is removed unasked" in text
    extend = admin_client.get(reverse("admin:jobs_failoverjob_extend", args=[job.pk])).content.decode()
    assert f"It ends {job.window_ends_at:%Y-%m-%d %H:%M:%S} UTC now" in extend


def test_a_start_without_a_mapping_says_where_mappings_are_made(stage: Scene, admin_client: Client) -> None:
    NetworkMapping.objects.filter(vm__vm_id="vm-one", is_test_network=False).delete()
    vm = ProtectedVM.objects.get(vm_id="vm-one")

    page = admin_client.get(reverse("admin:inventory_protectedvm_start_live", args=[vm.pk])).content.decode()

    assert "Not possible now" in page
    assert "POST /api/v1/network-mappings" in page and reverse("swagger") in page


def test_the_list_of_mappings_says_what_each_is_for(stage: Scene, admin_client: Client) -> None:
    NetworkMapping.objects.filter(vm__vm_id="vm-one").update(destination_network_name="")

    text = admin_client.get(reverse("admin:networks_networkmapping_changelist")).content.decode()

    assert "no name was sent" in text and "all NICs of the network" in text
