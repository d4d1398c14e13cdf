"""This will prove what operators can decide about a job over HTTP, and what the admin lets them see."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from failover_project.api.models import ApiToken, RoleName
from failover_project.api.tokens import create_token, valid_token
from inventory.models import ProtectedVM
from jobs.models import FailoverJob, Question
from tests.networks.rows import mapped, protected_vm

pytestmark = pytest.mark.django_db


def _job(vm: ProtectedVM, **changes: Any) -> FailoverJob:
    defaults: dict[str, Any] = {
        "job_id": f"live-failover-{vm.vm_id}-1",
        "job_type": "live",
        "vm": vm,
        "source_vm_id": vm.vm_id,
        "vm_name": vm.name,
        "marker": "m1",
        "endpoint": str(vm.cloud.uuid),
        "state": "running",
        "created_at": timezone.now(),
    }
    return FailoverJob.objects.create(**{**defaults, **changes})


def test_a_job_is_cancelled_before_its_point_of_no_return(operator: APIClient) -> None:
    job = _job(protected_vm())

    answer = operator.post(f"/api/v1/failover/{job.job_id}/cancel", {"reason": "wrong VM"})

    assert answer.status_code == 200, answer.json()
    job.refresh_from_db()
    assert job.cancel_requested_at is not None
    assert job.cancel_requested_by == "operator of the test"


def test_a_job_past_its_point_of_no_return_is_not_cancelled(operator: APIClient) -> None:
    job = _job(protected_vm(), point_of_no_return_at=timezone.now())

    answer = operator.post(f"/api/v1/failover/{job.job_id}/cancel", {})

    assert (answer.status_code, answer.json()["error_code"]) == (409, "INVALID_STATE")
    assert answer.json()["job_status"] == job.status


def test_an_answer_must_be_one_of_the_choices(operator: APIClient, viewer: APIClient) -> None:
    job = _job(protected_vm(), state="waiting_for_operator")
    question = Question.objects.create(
        job=job, kind="unclear", text="What now?", choices=[{"choice": "undo"}], asked_at=timezone.now()
    )

    shown = viewer.get(f"/api/v1/failover/{job.job_id}/status").json()
    refused = operator.post(f"/api/v1/failover/{job.job_id}/answer", {"question_id": question.pk, "choice": "guess"})

    assert [entry["id"] for entry in shown["questions"]] == [question.pk]
    assert (refused.status_code, refused.json()["error_code"]) == (409, "INVALID_STATE")
    question.refresh_from_db()
    assert question.answered_at is None


def test_who_cancelled_and_why_is_on_the_timeline(operator: APIClient) -> None:
    job = _job(protected_vm())

    operator.post(f"/api/v1/failover/{job.job_id}/cancel", {"reason": "wrong VM"})

    event = job.events.get(kind="cancel_requested")
    assert (event.actor, event.fields["reason"]) == ("operator of the test", "wrong VM")


def test_who_answered_and_why_is_with_the_question_and_on_the_timeline(operator: APIClient) -> None:
    job = _job(protected_vm(), state="waiting_for_operator")
    question = Question.objects.create(
        job=job, kind="unclear", text="What now?", choices=[{"choice": "leave"}], asked_at=timezone.now()
    )

    asked = {"question_id": question.pk, "choice": "leave", "reason": "seen it in the cloud"}
    operator.post(f"/api/v1/failover/{job.job_id}/answer", asked)

    question.refresh_from_db()
    event = job.events.get(kind="answered")
    assert (question.answered_by, question.answer_reason) == ("operator of the test", "seen it in the cloud")
    assert (event.actor, event.fields["reason"]) == ("operator of the test", "seen it in the cloud")


def test_who_asked_for_a_cleanup_and_why_is_on_the_timeline(operator: APIClient) -> None:
    vm = protected_vm()
    job = _job(vm, job_id=f"test-failover-{vm.vm_id}-1", job_type="test", state="window_open")

    answer = operator.delete(f"/api/v1/failover/test/{job.job_id}?reason=seen%20enough")

    event = job.events.get(kind="cleanup_requested")
    assert (answer.status_code, event.actor, event.fields["reason"]) == (200, "operator of the test", "seen enough")


@pytest.mark.parametrize("page", ["access/apitoken", "networks/networkmapping", "validation/validationcheck"])
def test_the_admin_shows_lists(page: str, django_user_model: Any) -> None:
    mapped(protected_vm())
    create_token(name="portal", role=RoleName.VIEWER)
    browser = Client()
    browser.force_login(django_user_model.objects.create_superuser("root", password="a long password"))

    assert browser.get(f"/admin/{page}/").status_code == 200


def test_a_token_revoked_in_the_admin_is_refused(django_user_model: Any) -> None:
    token, text = create_token(name="portal", role=RoleName.VIEWER)
    browser = Client()
    browser.force_login(django_user_model.objects.create_superuser("root", password="a long password"))

    browser.post("/admin/access/apitoken/", {"action": "revoke", "_selected_action": [token.pk]})

    assert ApiToken.objects.get(pk=token.pk).revoked_at is not None
    assert valid_token(text, now=timezone.now()) is None
