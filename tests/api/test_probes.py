"""This will prove that whoever looks after the processes is told what is so, quickly, and nothing that is secret."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from inventory.models import TargetCloud
from jobs.engine.sweeper import ROLE
from jobs.generation.models import ONLY, Generation
from jobs.models import ProcessLease, PulsePart, RoleLease
from jobs.pulses import note_round
from tests.support.inventory_of import ScenarioInventory

PARTS = ["database", "generation", "cloud simulated", "watcher", "sweeper", "broker", "canary"]


def engines_run(now: datetime) -> None:
    until = now + timedelta(seconds=15)
    ProcessLease.objects.create(owner="p", host="h", pid=1, started_at=now, valid_until=until)
    RoleLease.objects.create(role=ROLE, owner="p", valid_until=until, last_tick_at=now)
    for part in PulsePart:
        note_round(part, ended_at=now, seconds=0.02)


def readiness(caller: APIClient) -> tuple[int, dict[str, Any], str]:
    answer = caller.get("/readyz")
    body = answer.json()
    return answer.status_code, {part["part"]: part["reason"] for part in body["parts"]}, answer.content.decode()


def failing(caller: APIClient) -> dict[str, str]:
    status, reasons, _ = readiness(caller)
    found = {part: reason for part, reason in reasons.items() if reason}
    assert status == (503 if found else 200)
    return found


def test_a_process_that_lives_says_so_without_database_and_token(anybody: APIClient) -> None:
    # Without the database's fixture each query of this test is refused.
    answer = anybody.get("/healthz", HTTP_AUTHORIZATION="Token whatever", HTTP_ACCEPT="text/plain")

    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert anybody.head("/healthz").status_code == 200
    assert anybody.post("/healthz").status_code == 405


@pytest.mark.django_db
def test_a_service_whose_parts_all_work_is_ready(anybody: APIClient, inventory: ScenarioInventory) -> None:
    engines_run(timezone.now())

    status, reasons, _ = readiness(anybody)

    assert (status, reasons) == (200, dict.fromkeys(PARTS, ""))


@pytest.mark.django_db
@pytest.mark.parametrize(("part", "after"), [(PulsePart.SWEEPER, 21), (PulsePart.CANARY, 61)])
def test_a_part_that_stands_still_is_named_with_its_age(
    anybody: APIClient, inventory: ScenarioInventory, part: PulsePart, after: int
) -> None:
    engines_run(timezone.now())
    note_round(part, ended_at=timezone.now() - timedelta(seconds=after))

    found = failing(anybody)

    assert list(found) == [part.value]
    assert f"not for {after}" in found[part.value]


@pytest.mark.django_db
def test_a_watcher_that_stands_still_is_named(anybody: APIClient, inventory: ScenarioInventory) -> None:
    engines_run(timezone.now())
    RoleLease.objects.update(last_tick_at=timezone.now() - timedelta(seconds=30))

    assert list(failing(anybody)) == ["watcher"]


@pytest.mark.django_db
def test_a_service_that_never_carried_anything_is_not_ready(anybody: APIClient, inventory: ScenarioInventory) -> None:
    assert set(failing(anybody)) == {"watcher", "sweeper", "canary"}


@pytest.mark.slow
@pytest.mark.django_db
def test_a_cloud_that_does_not_answer_is_named_but_not_where_it_is(
    anybody: APIClient, inventory: ScenarioInventory
) -> None:
    engines_run(timezone.now())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        TargetCloud.objects.update(endpoint=f"http://{address}/client/api")

        status, reasons, text = readiness(anybody)

    assert (status, reasons["cloud simulated"]) == (503, "does not answer as it should")
    assert address not in text and "127.0.0.1" not in text


@pytest.mark.django_db
def test_a_broker_that_is_gone_is_told_without_its_password(
    anybody: APIClient, inventory: ScenarioInventory, settings: Any
) -> None:
    engines_run(timezone.now())
    settings.BROKER_URL = "redis://:s3cr3t@127.0.0.1:9/0"
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 1}

    status, reasons, text = readiness(anybody)

    assert (status, reasons["broker"]) == (503, "unreachable")
    assert "s3cr3t" not in text and "127.0.0.1" not in text


@pytest.mark.django_db
def test_a_paused_service_is_not_ready(anybody: APIClient, inventory: ScenarioInventory) -> None:
    engines_run(timezone.now())
    Generation.objects.update_or_create(
        pk=ONLY, defaults={"paused_at": timezone.now(), "paused_reason": "var/generation says 7"}
    )

    assert failing(anybody) == {"generation": "paused: the database is older than the world"}


@pytest.mark.django_db
def test_without_any_cloud_nothing_can_be_carried(anybody: APIClient) -> None:
    engines_run(timezone.now())

    assert failing(anybody) == {"clouds": "none is configured"}


@pytest.mark.django_db
def test_a_database_that_lacks_what_is_read_is_said_to_be_gone(anybody: APIClient) -> None:
    # As for a web process that is newer than its database; the test's transaction takes it back.
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE jobs_pulse RENAME TO jobs_pulse_of_tomorrow")

    status, reasons, text = readiness(anybody)

    assert (status, reasons) == (503, {"database": "does not answer; nothing else can be said"})
    assert "jobs_pulse" not in text


@pytest.mark.django_db
def test_readiness_and_health_tell_the_same_parts(
    anybody: APIClient, viewer: APIClient, inventory: ScenarioInventory
) -> None:
    engines_run(timezone.now())
    note_round(PulsePart.CANARY, ended_at=timezone.now() - timedelta(seconds=70))

    body = viewer.get("/api/v1/debug/health").json()

    assert list(failing(anybody)) == ["canary"]
    assert len(body["problems"]) == 1 and "start a worker" in body["problems"][0]
    assert body["details"]["canary"]["age_seconds"] >= 70
