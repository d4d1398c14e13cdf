"""The console says of a VM that failed over that it did, and of every VM what its newest checks and syncs mean."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from debugtools.dashboard import work
from inventory.models import ProtectedVM, ReplicaState, ReplicaVolume
from jobs.console import vm_list
from jobs.models import FailoverJob
from networks.models import Purpose
from tests.support.service import Service
from validation.models import CheckStatus, CheckType, ValidationCheck

VMS = reverse("admin:inventory_protectedvm_changelist")


def _checked(name: str, *, status: CheckStatus, purpose: Purpose = Purpose.LIVE) -> ProtectedVM:
    vm = ProtectedVM.objects.get(name=name)
    ValidationCheck.objects.filter(vm=vm, purpose=purpose).delete()
    ValidationCheck.objects.create(
        vm=vm,
        purpose=purpose,
        position=1,
        check_name="Sync Status",
        check_type=CheckType.CRITICAL,
        status=status,
        message="as found",
        checked_at=timezone.now() - timedelta(days=2000),
    )
    return vm


def _row(name: str) -> tuple[str | None, str | None, str]:
    vm = vm_list.told(ProtectedVM.objects.filter(name=name)).get()
    return vm_list.readiness_of(vm, Purpose.LIVE), vm_list.readiness_of(vm, Purpose.TEST), vm_list.failover_of(vm)


@pytest.fixture
def failed_over(service: Service) -> FailoverJob:
    """Give a live failover that ended well, of a VM that a check had found ready before."""
    vm = _checked("one", status=CheckStatus.PASS)
    job = service.start_live(vm.vm_id)
    service.run()
    job.refresh_from_db()
    return job


def test_the_overview_counts_a_failed_over_vm_neither_ready_nor_unchecked(failed_over: FailoverJob) -> None:
    _checked("two", status=CheckStatus.FAIL)

    shown = work(now=timezone.now())

    live = next(found for found in shown["readiness"]["purposes"] if found["purpose"] == Purpose.LIVE)
    assert (live["ready"], live["not_ready"], live["unknown"]) == (0, 1, 1)
    assert shown["readiness"]["failed_over"] == 1
    assert [job.pk for job in shown["ways_back"]["rows"]] == [failed_over.pk]


def test_a_committed_failover_has_no_way_back_and_its_vm_stays_failed_over(
    failed_over: FailoverJob, viewer: Client
) -> None:
    FailoverJob.objects.filter(pk=failed_over.pk).update(outcome="committed")
    ReplicaVolume.objects.filter(disk__vm=failed_over.vm).update(state=ReplicaState.HANDED_OVER)

    shown = work(now=timezone.now())

    assert (shown["ways_back"]["rows"], shown["readiness"]["failed_over"]) == ([], 1)
    assert _row("one") == (None, None, "failed over, committed")
    page = viewer.get(reverse("admin:inventory_protectedvm_change", args=[failed_over.vm_id])).content.decode()
    assert "there is no replica left to fail over to" in page and "failed over since it was checked" in page


def test_a_vm_that_was_rolled_back_counts_again(failed_over: FailoverJob) -> None:
    FailoverJob.objects.filter(pk=failed_over.pk).update(outcome="rolled_back")

    assert work(now=timezone.now())["readiness"]["failed_over"] == 0
    assert _row("one")[2] == ""


def test_a_replica_that_fell_in_doubt_since_the_check_makes_its_vm_not_ready(viewer: Client, service: Service) -> None:
    del service
    vm = _checked("two", status=CheckStatus.PASS)
    page = reverse("admin:inventory_protectedvm_change", args=[vm.pk])
    assert _row("two")[0] == "ready" and "in doubt" not in viewer.get(page).content.decode()
    ReplicaVolume.objects.filter(disk__vm=vm, disk__position=1).update(state=ReplicaState.UNVERIFIED)

    shown = work(now=timezone.now())

    live = next(found for found in shown["readiness"]["purposes"] if found["purpose"] == Purpose.LIVE)
    assert (live["ready"], live["not_ready"], live["unknown"]) == (0, 1, 2)
    assert _row("two")[0] == "not ready"
    assert "not ready: a replica fell in doubt since it was checked" in viewer.get(page).content.decode()


def test_the_list_of_vms_says_what_was_found_of_each_and_what_is_under_way(service: Service) -> None:
    _checked("one", status=CheckStatus.PASS)
    _checked("one", status=CheckStatus.SKIPPED, purpose=Purpose.TEST)
    service.start_live(ProtectedVM.objects.get(name="two").vm_id)
    ValidationCheck.objects.filter(vm__name="two").delete()

    assert _row("one") == ("ready", "not ready", "")
    assert _row("two") == ("never checked", "never checked", "live: queued")


def test_the_list_of_vms_shows_the_age_of_the_oldest_disk_with_its_zone(viewer: Client, service: Service) -> None:
    del service
    first, *others = ReplicaVolume.objects.filter(disk__vm__name="two").order_by("pk")
    assert others
    old = timezone.now() - timedelta(days=2000)
    ReplicaVolume.objects.filter(pk=first.pk).update(last_sync_at=old)

    shown = viewer.get(VMS).content.decode()
    assert f"{old:%Y-%m-%d %H:%M:%S} UTC" in shown

    ReplicaVolume.objects.filter(pk=first.pk).update(last_sync_at=None)
    assert "never synced" in viewer.get(VMS).content.decode()


def test_the_list_of_vms_asks_once_whatever_it_tells(viewer: Client, failed_over: FailoverJob) -> None:
    del failed_over
    viewer.get(VMS)
    with CaptureQueriesContext(connection) as many:
        viewer.get(VMS)
    with CaptureQueriesContext(connection) as few:
        viewer.get(VMS, {"q": "one"})

    assert len(many) == len(few)


def test_the_page_of_a_failed_over_vm_names_the_job_and_calls_older_findings_old(
    viewer: Client, failed_over: FailoverJob
) -> None:
    page = reverse("admin:inventory_protectedvm_change", args=[failed_over.vm_id])
    text = viewer.get(page).content.decode()

    assert "failed over since it was checked" in text
    assert reverse("admin:jobs_failoverjob_change", args=[failed_over.pk]) in text
    assert "roll it back or commit it there" in text


def test_the_overview_says_whose_way_back_is_open_and_until_when(viewer: Client, failed_over: FailoverJob) -> None:
    ends = timezone.now() + timedelta(hours=4)
    FailoverJob.objects.filter(pk=failed_over.pk).update(
        rollback_window_ends_at=ends, after_rollback_window="roll_back"
    )

    text = viewer.get(reverse("console-work")).content.decode()

    assert "with the way back open" in text
    assert f"until {ends:%Y-%m-%d %H:%M} UTC, then roll back" in text


def test_the_overview_counts_who_waits_for_an_answer(viewer: Client, failed_over: FailoverJob) -> None:
    FailoverJob.objects.filter(pk=failed_over.pk).update(state="waiting_for_operator", outcome=None)

    assert "0 running, 0 queued, 1 waiting for an answer, " in viewer.get(reverse("console-work")).content.decode()


def test_times_on_the_page_of_a_job_have_their_zone(viewer: Client, failed_over: FailoverJob) -> None:
    text = viewer.get(reverse("admin:jobs_failoverjob_change", args=[failed_over.pk])).content.decode()

    assert f"{failed_over.completed_at:%Y-%m-%d %H:%M:%S} UTC" in text
    assert "Began (UTC)" in text and "(times in UTC)" in text


def test_times_on_the_page_of_a_job_follow_the_zone_of_the_settings(
    viewer: Client, failed_over: FailoverJob, settings: object
) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"  # type: ignore[attr-defined]

    text = viewer.get(reverse("admin:jobs_failoverjob_change", args=[failed_over.pk])).content.decode()

    assert failed_over.completed_at is not None
    assert f"{failed_over.completed_at + timedelta(hours=9):%Y-%m-%d %H:%M:%S} JST" in text


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/admin/nope/", 404, "jobs that ended long ago may have been purged"),
        ("/admin/access/apitoken/", 403, "Your user lacks the role"),
    ],
)
def test_an_error_page_says_what_it_means_and_leads_back(viewer: Client, address: str, status: int, words: str) -> None:
    answer = viewer.get(address)

    assert answer.status_code == status
    assert words in answer.content.decode()
    assert f'href="{reverse("admin:index")}"' in answer.content.decode()


def test_a_form_without_its_token_is_told_that_nothing_was_done(viewer: Client) -> None:
    strict = Client(enforce_csrf_checks=True)

    answer = strict.post("/admin/login/", {"username": "x", "password": "y"})

    assert answer.status_code == 403
    assert "Nothing was done" in answer.content.decode()
