"""This will prove what the options of a start do, and that what is not known is kept, shown and named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from cloudstack_simulator.server import SimulatorServer
from inventory.models import ProtectedVM, VMReservation
from jobs.models import FailoverJob
from tests.support.inventory_of import ScenarioInventory
from tests.support.mapped import map_both

pytestmark = pytest.mark.django_db

LIVE = "/api/v1/failover/live"
TEST = "/api/v1/failover/test"


@pytest.fixture
def vm(inventory: ScenarioInventory, cloud: SimulatorServer) -> ProtectedVM:
    """Give the two-disk VM with 4 CPUs and 8 GB, mapped for live and for test."""
    found = inventory.vms["two"]
    map_both([found], cloud.simulator)
    ProtectedVM.objects.filter(pk=found.pk).update(cpus=4, memory_mb=8192)
    return found


def start(client: APIClient, path: str, vm: ProtectedVM, **changes: Any) -> dict[str, Any]:
    """Ask for a start that must be taken."""
    answer = client.post(path, {"vm_id": vm.vm_id, **({"test_duration": "2h"} if path == TEST else {}), **changes})
    assert answer.status_code == 200, answer.json()
    found: dict[str, Any] = answer.json()
    return found


def details(client: APIClient, started: dict[str, Any]) -> dict[str, Any]:
    """Give `job_details` of the job that was started."""
    found: dict[str, Any] = client.get(f"/api/v1/failover/{started['job_id']}/status").json()["job_details"]
    return found


@pytest.mark.parametrize("path", [LIVE, TEST])
def test_overcommit_sizes_the_target_vm(operator: APIClient, vm: ProtectedVM, path: str) -> None:
    start(operator, path, vm, custom_config={"cpu_overcommit": 1.5, "memory_overcommit": 2})

    size = FailoverJob.objects.get().specification["details"]
    assert (size["cpuNumber"], size["memory"]) == ("3", "4096")


def test_overcommit_on_an_offering_of_fixed_size_is_named_as_without_effect(
    operator: APIClient, vm: ProtectedVM, cloud: SimulatorServer
) -> None:
    rows = json.loads(cloud.simulator.call("listServiceOfferings").body)["listserviceofferingsresponse"]
    fixed = next(row["id"] for row in rows["serviceoffering"] if not row["iscustomized"] and row["memory"] >= 512)
    ProtectedVM.objects.filter(pk=vm.pk).update(service_offering_id=fixed, cpus=1, memory_mb=512)

    body = start(operator, LIVE, vm, custom_config={"cpu_overcommit": 1.5, "memory_overcommit": 1})

    assert body["warnings"] == ["custom_config.cpu_overcommit has no effect: the service offering has a fixed size."]


def test_a_live_start_that_calls_itself_a_test_environment_is_refused(operator: APIClient, vm: ProtectedVM) -> None:
    answer = operator.post(LIVE, {"vm_id": vm.vm_id, "custom_config": {"test_environment": True}})

    body = answer.json()
    assert (answer.status_code, body["error_code"]) == (400, "INVALID_REQUEST")
    assert set(body["fields"]) == {"custom_config"} and "/failover/test" in body["required_actions"][0]
    assert not FailoverJob.objects.exists()


def test_a_test_is_in_the_test_environment_whatever_it_says(operator: APIClient, vm: ProtectedVM) -> None:
    body = start(operator, TEST, vm, custom_config={"test_environment": False})

    assert any("always runs in the test environment" in warning for warning in body["warnings"])


# Without a mail server nobody is told by e-mail.
NOT_TOLD = {"notification_config.pager", "notification_config.email"}


def test_what_nobody_knows_is_kept_shown_and_named(operator: APIClient, vm: ProtectedVM) -> None:
    body = start(
        operator,
        LIVE,
        vm,
        context_id="ctx-4205",
        colour={"of": "the sky"},
        custom_config={"priority": "high"},
        notification_config={"email": "admin@company.com", "pager": "+49"},
    )

    unknown = {"context_id": "ctx-4205", "colour": {"of": "the sky"}}
    named = {warning.split()[0 if "." in warning.split()[0] else 2].strip("'") for warning in body["warnings"]}
    assert named == {"context_id", "colour", "custom_config.priority", *NOT_TOLD}
    assert body["unknown_fields"] == unknown
    shown = details(operator, body)
    assert (shown["unknown_fields"], shown["warnings"]) == (unknown, body["warnings"])
    assert shown["custom_config"]["priority"] == "high"
    assert shown["notification_config"] == {"email": "admin@company.com", "pager": "+49"}


def test_a_start_that_nobody_needs_to_be_told_about_has_no_warnings(operator: APIClient, vm: ProtectedVM) -> None:
    body = start(operator, LIVE, vm)

    assert "warnings" not in body and "unknown_fields" not in body


def test_the_address_of_a_webhook_is_shown_to_nobody(operator: APIClient, viewer: APIClient, vm: ProtectedVM) -> None:
    secret = "T000/B000/XXXXXXXX"
    config = {
        "slack_webhook": f"https://hooks.slack.com/services/{secret}",
        "other": ["ftp://me:secret@host.invalid/x"],
    }

    body = start(operator, LIVE, vm, notification_config=config)

    answer = viewer.get(f"/api/v1/failover/{body['job_id']}/status")
    assert secret not in answer.content.decode() and "me:secret" not in answer.content.decode()
    assert answer.json()["job_details"]["notification_config"] == {
        "slack_webhook": "https://hooks.slack.com/…",
        "other": ["ftp://host.invalid/…"],
    }
    assert FailoverJob.objects.get().notification_config == config


@pytest.mark.parametrize(
    "config",
    [
        {"rollback_window": "soon"},
        {"rollback_window": "1s"},
        {"rollback_window": "9000h"},
        {"rollback_window": 4},
        {"rollback_window": "4h", "after_rollback_window": "delete"},
        {"after_rollback_window": "commit"},
    ],
)
def test_a_rollback_window_that_cannot_be_meant_is_400(
    operator: APIClient, vm: ProtectedVM, config: dict[str, Any]
) -> None:
    answer = operator.post(LIVE, {"vm_id": vm.vm_id, "custom_config": config})

    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_REQUEST"), answer.json()
    assert FailoverJob.objects.count() == 0


def test_a_rollback_window_is_echoed_and_has_no_effect_on_a_test(operator: APIClient, vm: ProtectedVM) -> None:
    config = {"rollback_window": "4h", "after_rollback_window": "roll_back"}
    tested = start(operator, TEST, vm, custom_config=config)
    assert "custom_config.rollback_window is not known and has no effect." in tested["warnings"]
    FailoverJob.objects.all().delete()
    VMReservation.objects.all().delete()

    live = start(operator, LIVE, vm, custom_config=config)

    shown = details(operator, live)
    assert (shown["custom_config"]["rollback_window"], shown["rollback_window"]["then"]) == ("4h", "roll_back")
    assert any("rolled back by itself" in warning for warning in live["warnings"])
