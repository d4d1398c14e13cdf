"""This will prove that a dry run says what a start would do, refuses what a start would, and does nothing."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest
from rest_framework.test import APIClient

from cloudstack_simulator import Simulator
from cloudstack_simulator.server import SimulatorServer
from inventory.models import ProtectedVM, VMReservation
from jobs.models import CommandTiming, FailoverJob, Plan, Step
from tests.support.inventory_of import ScenarioInventory
from tests.support.mapped import map_both

pytestmark = pytest.mark.django_db

LIVE = "/api/v1/failover/live"
TEST = "/api/v1/failover/test"


@pytest.fixture
def vm(inventory: ScenarioInventory, cloud: SimulatorServer) -> ProtectedVM:
    """Give the two-disk VM, mapped for live and for test."""
    map_both([inventory.vms["two"]], cloud.simulator)
    return inventory.vms["two"]


def world(simulator: Simulator) -> str:
    """Give all that exists in the cloud."""
    return json.dumps([repr(simulator.vms()), repr(simulator.volumes()), repr(simulator.snapshots())])


def dry(client: APIClient, path: str, vm: ProtectedVM, **changes: Any) -> dict[str, Any]:
    """Ask for a dry run that must be answered."""
    body = {"vm_id": vm.vm_id, **({"test_duration": "2h"} if path == TEST else {}), **changes}
    answer = client.post(f"{path}?dry_run=true", body)
    assert answer.status_code == 200, answer.json()
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("path", [LIVE, TEST])
def test_the_plan_of_a_dry_run_is_the_plan_of_the_start_that_follows(
    operator: APIClient, vm: ProtectedVM, path: str
) -> None:
    planned = dry(operator, path, vm)["plan"]["steps"]

    started = operator.post(path, {"vm_id": vm.vm_id, "test_duration": "2h"}).json()

    steps = Step.objects.filter(plan__job__job_id=started["job_id"]).order_by("position")
    assert [(step.key, step.phase, _unmarked(step.title), step.command, step.after) for step in steps] == [
        (step["key"], step["phase"], _unmarked(step["title"]), step["command"], step["after"]) for step in planned
    ]


def _unmarked(title: str) -> str:
    """Give the title without the marker, which every start draws anew."""
    return re.sub(r"-[0-9a-f]{8}\b", "", title)


@pytest.mark.parametrize("path", [LIVE, TEST])
def test_a_dry_run_leaves_no_job_no_reservation_and_the_cloud_as_it_was(
    operator: APIClient, vm: ProtectedVM, cloud: SimulatorServer, path: str
) -> None:
    before = world(cloud.simulator)

    body = dry(operator, path, vm)

    assert body["dry_run"] is True and "job_id" not in body
    assert world(cloud.simulator) == before
    counted = Counter({model.__name__: model.objects.count() for model in (FailoverJob, Plan, Step, VMReservation)})
    assert not +counted


def test_the_answer_names_vm_networks_disks_and_what_a_step_needs(operator: APIClient, vm: ProtectedVM) -> None:
    body = dry(operator, LIVE, vm, vm_name="PGWINTESTBIOS")

    assert body["message"] == "Live failover dry run completed: nothing was started"
    assert body["data"] == {
        "job_type": "live",
        "status": "planned",
        "vm_id": vm.vm_id,
        "vm_name": "PGWINTESTBIOS",
    }
    plan = body["plan"]
    assert [disk["target_device_id"] for disk in plan["disks"]] == [0, 1]
    assert [nic["source_network"] for nic in plan["networks"]] == ["VM Network"]
    by_key = {step["key"]: step for step in plan["steps"]}
    assert by_key["start"]["after"] == ["protect"] and by_key["start"]["is_point_of_no_return"] is True
    assert set(by_key["snapshot-disk1"]["after"]) == {"detach-disk1"}


def test_expected_times_are_guesses_until_the_cloud_was_seen_at_it(operator: APIClient, vm: ProtectedVM) -> None:
    guessed = dry(operator, LIVE, vm)["plan"]
    for step in guessed["steps"]:
        CommandTiming.objects.get_or_create(
            endpoint=str(vm.cloud.uuid), command=step["command"], defaults={"mean_seconds": 7.0, "samples": 3}
        )
    learned = dry(operator, LIVE, vm)["plan"]

    assert guessed["expected_is_guess"] is True
    assert {step["expected_seconds"] for step in guessed["steps"]} == {None, 0.0}
    # Two detaches one after another, the last snapshot, two attaches one after another, the start.
    assert (learned["expected_is_guess"], learned["expected_seconds"]) == (False, 42.0)
    begins = {step["key"]: step["expected_begin_seconds"] for step in learned["steps"]}
    assert (begins["hold"], begins["detach-disk1"], begins["start"]) == (0.0, 7.0, 35.0)


def test_a_test_shows_its_window_and_its_strategy(operator: APIClient, vm: ProtectedVM) -> None:
    body = dry(operator, TEST, vm, auto_cleanup=True, custom_config={"test_strategy": "detached_clone"})

    assert body["estimated_duration"] == "3-10 minutes (test duration: 2h0s)"
    assert (body["data"]["test_duration"], body["data"]["auto_cleanup"]) == ("2h", True)
    assert body["plan"]["strategy"] == "detached_clone"
    assert any("taken off the appliance" in warning for warning in body["warnings"])


def test_what_a_start_would_refuse_a_dry_run_refuses_alike(operator: APIClient, inventory: ScenarioInventory) -> None:
    body = {"vm_id": inventory.vms["one"].vm_id}

    dry_run, start = operator.post(f"{LIVE}?dry_run=true", body), operator.post(LIVE, body)

    assert (dry_run.status_code, dry_run.json()["error_code"]) == (409, "NETWORK_MAPPING_MISSING")
    same = ("message", "error", "error_code", "required_actions")
    assert {name: dry_run.json()[name] for name in same} == {name: start.json()[name] for name in same}


def test_a_dry_run_beside_a_moving_job_names_it(operator: APIClient, vm: ProtectedVM) -> None:
    job_id = operator.post(LIVE, {"vm_id": vm.vm_id}).json()["job_id"]

    answer = operator.post(f"{LIVE}?dry_run=true", {"vm_id": vm.vm_id})

    assert (answer.status_code, answer.json()["blocking_job"]) == (409, job_id)


@pytest.mark.parametrize(("query", "field"), [("?dry_run=perhaps", {}), ("", {"dry_run": True})])
def test_a_dry_run_that_is_not_understood_starts_nothing(
    operator: APIClient, vm: ProtectedVM, query: str, field: dict[str, Any]
) -> None:
    answer = operator.post(f"{LIVE}{query}", {"vm_id": vm.vm_id, **field})

    assert (answer.status_code, set(answer.json()["fields"])) == (400, {"dry_run"})
    assert not FailoverJob.objects.exists()
