"""An administrator compares a restored database with the clouds over the API, and lets the service go on."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from audit.models import AuditEvent
from cloudstack_simulator.server import SimulatorServer
from jobs.generation.guard import paused_reason
from jobs.generation.models import ONLY, Generation, current
from tests.support.inventory_of import ScenarioInventory

pytestmark = pytest.mark.django_db

DATABASE = "/api/v1/debug/database"


@pytest.fixture(autouse=True)
def paused(settings: Settings, tmp_path: Path, inventory: ScenarioInventory) -> None:
    """Pause the service, as a restored backup does."""
    del inventory
    settings.GENERATION_FILE = tmp_path / "generation"
    settings.AUDIT_HEAD_FILE = tmp_path / "audit-head.json"
    current()
    Generation.objects.filter(pk=ONLY).update(paused_at=timezone.now(), paused_reason="The database is older.")


def _detach_a_replica(cloud: SimulatorServer) -> str:
    cloud.simulator.cloud.job_seconds = 0.0
    volume = next(volume for volume in cloud.simulator.volumes() if volume.replica)
    cloud.simulator.call("detachVolume", id=volume.id)
    return volume.id


def test_every_difference_is_listed_with_what_to_do_and_nothing_is_confirmed(
    admin: APIClient, cloud: SimulatorServer
) -> None:
    volume_id = _detach_a_replica(cloud)

    shown = admin.get(DATABASE).json()

    assert (shown["paused"], shown["paused_reason"]) == (True, "The database is older.")
    (found,) = [row for row in shown["differences"] if row["id"] == volume_id]
    assert (found["drift"], found["cloud"]) == ("volume_detached", "simulated")
    assert found["what_to_do"]
    assert paused_reason()


def test_a_confirmation_wants_a_reason_is_kept_in_the_audit_and_may_be_pressed_twice(admin: APIClient) -> None:
    assert admin.post(DATABASE, {"reason": ""}, format="json").status_code == 400
    assert paused_reason()

    first = admin.post(DATABASE, {"reason": "compared"}, format="json")
    second = admin.post(DATABASE, {"reason": "compared"}, format="json")

    assert (first.status_code, first.json()["confirmed"], second.json()["confirmed"]) == (200, True, False)
    assert not paused_reason()
    assert AuditEvent.objects.get(kind="database_confirmed").actor == "admin of the test"


def test_while_a_cloud_cannot_be_read_nothing_is_confirmed(admin: APIClient, cloud: SimulatorServer) -> None:
    cloud.simulator.restart_management_server(down_seconds=60.0)

    answer = admin.post(DATABASE, {"reason": "compared"}, format="json")

    assert answer.status_code == 503, answer.content
    assert paused_reason()


def test_operators_neither_compare_nor_confirm(operator: APIClient) -> None:
    assert operator.get(DATABASE).status_code == 403
    assert operator.post(DATABASE, {"reason": "compared"}, format="json").status_code == 403
