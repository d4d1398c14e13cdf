"""This will show that pages open, show no secret, load nothing from elsewhere, and leave the journal alone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from failover_project.api.page_policies import ADMIN, DESCRIPTIONS
from inventory.models import ProtectedVM, TargetCloud
from jobs.models import FailoverJob, JobState, StepAttempt, WorldLook
from tests.admin.conftest import browser_of
from tests.support.inventory_of import ScenarioInventory
from tests.support.service import Service

_ELSEWHERE = re.compile(r"""(?:\bsrc|<link[^>]*\bhref|\baction|srcset|url\()\s*=?\s*["'(]?\s*(?:https?:)?//""")
JOURNAL = ("failoverjob", "plan", "step", "stepattempt", "jobevent", "question", "reservation")


def _models() -> list[str]:
    return sorted(f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry)


@pytest.fixture
def finished(service: Service) -> FailoverJob:
    """Give a live failover that ended well."""
    job = service.start_live(_vm_id())
    service.run()
    job.refresh_from_db()
    return job


def _vm_id() -> str:
    return ProtectedVM.objects.get(name="one").vm_id


def _page(job: FailoverJob) -> str:
    return reverse("admin:jobs_failoverjob_change", args=[job.pk])


def test_every_model_of_the_service_has_a_page() -> None:
    labels = {model._meta.app_label for model in admin.site._registry}
    registered = set(_models())

    assert {"jobs", "inventory", "networks", "validation", "access", "auth"} <= labels
    assert {f"jobs_{name}" for name in JOURNAL} <= registered


@pytest.mark.slow
def test_every_list_opens_and_loads_nothing_from_elsewhere(root: Client, finished: FailoverJob) -> None:
    for model in _models():
        answer = root.get(reverse(f"admin:{model}_changelist"), {"q": finished.job_id})

        assert answer.status_code == 200, model
        assert _ELSEWHERE.findall(answer.content.decode()) == [], model


def test_lists_show_times_to_the_second_as_logs_do_and_the_id_of_a_job_in_one_piece(
    root: Client, finished: FailoverJob
) -> None:
    page = root.get(reverse("admin:jobs_failoverjob_changelist")).content.decode()

    assert f"{finished.created_at:%Y-%m-%d %H:%M:%S}" in page
    assert f'<span class="fo-whole">{finished.job_id}</span>' in page
    assert "a.m." not in page and "p.m." not in page


def test_pages_name_jobs_and_vms_as_they_are_written(root: Client, finished: FailoverJob) -> None:
    for page in (_page(finished), reverse("admin:inventory_protectedvm_change", args=[finished.vm_id])):
        text = root.get(page).content.decode()
        # A name is typed to confirm a rollback: "One" is not "one".
        for name in (finished.job_id, finished.vm_name):
            assert re.search(rf">\s*{name.capitalize()}\s*<", text) is None
    assert re.search(rf">\s*{finished.job_id}\s*</a>", root.get(_page(finished)).content.decode())


def test_pages_of_job_vm_start_verb_and_overview_load_nothing_from_elsewhere(
    root: Client, finished: FailoverJob
) -> None:
    pages = (
        reverse("admin:index"),
        reverse("console-work"),
        reverse("console-health"),
        _page(finished),
        reverse("admin:jobs_failoverjob_cancel", args=[finished.pk]),
        reverse("admin:inventory_protectedvm_change", args=[finished.vm_id]),
        reverse("admin:inventory_protectedvm_start_live", args=[finished.vm_id]),
        "/admin/login/",
    )
    for page in pages:
        answer = root.get(page, follow=True)
        assert answer.status_code == 200, page
        assert _ELSEWHERE.findall(answer.content.decode()) == [], page
        assert answer["Content-Security-Policy"] == ADMIN


def test_each_kind_of_page_has_its_own_policy_and_what_is_no_page_has_none(root: Client) -> None:
    def policy(path: str) -> str | None:
        return root.get(path).headers.get("Content-Security-Policy")

    assert ADMIN != DESCRIPTIONS
    assert policy("/swagger/index.html") == policy("/redoc/") == DESCRIPTIONS
    assert policy("/api/v1/schema") is None


def test_a_jobs_page_tells_its_steps_attempts_and_events(root: Client, finished: FailoverJob) -> None:
    text = root.get(_page(finished)).content.decode()

    titles = finished.plans.get().steps.values_list("title", flat=True)
    assert all(title.partition("'")[0] in text for title in titles)
    assert all(attempt.async_job_id in text for attempt in StepAttempt.objects.all())
    assert "The failover was asked for." in text


def test_the_timeline_renews_itself_until_the_job_is_finished(root: Client, service: Service) -> None:
    job = service.start_live(_vm_id())
    address = reverse("admin:jobs_failoverjob_timeline", args=[job.pk])

    moving = root.get(address).content.decode()
    service.run()
    ended = root.get(address).content.decode()

    assert f'hx-get="{address}" hx-trigger="every 2s"' in moving
    assert "hx-get" not in ended
    # The part only: no second page within the page.
    assert "<html" not in moving


def test_no_row_of_the_journal_is_added_changed_or_deleted_by_a_superuser(root: Client, finished: FailoverJob) -> None:
    del finished
    for model in JOURNAL:
        _assert_unchangeable(root, model)


def _assert_unchangeable(root: Client, model: str) -> None:
    rows: Any = next(m for m in admin.site._registry if m._meta.label_lower == f"jobs.{model}")
    before = list(rows.objects.order_by("pk").values())
    some = before[0]["id"] if before else 1

    assert root.get(reverse(f"admin:jobs_{model}_add")).status_code == 403, model
    assert root.post(reverse(f"admin:jobs_{model}_add"), {}).status_code == 403
    assert root.post(reverse(f"admin:jobs_{model}_delete", args=[some]), {"post": "yes"}).status_code in {302, 403}
    root.post(reverse(f"admin:jobs_{model}_change", args=[some]), {"state": "failed", "status": "failed"})
    root.post(
        reverse(f"admin:jobs_{model}_changelist"),
        {"action": "delete_selected", "_selected_action": str(some), "post": "yes"},
    )

    assert list(rows.objects.order_by("pk").values()) == before, model


@pytest.mark.slow
def test_no_page_shows_the_keys_of_a_cloud(root: Client, finished: FailoverJob) -> None:
    cloud = TargetCloud.objects.get()
    secrets = (cloud.api_key, cloud.secret_key, cloud.api_key_sealed, cloud.secret_key_sealed)
    pages = (
        reverse("admin:inventory_targetcloud_changelist"),
        reverse("admin:inventory_targetcloud_change", args=[cloud.pk]),
        reverse("admin:inventory_targetcloud_history", args=[cloud.pk]),
        _page(finished),
    )
    for page in pages:
        text = root.get(page).content.decode()
        assert not any(secret in text for secret in secrets), page


@pytest.mark.parametrize("model", ["failoverjob", "plan", "step", "stepattempt", "jobevent"])
def test_a_longer_list_needs_no_more_queries(root: Client, service: Service, model: str) -> None:
    address = reverse(f"admin:jobs_{model}_changelist")
    jobs = [service.start_live(vm_id) for vm_id in _vm_ids()[:1]]
    root.get(address)
    with CaptureQueriesContext(connection) as few:
        root.get(address)
    jobs += [service.start_live(vm_id) for vm_id in _vm_ids()[1:]]
    with CaptureQueriesContext(connection) as many:
        root.get(address)

    assert len(many) == len(few) <= 8
    assert not any("count(*)" in query["sql"].lower() for query in many)


def _vm_ids() -> list[str]:
    return list(ProtectedVM.objects.order_by("pk").values_list("vm_id", flat=True))


@pytest.mark.slow
def test_pages_that_renew_themselves_need_no_more_queries_for_more(root: Client, service: Service) -> None:
    first, *others = _vm_ids()
    job = service.start_live(first)
    addresses = (
        reverse("console-work"),
        reverse("admin:jobs_failoverjob_timeline", args=[job.pk]),
    )
    few = [_queries(root, address) for address in addresses]
    for vm_id in others:
        service.start_live(vm_id)
    service.run()
    many = [_queries(root, address) for address in addresses]

    assert many[0] <= few[0] <= 18
    assert many[1] <= 22


def _queries(client: Client, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    return len(queries)


def test_the_overview_names_failed_jobs_and_counts_ready_vms(root: Client, finished: FailoverJob) -> None:
    FailoverJob.objects.filter(pk=finished.pk).update(
        outcome="failed", state=JobState.FINISHED, error_message="the cloud said no", completed_at=timezone.now()
    )

    text = root.get("/admin/").content.decode()

    assert "Failed in the last day" in text and "the cloud said no" in text
    assert "Protected VMs: 3" in text


def test_who_is_in_no_group_sees_nothing(db: None, django_user_model: Any, finished: FailoverJob) -> None:
    nobody = browser_of(django_user_model, "")

    page = nobody.get("/admin/").content.decode()
    assert "none of the groups" in page and "What moves" not in page
    assert nobody.get(reverse("console-work")).status_code == 403
    assert nobody.get(reverse("console-health")).status_code == 403
    assert nobody.get(_page(finished)).status_code == 403
    assert nobody.get(reverse("admin:jobs_failoverjob_timeline", args=[finished.pk])).status_code == 403


def test_a_viewer_sees_all_and_configures_nothing(viewer: Client, finished: FailoverJob) -> None:
    cloud = TargetCloud.objects.get()

    assert viewer.get(_page(finished)).status_code == 200
    assert viewer.get(reverse("admin:inventory_targetcloud_change", args=[cloud.pk])).status_code == 200
    changed = viewer.post(reverse("admin:inventory_targetcloud_change", args=[cloud.pk]), {"name": "x"})
    assert changed.status_code == 403
    assert viewer.get(reverse("admin:access_apitoken_changelist")).status_code == 403
    assert viewer.get(reverse("admin:auth_user_changelist")).status_code == 403


def test_the_overview_tells_how_each_cloud_differed_at_the_last_comparison(
    viewer: Client, inventory: ScenarioInventory
) -> None:
    finding = {"weight": "alarm", "words": "The replica hangs on VM <b>stranger</b>", "what_to_do": "Detach it"}
    now = timezone.now()
    WorldLook.objects.create(cloud=inventory.cloud, began_at=now, read_at=now, findings=[finding])

    page = viewer.get(reverse("console-health")).content.decode()

    assert "1 difference<" in page and "Detach it" in page
    assert "VM &lt;b&gt;stranger&lt;/b&gt;" in page
