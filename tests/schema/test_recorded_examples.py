"""Every operation shows an example of its request and of its answer, as the service gives them now.

Where the contract has none they are recorded here: `RECORD_EXAMPLES=1 pytest tests/schema/test_recorded_examples.py`.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from typing import Any

import pytest
import yaml
from django.utils import timezone
from jsonschema import Draft202012Validator

from cloudstack_simulator import Fault
from cloudstack_simulator.server import SimulatorServer
from failover_project.api.examples import RECORDED, recorded
from failover_project.api.models import RoleName
from failover_project.api.tokens import create_token
from inventory.models import TargetCloud
from jobs.models import FailoverJob, Question
from tests.house.tree import ROOT
from tests.schema.journeys import Diary, keys_of
from tests.support.inventory_of import ScenarioInventory
from tests.support.scenes import Scene, map_networks, scene
from tests.support.serving import reached_by_doors

DESCRIPTION = ROOT / "docs" / "api" / "openapi.yaml"
# What differs from one world to the next: the keys inside are names of things.
FREE = (".fields.", ".parameters.", ".result.", ".seen", ".readings", ".explanation", ".details.")


def _caller() -> Diary:
    _, token = create_token(name="ops", role=RoleName.ADMIN)
    return Diary(token)


def _with_jobs() -> list[dict[str, Any]]:
    """Fail over for real and for a test, and press every verb, on a cloud in virtual time."""
    diary, stage = _caller(), scene()
    vm = stage.inventory.vms["two"].vm_id
    diary.told("GET", "/inventory/vms")
    shown = diary.told("GET", "/inventory/vms/{vm_id}", vm_id=vm)["vm"]
    diary.told("PUT", "/inventory/vms/{vm_id}", {name: shown[name] for name in shown if name != "vm_id"}, vm_id=vm)
    mappings = diary.told("GET", "/network-mappings")["mappings"]
    kept = {"source_network_name", "destination_network_id", "destination_network_name", "is_test_network"}
    wanted = [{name: row[name] for name in row if name in kept} for row in mappings if row["vm_id"] == vm]
    source = wanted[0]["source_network_name"]
    diary.told("DELETE", "/network-mappings/{vm_id}/{source_network_name}", vm_id=vm, source_network_name=source)
    diary.told("DELETE", "/network-mappings/{vm_id}", vm_id=vm)
    diary.told("PUT", "/network-mappings/{vm_id}", {"mappings": wanted}, vm_id=vm)
    with reached_by_doors(stage.simulator):
        _verbs(diary, stage)
    _asked(diary, stage)
    diary.told("GET", "/debug/endpoints")
    diary.told("GET", "/debug/failover-jobs")
    diary.told("GET", "/debug/logs", query="limit=2")
    return diary.examples


def _asked(diary: Diary, stage: Scene) -> None:
    stage.simulator.faults.add(Fault("createSnapshot", "hang"))
    job = stage.service.start_test("vm-two")
    stage.service.run()
    question = Question.objects.get(job=job)
    choice = {"question_id": question.pk, "choice": question.choices[0]["choice"], "reason": "Seen in the cloud"}
    diary.told("POST", "/failover/{job_id}/answer", choice, job_id=job.job_id)


def _verbs(diary: Diary, stage: Scene) -> None:
    stage.simulator.faults.add(Fault("startVirtualMachine", "fail", times=3))
    live = stage.service.start_live("vm-one")
    stage.service.run()
    diary.told("POST", "/failover/{job_id}/retry", {"reason": "The host is back"}, job_id=live.job_id)
    FailoverJob.objects.update(next_look_at=stage.service.clock.now())
    stage.service.run()
    diary.told("GET", "/failover/{job_id}/steps", job_id=live.job_id)
    diary.told("GET", "/failover/{job_id}/events", job_id=live.job_id)
    undo = {"confirm_vm_name": live.vm_name, "reason": "The application does not start"}
    diary.told("POST", "/failover/{job_id}/rollback", undo, job_id=live.job_id)
    FailoverJob.objects.update(next_look_at=stage.service.clock.now())
    stage.service.run()
    other = stage.service.start_live("vm-three")
    stage.service.run()
    diary.told("POST", "/failover/{job_id}/commit", {"reason": "Accepted by its owner"}, job_id=other.job_id)
    test = stage.service.start_test("vm-two")
    stage.service.run()
    now = timezone.now()
    # To the API, which reads this machine's clock, the window of the virtual time is over.
    FailoverJob.objects.filter(pk=test.pk).update(window_opened_at=now, window_ends_at=now + timedelta(minutes=30))
    diary.told("POST", "/failover/{job_id}/extend", {"duration": "1h", "reason": "One more hour"}, job_id=test.job_id)
    stage.service.clean_up(test)
    stage.service.run()


def _with_a_cloud(cloud: SimulatorServer, inventory: ScenarioInventory) -> list[dict[str, Any]]:
    """Ask what reads the cloud at once, and start many."""
    map_networks(cloud.simulator, inventory)
    TargetCloud.objects.update(customjobid_honoured=True, expunge_allowed=True, clock_skew_seconds=0.0)
    diary = _caller()
    vm = inventory.vms["two"].vm_id
    diary.told("GET", "/vms/{vm_id}/configuration-check", vm_id=vm)
    diary.told("GET", "/vms/{vm_id}/failover-readiness", vm_id=vm)
    diary.told("GET", "/debug/database")
    diary.told("POST", "/debug/database", {"reason": "Compared after the restore, and dealt with"})
    many = {"type": "test", "test_duration": "2h", "vms": [{"vm_id": "vm-two"}, {"vm_id": "vm-unknown"}]}
    started = diary.told("POST", "/failover/bulk", {**many, "reason": "Yearly drill"})
    job_id = started["results"][0]["job_id"]
    diary.told("POST", "/failover/{job_id}/cancel", {"reason": "The wrong VM"}, job_id=job_id)
    return diary.examples


@pytest.mark.slow
@pytest.mark.any_database
@pytest.mark.django_db
def test_the_recorded_examples_of_jobs_are_what_the_service_answers() -> None:
    _assert_kept("jobs", _with_jobs())


@pytest.mark.django_db
def test_the_recorded_examples_of_starts_are_what_the_service_answers(
    cloud: SimulatorServer, inventory: ScenarioInventory
) -> None:
    _assert_kept("starts", _with_a_cloud(cloud, inventory))


def _assert_kept(journey: str, now: list[dict[str, Any]]) -> None:
    kept = json.loads(RECORDED.read_text(encoding="utf-8"))
    if os.environ.get("RECORD_EXAMPLES"):
        kept[journey] = now
        RECORDED.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    assert [_place(one) for one in kept[journey]] == [_place(one) for one in now]
    for old, fresh in zip(kept[journey], now, strict=True):
        assert _fixed_keys(old) == _fixed_keys(fresh), f"{_place(old)}: record it again"


def _place(example: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(example[name] for name in ("method", "path", "status"))


def _fixed_keys(example: dict[str, Any]) -> set[str]:
    return {key for key in keys_of(example["value"]) if not any(free in key for free in FREE)}


@pytest.mark.slow
def test_every_operation_shows_what_is_sent_and_answered() -> None:
    described = yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))
    lacking = []
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            places = {"answer": operation["responses"]["200"]}
            if "requestBody" in operation:
                places["request"] = operation["requestBody"]
            for name, place in places.items():
                content = place.get("content", {}).get("application/json")
                if content is not None and not content.get("examples"):
                    lacking.append(f"{method.upper()} {path} ({name})")
    assert lacking == []


@pytest.mark.slow
def test_the_recorded_examples_fit_the_description() -> None:
    described = yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))
    for example in recorded():
        operation = described["paths"][example["path"]][example["method"]]
        place = operation["requestBody"] if example["status"] is None else operation["responses"]["200"]
        schema = {**place["content"]["application/json"]["schema"], "components": described["components"]}
        errors = Draft202012Validator(schema).iter_errors(example["value"])
        found = [f"{error.json_path}: {error.message}" for error in errors]
        assert not found, f"{_place(example)}: {found}"
