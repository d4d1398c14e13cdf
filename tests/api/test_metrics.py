"""This will prove that a scrape tells what is so, to whom it may, and that counts of all processes are in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from cloudstack_simulator import Fault, Simulator
from inventory.models import ReplicaState, ReplicaVolume, TargetCloud
from inventory.tallies.counting import TALLIES, Tallies
from inventory.tallies.models import Tally
from jobs.models import FailoverJob, PulsePart
from jobs.pulses import note_round
from notifications.models import Channel, Delivery, Event, Notification
from tests.api.test_probes import engines_run
from tests.support.inventory_of import ScenarioInventory
from tests.support.scenes import scene
from tests.support.service import Service

TOKEN = "m" + "etrics-0123456789-abcdefghijklmnop"
Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(autouse=True)
def nothing_counted_before() -> Iterator[None]:
    """Let no count of another test into this one's database."""
    TALLIES._counts.clear()
    yield
    TALLIES._counts.clear()


def figures(text: str) -> Figures:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scraped(caller: APIClient) -> Figures:
    answer = caller.get("/metrics")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return figures(answer.content.decode())


def of(found: Figures, name: str, **labels: str) -> float:
    return found[f"failover_{name}", frozenset(labels.items())]


def test_the_token_of_the_scraper_opens_the_metrics_and_nothing_else(
    anybody: APIClient, db: None, settings: Any
) -> None:
    settings.METRICS_TOKEN = TOKEN

    def status(path: str, token: str) -> int:
        return int(anybody.get(path, HTTP_AUTHORIZATION=f"Bearer {token}").status_code)

    assert [status("/metrics", TOKEN), status("/metrics", TOKEN[:-1])] == [200, 401]
    assert status("/api/v1/debug/health", TOKEN) == 401


def test_without_a_token_of_the_scraper_an_empty_one_opens_nothing(anybody: APIClient, db: None) -> None:
    assert anybody.get("/metrics", HTTP_AUTHORIZATION="Bearer ").status_code == 401


@pytest.mark.django_db
def test_ages_and_clouds_are_those_of_health(viewer: APIClient, inventory: ScenarioInventory) -> None:
    engines_run(timezone.now())
    note_round(PulsePart.CANARY, ended_at=timezone.now() - timedelta(seconds=70), seconds=1.5)
    TargetCloud.objects.update(endpoint="http://127.0.0.1:9/client/api")

    found = scraped(viewer)

    assert 70 <= of(found, "round_age_seconds", part="canary") < 80
    assert of(found, "round_age_seconds", part="watcher") < 10
    assert (of(found, "part_well", part="canary"), of(found, "part_well", part="sweeper")) == (0, 1)
    assert of(found, "cloud_reachable", cloud="simulated") == 0
    assert of(found, "canary_round_trip_seconds") == 1.5
    assert (of(found, "processes_alive"), of(found, "broker_messages")) == (1, 0)


@pytest.mark.slow
def test_jobs_are_counted_by_state_and_questions_by_kind(
    viewer: APIClient, service: Service, simulator: Simulator, world_rows: ScenarioInventory
) -> None:
    service.start_live("vm-one")
    service.run()
    simulator.faults.add(Fault("createSnapshot", "hang"))
    service.start_live("vm-two")
    service.run()

    found = scraped(viewer)

    assert of(found, "jobs", job_type="live", state="finished") == 1
    assert of(found, "jobs", job_type="live", state="waiting_for_operator") == 1
    assert of(found, "jobs", job_type="test", state="running") == 0
    assert of(found, "questions_open", kind="endless_job") == 1


def test_work_that_nobody_looks_at_shows_by_how_much_it_is_late(viewer: APIClient, service: Service) -> None:
    service.start_live("vm-one")
    FailoverJob.objects.update(next_look_at=timezone.now() - timedelta(seconds=40))

    assert 40 <= of(scraped(viewer), "due_lag_seconds") < 50


def test_a_failover_is_counted_with_its_seconds_step_by_step(viewer: APIClient, service: Service) -> None:
    job = service.start_live("vm-one")
    service.run()
    TALLIES.flush()
    job.refresh_from_db()

    found = scraped(viewer)

    assert of(found, "jobs_ended_total", job_type="live", outcome="succeeded") == 1
    assert of(found, "jobs_ended_total", job_type="live", outcome="failed") == 0
    took = (job.completed_at - job.created_at).total_seconds() if job.completed_at else 0
    assert of(found, "time_to_running_seconds_sum", job_type="live") == pytest.approx(took)
    assert of(found, "time_to_running_seconds_count", job_type="live") == 1
    assert of(found, "step_seconds_count", command="deploy_target") == 1
    bounds = [value for (name, labels), value in found.items() if name == "failover_step_seconds_bucket"]
    assert (
        bounds and ("failover_step_seconds_bucket", frozenset({("command", "deploy_target"), ("le", "+Inf")})) in found
    )
    buckets = [of(found, "step_seconds_bucket", command="deploy_target", le=le) for le in ("0.1", "10.0", "+Inf")]
    assert buckets == sorted(buckets) and buckets[-1] == 1


@pytest.mark.django_db
def test_a_test_counts_as_running_when_its_vm_was_seen_and_an_overdue_one_is_shown(viewer: APIClient) -> None:
    service = scene().service
    job = service.start_test("vm-two", window_seconds=60)
    service.run()
    FailoverJob.objects.filter(pk=job.pk).update(overdue_since=timezone.now())
    TALLIES.flush()

    found = scraped(viewer)

    assert of(found, "time_to_running_seconds_count", job_type="test") == 1
    assert of(found, "tests_overdue") == 1
    assert of(found, "jobs_ended_total", job_type="test", outcome="succeeded") == 0


@pytest.mark.django_db
def test_replicas_are_counted_by_state(viewer: APIClient, inventory: ScenarioInventory) -> None:
    first = ReplicaVolume.objects.order_by("pk").values_list("pk", flat=True)[:1]
    ReplicaVolume.objects.filter(pk__in=list(first)).update(state=ReplicaState.UNVERIFIED)

    found = scraped(viewer)

    assert (of(found, "replicas", state="unverified"), of(found, "replicas", state="good")) == (1, 5)


@pytest.mark.django_db
def test_the_outbox_tells_how_late_it_is(viewer: APIClient) -> None:
    now = timezone.now()
    told = Notification.objects.create(event=Event.STARTED, subject="j", words="w", created_at=now, fanned_out_at=now)
    late = now - timedelta(seconds=100)
    Delivery.objects.create(notification=told, channel=Channel.EMAIL, receiver="ops@example.net", next_try_at=late)

    found = scraped(viewer)

    assert of(found, "notifications_waiting") == 1
    assert 100 <= of(found, "outbox_lag_seconds") < 110


@pytest.mark.django_db
def test_calls_are_counted_by_command_and_outcome_for_all_processes(
    viewer: APIClient, inventory: ScenarioInventory
) -> None:
    viewer.get("/api/v1/failover/vm-one/readiness")
    TALLIES.flush()
    first = of(scraped(viewer), "cloudstack_calls_total", cloud="simulated", command="listVolumes", outcome="answered")
    another_process = Tallies()
    labels = {"cloud": "simulated", "command": "listVolumes", "outcome": "answered"}
    another_process.add("cloudstack_calls", labels, by=3)
    another_process.flush()

    found = scraped(viewer)

    assert first > 0
    assert of(found, "cloudstack_calls_total", **labels) == first + 3
    assert of(found, "cloudstack_call_seconds_sum", cloud="simulated", command="listVolumes") > 0


def test_a_call_that_got_no_answer_is_counted_as_such(
    viewer: APIClient, service: Service, simulator: Simulator
) -> None:
    simulator.faults.add(Fault("deployVirtualMachine", "lost_answer"))
    service.start_live("vm-one")
    service.run()
    TALLIES.flush()

    found = scraped(viewer)

    deployed = {"cloud": "simulated", "command": "deployVirtualMachine"}
    assert of(found, "cloudstack_calls_total", outcome="no_answer", **deployed) == 1


@pytest.mark.django_db
def test_what_cannot_be_flushed_is_kept_and_flushed_later() -> None:
    tallies = Tallies()
    tallies.add("jobs_ended", {"job_type": "live", "outcome": "failed"}, by=2)
    with pytest.raises(DatabaseError), transaction.atomic():
        _rename("tallies_tally", "tallies_away")
        tallies.flush()
    tallies.add("jobs_ended", {"job_type": "live", "outcome": "failed"})

    assert tallies.flush() == 1
    assert Tally.objects.get().total == 3


def test_without_a_database_the_one_thing_to_say_is_said(anybody: APIClient, settings: Any, db: None) -> None:
    settings.METRICS_TOKEN = TOKEN
    _rename("jobs_pulse", "jobs_pulse_of_tomorrow")

    answer = anybody.get("/metrics", HTTP_AUTHORIZATION=f"Bearer {TOKEN}")

    found = figures(answer.content.decode())
    assert (answer.status_code, list(found)) == (200, [("failover_part_well", frozenset({("part", "database")}))])
    assert of(found, "part_well", part="database") == 0


@pytest.mark.django_db
def test_the_number_of_queries_of_a_scrape_does_not_grow_with_what_there_is(
    viewer: APIClient, service: Service
) -> None:
    scraped(viewer)
    with CaptureQueriesContext(connection) as before:
        scraped(viewer)
    service.start_live("vm-one")
    service.run()
    TALLIES.flush()

    with CaptureQueriesContext(connection) as after:
        scraped(viewer)

    assert len(after) == len(before) < 40


def _rename(table: str, other: str) -> None:
    """Take a table away; the test's transaction, or the savepoint around it, brings it back."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {other}")
