"""This will prove that lists of jobs are filtered, paged and counted as they say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from inventory.models import ProtectedVM
from jobs import listing
from jobs.models import FailoverJob
from tests.support.inventory_of import ScenarioInventory

pytestmark = pytest.mark.django_db

JOBS = "/api/v1/failover/jobs"
BEGAN = datetime(2025, 8, 18, 15, 15, tzinfo=UTC)


@pytest.fixture
def vm(world_rows: ScenarioInventory) -> ProtectedVM:
    """Give a VM that jobs can be of."""
    return world_rows.vms["two"]


def make_jobs(vm: ProtectedVM, count: int, *, apart: timedelta = timedelta(minutes=1), first: int = 0) -> None:
    """Write ended jobs, one after the other; every other one failed."""
    FailoverJob.objects.bulk_create(
        FailoverJob(
            job_id=f"live-failover-{vm.vm_id}-{number}",
            job_type="test" if number % 3 == 0 else "live",
            vm=vm,
            source_vm_id=vm.vm_id,
            vm_name=vm.name,
            marker=f"m{number}",
            endpoint="north",
            status="completed" if number % 2 else "failed",
            state="finished",
            outcome="succeeded" if number % 2 else "failed",
            created_at=BEGAN + number * apart,
        )
        for number in range(first, first + count)
    )


def numbers(body: dict[str, Any]) -> list[int]:
    """Give the numbers of the listed jobs."""
    return [int(job["job_id"].rsplit("-", 1)[1]) for job in body["jobs"]]


def test_following_the_cursor_shows_every_job_once_newest_first(viewer: APIClient, vm: ProtectedVM) -> None:
    make_jobs(vm, 10)
    seen, cursor = [], ""

    while True:
        body = viewer.get(f"{JOBS}?limit=3&cursor={cursor}").json()
        seen.append(numbers(body))
        cursor = body["next_cursor"]
        if cursor is None:
            break

    assert seen == [[9, 8, 7], [6, 5, 4], [3, 2, 1], [0]]


def test_a_page_that_ends_with_the_list_has_no_next_one(viewer: APIClient, vm: ProtectedVM) -> None:
    make_jobs(vm, 3)

    assert viewer.get(f"{JOBS}?limit=3").json()["next_cursor"] is None


def test_jobs_of_one_moment_are_neither_lost_nor_shown_twice_between_pages(viewer: APIClient, vm: ProtectedVM) -> None:
    make_jobs(vm, 5, apart=timedelta(0))

    first = viewer.get(f"{JOBS}?limit=2").json()
    second = viewer.get(JOBS, {"limit": 3, "cursor": first["next_cursor"]}).json()

    assert (numbers(first), numbers(second)) == ([4, 3], [2, 1, 0])


def test_jobs_that_start_while_somebody_pages_do_not_move_his_pages(viewer: APIClient, vm: ProtectedVM) -> None:
    make_jobs(vm, 4)
    first = viewer.get(f"{JOBS}?limit=2").json()
    make_jobs(vm, 5, first=4)

    assert numbers(viewer.get(JOBS, {"limit": 2, "cursor": first["next_cursor"]}).json()) == [1, 0]


def test_a_cursor_keeps_to_the_filters_it_was_given_for(viewer: APIClient, vm: ProtectedVM) -> None:
    make_jobs(vm, 8)
    filters: dict[str, Any] = {"status": "completed", "limit": 2}
    cursor = viewer.get(JOBS, filters).json()["next_cursor"]

    assert numbers(viewer.get(JOBS, {**filters, "cursor": cursor}).json()) == [3, 1]
    others: list[dict[str, Any]] = [{}, {"status": "failed"}, {"status": "completed", "vm_id": vm.vm_id}]
    for other in others:
        answer = viewer.get(JOBS, {**other, "cursor": cursor})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_REQUEST")
        assert "other filters" in answer.json()["error"]


@pytest.mark.parametrize("cursor", ["x", "W10:abc", "é", "e30:AAAA", "1" * 500])
def test_a_cursor_that_this_list_did_not_give_is_400(viewer: APIClient, vm: ProtectedVM, cursor: str) -> None:
    answer = viewer.get(JOBS, {"cursor": cursor})

    assert (answer.status_code, set(answer.json()["fields"])) == (400, {"cursor"})


def test_cursor_and_offset_together_are_400(viewer: APIClient, vm: ProtectedVM) -> None:
    make_jobs(vm, 3)
    cursor = viewer.get(f"{JOBS}?limit=1").json()["next_cursor"]

    answer = viewer.get(JOBS, {"cursor": cursor, "offset": 1})

    assert (answer.status_code, "not both" in answer.json()["error"]) == (400, True)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"type": "test"}, [6, 3, 0]),
        ({"status": "failed", "type": "live"}, [4, 2]),
        ({"state": "finished", "limit": 2}, [6, 5]),
        ({"state": "running"}, []),
        ({"outcome": "failed", "limit": 2}, [6, 4]),
        ({"outcome": "committed"}, []),
        ({"vm_id": "nobody"}, []),
        ({"created_after": "2025-08-18T15:19:00Z"}, [6, 5, 4]),
        ({"created_before": "2025-08-18T15:17:00Z"}, [1, 0]),
        ({"created_after": "2025-08-18T16:16:00+01:00", "created_before": "2025-08-18T16:18:00+01:00"}, [2, 1]),
    ],
)
def test_filters_choose(viewer: APIClient, vm: ProtectedVM, query: dict[str, Any], expected: list[int]) -> None:
    make_jobs(vm, 7)

    assert numbers(viewer.get(JOBS, query).json()) == expected


@pytest.mark.parametrize(
    ("path", "known"),
    [
        (JOBS, "outcome"),
        ("/api/v1/network-mappings", "is_test_network"),
        ("/api/v1/debug/logs", "level"),
        ("/api/v1/debug/failover-jobs", "status"),
    ],
)
def test_a_filter_that_a_list_does_not_know_is_named_with_those_that_it_knows(
    operator: APIClient, path: str, known: str
) -> None:
    (warning,) = operator.get(f"{path}?outcomes=failed&limit=1").json()["warnings"]

    assert warning.startswith("Unknown parameter 'outcomes' is ignored: this list knows ")
    assert known in warning
    assert "warnings" not in operator.get(f"{path}?limit=1").json()


@pytest.mark.parametrize("query", ["cursor=abc", "cursor=abc&offset=1", "include=allowed_actions&limit=101"])
def test_what_is_wrong_with_a_parameter_is_always_a_list(viewer: APIClient, query: str) -> None:
    fields = viewer.get(f"{JOBS}?{query}").json()["fields"]

    assert fields and all(isinstance(wrong, list) for wrong in fields.values())


def test_a_plus_that_the_query_string_turned_into_a_space_is_understood(viewer: APIClient, vm: ProtectedVM) -> None:
    make_jobs(vm, 3)

    assert numbers(viewer.get(f"{JOBS}?created_after=2025-08-18T16:17:00+01:00").json()) == [2]


@pytest.mark.parametrize(
    "query",
    [
        "created_after=yesterday",
        "created_after=2025-08-18",
        "created_after=2025-08-18T15:15:00",
        "created_before=2025-13-18T15:15:00Z",
        "created_before=0001-01-01T00:00:00%2B14:00",
        "state=done",
        "outcome=done",
        "limit=0",
        "limit=1001",
        "offset=-1",
    ],
)
def test_what_cannot_be_meant_is_400_and_names_the_parameter(viewer: APIClient, vm: ProtectedVM, query: str) -> None:
    answer = viewer.get(f"{JOBS}?{query}")

    assert (answer.status_code, set(answer.json()["fields"])) == (400, {query.partition("=")[0]})


def test_totals_are_exact_up_to_the_bound_and_say_when_they_are_estimates(
    viewer: APIClient, vm: ProtectedVM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "COUNTED_EXACTLY", 20)
    make_jobs(vm, 20)
    exact = viewer.get(JOBS).json()
    make_jobs(vm, 20, first=20)
    estimated = viewer.get(JOBS).json()
    of_status = viewer.get(f"{JOBS}?status=failed").json()
    of_type = viewer.get(f"{JOBS}?type=live&limit=1").json()

    assert (exact["total_jobs"], exact["total_is_estimate"]) == (20, False)
    assert (estimated["total_jobs"], estimated["total_is_estimate"]) == (40, True)
    assert (of_status["total_jobs"], of_status["total_is_estimate"]) == (20, False)
    assert (of_type["total_is_estimate"], abs(of_type["total_jobs"] - 26) <= 1) == (True, True)


def test_a_page_costs_the_same_queries_whatever_its_length(viewer: APIClient, vm: ProtectedVM) -> None:
    make_jobs(vm, 60)
    viewer.get(JOBS)

    with CaptureQueriesContext(connection) as short:
        viewer.get(f"{JOBS}?limit=1")
    with CaptureQueriesContext(connection) as long:
        viewer.get(f"{JOBS}?limit=60")

    assert len(short) == len(long)


def test_what_may_be_done_with_each_job_is_shown_where_it_is_asked_for(viewer: APIClient, vm: ProtectedVM) -> None:
    make_jobs(vm, 2)

    plain = viewer.get(JOBS).json()["jobs"]
    told = viewer.get(f"{JOBS}?include=allowed_actions").json()["jobs"]

    assert all("allowed_actions" not in job for job in plain)
    for job in told:
        actions = viewer.get(f"/api/v1/failover/{job['job_id']}/status").json()["allowed_actions"]
        assert job["allowed_actions"] == actions
        assert all(action["allowed"] or action["reason"] for action in actions)


@pytest.mark.parametrize("query", ["include=everything", "include=allowed_actions&limit=101"])
def test_more_than_can_be_included_is_400(viewer: APIClient, vm: ProtectedVM, query: str) -> None:
    answer = viewer.get(f"{JOBS}?{query}")

    assert (answer.status_code, set(answer.json()["fields"])) == (400, {"include"})
