"""This will prove that what people do reaches the audit: jobs, mappings, tokens, inventory, logins, the admin."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from audit.models import AuditEvent
from audit.sealing import Sealer
from failover_project.api.models import ApiToken, RoleName
from failover_project.api.tokens import create_token, revoke_tokens
from jobs import services
from jobs.audit_trail import TimelineSealer, timeline_faults
from jobs.models import FailoverJob, JobEvent
from networks.designations import pin, unpin
from tests.support.scenes import scene

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def head_of_its_own(settings: Settings, tmp_path: Path) -> None:
    """Keep the head of each test apart."""
    settings.AUDIT_HEAD_FILE = tmp_path / "audit-head.json"


def _kinds(subject: str) -> list[str]:
    return list(AuditEvent.objects.filter(subject=subject).order_by("pk").values_list("kind", flat=True))


def test_what_is_asked_of_a_job_is_recorded_with_who_and_why() -> None:
    stage = scene()
    job = stage.service.start_live("vm-one", skip_validation=True, reason="the site burns")
    services.cancel(engine=stage.service.engine, job_id=job.job_id, actor="tester", reason="a drill")
    stage.service.run()

    created, cancelled = AuditEvent.objects.filter(subject=f"job:{job.job_id}").order_by("pk")
    assert (created.kind, created.actor) == ("created", "tester")
    assert json.loads(created.fields) == {"reason": "the site burns", "skip_validation": True, "step": ""}
    assert (cancelled.kind, json.loads(cancelled.fields)["reason"]) == ("cancel_requested", "a drill")


def test_a_token_is_recorded_when_it_is_made_and_revoked_and_its_text_never() -> None:
    _, text = create_token(name="portal", role=RoleName.OPERATOR)
    revoke_tokens(tokens=ApiToken.objects.all(), now=timezone.now(), actor="the boss")

    assert _kinds("token:portal") == ["token_made", "token_revoked"]
    assert AuditEvent.objects.get(kind="token_revoked").actor == "the boss"
    assert not [event for event in AuditEvent.objects.all() if text in f"{event.words}{event.fields}"]


def test_networks_and_inventory_are_recorded() -> None:
    scene()
    pin(network_id="N-1", is_test_network=True)
    unpin(network_id="n-1")

    assert _kinds("network:n-1") == ["network_pinned", "network_unpinned"]
    assert _kinds("inventory") == ["inventory_imported"]


def test_a_change_by_the_api_is_recorded_with_its_answer_and_a_read_is_not() -> None:
    _, text = create_token(name="portal", role=RoleName.VIEWER)
    caller = APIClient(raise_request_exception=False)
    caller.credentials(HTTP_AUTHORIZATION=f"Token {text}")

    caller.get("/api/v1/failover/jobs")
    answer = caller.post("/api/v1/failover/live", {"vm_id": "vm-one"}, headers={"X-Request-ID": "asked-once"})
    APIClient().post("/api/v1/failover/live", {"vm_id": "vm-one"})

    event = AuditEvent.objects.get(kind="api_request")
    assert answer.status_code == 403 == json.loads(event.fields)["status"]
    assert (event.actor, event.subject, event.request_id) == ("portal", "/api/v1/failover/live", "asked-once")


def test_logins_and_changes_in_the_admin_are_recorded() -> None:
    User.objects.create_superuser("root", password="correct horse")
    browser = Client()
    browser.post("/admin/login/", {"username": "root", "password": "wrong"})
    browser.post("/admin/login/?next=/admin/", {"username": "root", "password": "correct horse"})
    browser.post("/admin/auth/group/add/", {"name": "night shift"})
    browser.post("/admin/logout/")

    kinds = list(AuditEvent.objects.exclude(kind="api_request").order_by("pk").values_list("kind", "actor"))
    assert kinds == [("login_failed", "root"), ("login", "root"), ("admin_change", "root"), ("logout", "root")]
    assert AuditEvent.objects.get(kind="admin_change").words == "Addition: night shift"


def _ended() -> FailoverJob:
    stage = scene()
    job = stage.service.start_live("vm-one")
    stage.service.run()
    job.refresh_from_db()
    assert TimelineSealer().seal_ended(now=stage.service.clock.now() + timedelta(minutes=1)) == 1
    return job


def test_the_timeline_of_an_ended_job_is_sealed_once_and_again_after_an_addition() -> None:
    job = _ended()
    later = timezone.now() + timedelta(days=99999)
    sealer = TimelineSealer()

    assert sealer.seal_ended(now=later) == 0
    JobEvent.objects.create(job=job, at=timezone.now(), kind="orphan", message="later")
    assert (sealer.seal_ended(now=later), sealer.seal_ended(now=later)) == (1, 0)
    assert timeline_faults() == []


@pytest.mark.parametrize("how", ["change", "delete", "job"])
def test_a_timeline_that_was_tampered_with_is_found(how: str) -> None:
    job = _ended()
    event = job.events.order_by("pk")[1]
    match how:
        case "change":
            JobEvent.objects.filter(pk=event.pk).update(message="nothing happened")
        case "delete":
            event.delete()
        case _:
            job.delete()

    (fault,) = timeline_faults()
    assert job.job_id in fault


def test_the_command_says_whether_the_audit_is_sound() -> None:
    job = _ended()
    Sealer().seal_pending()

    assert _verify() == (0, "")
    JobEvent.objects.filter(job=job).update(actor="somebody else")
    status, complaint = _verify()
    assert status == 1 and job.job_id in complaint


def _verify() -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as left:
        call_command("verify_audit", stdout=out, stderr=err)
    assert "head" in out.getvalue()
    return int(left.value.code or 0), err.getvalue()
