"""This will prove that a test's evidence says what its journal and the world say, and nothing beyond."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from cloudstack_simulator import Fault
from inventory.models import ReplicaVolume
from jobs.models import FailoverJob, JobState
from jobs.presentation import status_body
from tests.support.scenes import Scene, scene

pytestmark = pytest.mark.django_db


def _in_window(job: FailoverJob) -> bool:
    job.refresh_from_db()
    return job.state == JobState.WINDOW_OPEN


def _told(stage: Scene, job: FailoverJob) -> dict[str, Any]:
    job.refresh_from_db()
    told: dict[str, Any] = status_body(job, now=stage.service.clock.now())["job_details"]
    return told


def _seconds(since: datetime, until: datetime) -> float:
    return (until - since).total_seconds()


def test_a_test_that_has_just_been_asked_for_proves_nothing_yet() -> None:
    stage = scene()
    job = stage.service.start_test("vm-two")

    evidence = _told(stage, job)["evidence"]

    assert [disk["volume_id"] for disk in evidence["disks"]] == [
        disk["volume_id"] for disk in job.specification["disks"]
    ]
    assert {disk[name] for disk in evidence["disks"] for name in ("change_id", "snapshot_id", "clone_id")} == {None}
    assert evidence["replication_held"] == {"from": None, "until": None, "seconds": None, "how": None}
    assert evidence["no_sync_in_between"]["proven"] is None
    assert (evidence["seconds_to_running"], evidence["made"]) == (None, [])


@pytest.mark.parametrize("strategy", ["clone", "detached_clone"])
def test_a_running_test_tells_disk_by_disk_what_was_cut_and_copied(strategy: str) -> None:
    stage = scene()
    change_ids = list(
        ReplicaVolume.objects.filter(disk__vm__vm_id="vm-two").order_by("disk__position").values_list("change_id")
    )
    job = stage.service.start_test("vm-two", custom_config={"test_strategy": strategy})
    stage.service.run(until=lambda: _in_window(job))

    evidence = _told(stage, job)["evidence"]

    assert evidence["strategy"] == strategy
    assert [(disk["change_id"],) for disk in evidence["disks"]] == change_ids
    for disk in evidence["disks"]:
        (snapshot,) = [known for known in stage.simulator.snapshots() if known.volume_id == disk["volume_id"]]
        assert disk["snapshot_id"] == snapshot.id
        clone = stage.simulator.volume(disk["clone_id"])
        assert clone is not None and clone.vm_id == job.destination_vm_id
    held = evidence["replication_held"]
    for disk in evidence["disks"]:
        assert held["from"] <= disk["snapshot_begun_at"] < disk["snapshot_done_at"] <= held["until"]
    assert held["seconds"] == pytest.approx(_seconds(held["from"], held["until"]), abs=0.001)
    assert evidence["no_sync_in_between"]["proven"] is True
    assert evidence["no_sync_in_between"]["words"] == "no sync ran while they were cut"
    assert 0 < evidence["seconds_to_running"] < 120
    assert {made["end"] for made in evidence["made"] if "placeholder" not in made["what"]} == {"in_use"}


def test_a_running_test_tells_its_networks_and_what_was_asked_for() -> None:
    stage = scene()
    job = stage.service.start_test("vm-two", window_seconds=7200, auto_cleanup=True)
    stage.service.run(until=lambda: _in_window(job))

    told = _told(stage, job)

    target = stage.simulator.vm(job.destination_vm_id)
    assert target is not None
    assert [nic["network_id"] for nic in told["evidence"]["networks"]] == [nic.network_id for nic in target.nics]
    assert told["custom_config"] == {
        "test_duration": "2h0s",
        "auto_cleanup": True,
        "network_mappings": {nic["source_network"]: nic["network_id"] for nic in told["evidence"]["networks"]},
    }
    assert _seconds(told["window_opened_at"], told["window_ends_at"]) == 7200
    assert told["overdue_since"] is None
    boot_disk = told["evidence"]["disks"][0]
    assert told["snapshot_id"] == boot_disk["snapshot_id"]


def test_after_its_cleanup_a_test_lists_the_end_of_everything_it_made() -> None:
    stage = scene()
    job = stage.service.start_test("vm-two")
    stage.service.run(until=lambda: _in_window(job))
    stage.service.clean_up(job)
    stage.service.run()

    made = _told(stage, job)["evidence"]["made"]

    assert sorted(thing["kind"] for thing in made) == ["snapshot", "snapshot", "virtual_machine", *["volume"] * 3]
    assert {thing["end"] for thing in made} == {"removed"}
    assert {thing["to_do"] for thing in made} == {None}


def test_where_the_key_may_not_expunge_the_pending_expunge_is_said() -> None:
    stage = scene(expunge_allowed=False)
    job = stage.service.start_test("vm-one")
    stage.service.run(until=lambda: _in_window(job))
    stage.service.clean_up(job)
    stage.service.run()

    ends = {thing["kind"]: thing for thing in _told(stage, job)["evidence"]["made"]}

    assert ends["virtual_machine"]["end"] == "expunge_pending"
    assert "expunge" in ends["virtual_machine"]["to_do"]


@pytest.mark.slow
def test_a_test_on_the_replicas_keeps_its_snapshots_and_says_why() -> None:
    stage = scene()
    job = stage.service.start_test("vm-two", custom_config={"test_strategy": "boot_and_revert"})
    stage.service.run(until=lambda: _in_window(job))
    assert _told(stage, job)["evidence"]["replication_held"]["until"] is None
    stage.service.clean_up(job)
    stage.service.run()

    evidence = _told(stage, job)["evidence"]

    assert {thing["end"] for thing in evidence["made"] if thing["kind"] == "snapshot"} == {"kept"}
    assert all("verif" in thing["reason"] for thing in evidence["made"] if thing["end"] == "kept")
    assert evidence["replication_held"]["seconds"] > 0
    assert {disk["clone_id"] for disk in evidence["disks"]} == {None}


def test_what_an_operator_skipped_is_left_behind_with_what_to_do() -> None:
    stage = scene()
    job = stage.service.start_test("vm-one")
    stage.service.run(until=lambda: _in_window(job))
    stage.simulator.faults.add(Fault("deleteSnapshot", "refuse", times=50))
    stage.service.clean_up(job)
    stage.service.run()
    question = job.questions.get(answered_at=None)
    _answer(stage, job, question.pk, "skip")
    stage.service.run()

    told = _told(stage, job)

    (left,) = [thing for thing in told["evidence"]["made"] if thing["end"] == "left_behind"]
    assert left["kind"] == "snapshot"
    assert f"DELETE /api/v1/failover/test/{job.job_id}" in left["to_do"]
    assert len(told["left_behind"]) == 1
    actions = {action["action"]: action for action in status_body(job, now=job.created_at)["allowed_actions"]}
    assert actions["cleanup"]["allowed"]


def _answer(stage: Scene, job: FailoverJob, question_id: int, choice: str) -> None:
    from jobs.services import answer

    answer(engine=stage.service.engine, job_id=job.job_id, question_id=question_id, choice=choice, actor="the operator")


def test_the_actions_of_a_test_follow_its_life() -> None:
    stage = scene()
    job = stage.service.start_test("vm-one")

    asked = _allowed(stage, job)
    stage.service.run(until=lambda: _in_window(job))
    in_window = _allowed(stage, job)
    stage.service.clean_up(job)
    stage.service.run()

    assert (asked, in_window, _allowed(stage, job)) == ({"cancel", "cleanup"}, {"extend", "cleanup"}, set())


def _allowed(stage: Scene, job: FailoverJob) -> set[str]:
    job.refresh_from_db()
    actions = status_body(job, now=stage.service.clock.now())["allowed_actions"]
    assert all(bool(action["reason"]) is not action["allowed"] for action in actions)
    return {action["action"] for action in actions if action["allowed"]}
