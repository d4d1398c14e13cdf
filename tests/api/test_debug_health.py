"""This will prove that health says what is so: of the database, the clouds, the workers and the broker."""

from __future__ import annotations

import socket
import sys
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from rest_framework.test import APIClient

from debugtools.looks import Looks
from inventory.models import TargetCloud
from jobs.models import ProcessLease, PulsePart, RoleLease, WorldLook
from jobs.pulses import note_round
from tests.support.inventory_of import ScenarioInventory

HEALTH = "/api/v1/debug/health"


def _engines_run(*, ticked_ago: float = 1.0) -> None:
    now = timezone.now()
    until = now + timedelta(seconds=15)
    ProcessLease.objects.create(owner="p", host="h", pid=1, started_at=now, valid_until=until)
    ticked = now - timedelta(seconds=ticked_ago)
    RoleLease.objects.create(role="watcher", owner="p", valid_until=until, last_tick_at=ticked)
    note_round(PulsePart.SWEEPER, ended_at=ticked)
    note_round(PulsePart.CANARY, ended_at=now, seconds=0.02)


def _health(viewer: APIClient) -> dict[str, Any]:
    answer = viewer.get(HEALTH)
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.django_db
def test_a_service_that_runs_on_a_cloud_that_answers_is_healthy(
    viewer: APIClient, inventory: ScenarioInventory
) -> None:
    _engines_run()

    body = _health(viewer)

    assert (body["message"], body["status"], body["problems"]) == ("System health check completed", "healthy", [])
    assert body["components"] == {
        "database": "connected",
        "ossea_client": "configured",
        "failover_engines": "initialized",
        "api_server": "running",
    }
    assert body["metrics"] == {
        "active_failover_jobs": 0,
        "total_vms_discovered": 3,
        "ossea_volumes": 6,
        "network_mappings": 0,
    }
    assert [(cloud["name"], cloud["state"]) for cloud in body["details"]["clouds"]] == [("simulated", "reachable")]
    assert body["details"]["watcher"]["living_processes"] == 1
    assert body["details"]["broker"] == {"kind": "in process", "state": "connected", "error": ""}


@pytest.mark.django_db
def test_without_cloud_and_workers_both_are_said(viewer: APIClient) -> None:
    body = _health(viewer)

    assert (body["status"], len(body["problems"])) == ("degraded", 2)
    assert body["components"]["ossea_client"] == "not configured"
    assert body["components"]["failover_engines"] == "not running"


@pytest.mark.django_db
def test_a_watcher_that_stands_still_is_told_from_one_that_works(
    viewer: APIClient, inventory: ScenarioInventory
) -> None:
    _engines_run(ticked_ago=60)

    body = _health(viewer)

    assert body["components"]["failover_engines"] == "stalled"
    assert body["details"]["watcher"]["age_seconds"] >= 60
    assert "manage.py watch" in body["problems"][0]


@pytest.mark.django_db
def test_a_cloud_that_refuses_connections_is_unreachable_and_named(
    viewer: APIClient, inventory: ScenarioInventory
) -> None:
    _engines_run()
    TargetCloud.objects.update(endpoint="http://127.0.0.1:9/client/api")

    body = _health(viewer)

    assert (body["status"], body["components"]["ossea_client"]) == ("degraded", "unreachable")
    assert body["problems"][0].startswith("Cloud simulated: ")


@pytest.mark.slow
@pytest.mark.django_db
def test_a_cloud_that_takes_the_call_and_never_answers_does_not_hold_up_health(
    viewer: APIClient, inventory: ScenarioInventory
) -> None:
    _engines_run()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        TargetCloud.objects.update(endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}/client/api")

        body = _health(viewer)

    assert body["components"]["ossea_client"] == "unreachable"
    assert "no answer" in body["problems"][0]


@pytest.mark.django_db
def test_credentials_that_do_not_open_are_said(viewer: APIClient, inventory: ScenarioInventory) -> None:
    TargetCloud.objects.update(secret_key_sealed="other:AAAA")

    assert "FIELD_KEY" in _health(viewer)["details"]["clouds"][0]["trouble"]


@pytest.mark.django_db
def test_a_broker_that_is_gone_is_said_with_what_still_works(
    viewer: APIClient, inventory: ScenarioInventory, settings: Any
) -> None:
    _engines_run()
    settings.BROKER_URL = "redis://:s3cr3t@127.0.0.1:9/0"
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 1}

    body = _health(viewer)

    assert (body["status"], body["details"]["broker"]["state"]) == ("degraded", "unreachable")
    assert "sweeper" in body["problems"][0]
    assert "s3cr3t" not in str(body)


def test_a_database_that_is_gone_is_503_whoever_asks(anybody: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("failover_project.api.authentication.valid_token", gone)

    answer = anybody.get(HEALTH, HTTP_AUTHORIZATION="Token anything")

    body = answer.json()
    assert (answer.status_code, body["error_code"], body["success"]) == (503, "DATABASE_UNAVAILABLE", False)
    assert (body["status"], body["components"]["database"]) == ("degraded", "disconnected")
    assert body["required_actions"]
    assert "refused" not in str(body)


def test_a_look_that_hangs_is_waited_for_once_and_not_repeated() -> None:
    free, asked = threading.Event(), []

    def hangs() -> str:
        asked.append(1)
        free.wait(30)
        return ""

    looks = Looks(patience=0.05)

    assert looks.at({"a": hangs, "b": lambda: ""}) == {"a": "no answer within 0.05 s", "b": ""}
    assert looks.at({"a": hangs})["a"] == "no answer within 0.05 s"
    assert len(asked) == 1
    free.set()


def test_what_was_looked_at_is_kept_for_a_while_and_then_looked_at_again() -> None:
    now, answers = [0.0], iter(["down", ""])
    looks = Looks(clock=lambda: now[0])

    first = looks.at({"a": lambda: next(answers)})
    now[0] = 9.0
    kept = looks.at({"a": lambda: next(answers)})
    now[0] = 10.0
    again = looks.at({"a": lambda: next(answers)})

    assert [first["a"], kept["a"], again["a"]] == ["down", "down", ""]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_look_that_breaks_off_is_trouble_and_not_silence() -> None:
    def breaks() -> str:
        sys.exit("as a defect does")

    assert "broke off" in Looks().at({"a": breaks})["a"]
    for look in [thread for thread in threading.enumerate() if thread.name == "look"]:
        look.join(5)


def test_the_last_comparison_of_each_cloud_is_told(viewer: APIClient, inventory: ScenarioInventory) -> None:
    now = timezone.now()
    finding = {
        "drift": "volume_detached",
        "weight": "warning",
        "subject": "volume",
        "id": "5b7d",
        "name": "replica-one-disk-0",
        "words": "It hangs on no VM",
        "what_to_do": "Attach it",
        "job_id": "",
    }
    WorldLook.objects.create(
        cloud=inventory.cloud,
        began_at=now,
        read_at=now - timedelta(seconds=60),
        trouble="it did not answer",
        counts={"volume_detached": 1},
        findings=[finding],
    )

    (world,) = viewer.get("/api/v1/debug/health").json()["details"]["worlds"]

    assert (world["cloud"], world["counts"], world["findings"]) == ("simulated", {"volume_detached": 1}, [finding])
    assert world["trouble"] == "it did not answer"
    assert world["age_seconds"] >= 60
