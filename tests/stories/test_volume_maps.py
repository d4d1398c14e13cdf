"""A question shows where every volume of its job should be, is recorded, and is in fact."""

from __future__ import annotations

from typing import Any

import pytest

from cloudstack_simulator import Fault
from jobs.models import FailoverJob, Question
from jobs.presentation import status_body
from jobs.volume_maps import map_open_questions
from tests.support.scenes import Scene, scene
from tests.support.telling import answer, carry_on, for_seconds

pytestmark = pytest.mark.django_db


def _asking(vm_id: str = "vm-two") -> tuple[Scene, FailoverJob]:
    stage = scene()
    stage.simulator.faults.add(Fault("startVirtualMachine", "fail", times=3))
    job = stage.service.start_live(vm_id)
    carry_on(stage)
    job.refresh_from_db()
    return stage, job


def _map(stage: Scene, job: FailoverJob) -> dict[str, dict[str, Any]]:
    map_open_questions(stage.service.engine)
    (question,) = status_body(job, now=stage.service.clock.now())["questions"]
    assert question["volumes_read_at"] is not None
    return {row["volume_id"]: row for row in question["volumes"]}


def test_every_volume_of_the_job_is_in_the_map() -> None:
    stage, job = _asking("vm-three")

    shown = _map(stage, job)

    target = f"on the target VM ({job.destination_vm_id})"
    replicas = [row for row in shown.values() if row["is_replica"]]
    assert [row["volume_id"] for row in replicas] == [disk["volume_id"] for disk in job.specification["disks"]]
    for row in replicas:
        assert (row["should_be"], row["is_recorded"]) == (target, target)
        assert row["is_in_fact"].startswith(target)
    (placeholder,) = [row for row in shown.values() if not row["is_replica"]]
    assert (placeholder["should_be"], placeholder["is_recorded"]) == ("removed", "removed")
    assert placeholder["is_in_fact"] == "not in the cloud, or not visible"


def test_a_disk_that_a_strangers_hand_moved_differs_in_the_map_from_the_record() -> None:
    stage, job = _asking()
    disk = job.specification["disks"][1]["volume_id"]
    stage.simulator.call("detachVolume", id=disk)
    for_seconds(stage, 30.0)

    row = _map(stage, job)[disk]

    assert row["is_recorded"] == f"on the target VM ({job.destination_vm_id})"
    assert row["is_in_fact"] == "detached, Ready"


def test_a_map_is_read_again_while_the_question_is_open_and_kept_after_the_answer() -> None:
    stage, job = _asking()
    disk = job.specification["disks"][1]["volume_id"]
    first = _map(stage, job)[disk]["is_in_fact"]
    stage.simulator.call("detachVolume", id=disk)
    stage.service.clock.stepped.advance(61.0)
    second = _map(stage, job)[disk]["is_in_fact"]

    answer(stage, job, "leave")
    stage.service.clock.stepped.advance(61.0)
    map_open_questions(stage.service.engine)

    kept = {row["volume_id"]: row for row in Question.objects.get(job=job).volumes}
    assert first != second == kept[disk]["is_in_fact"]


def test_a_cloud_that_does_not_answer_is_said_in_the_map() -> None:
    stage, job = _asking()
    stage.simulator.restart_management_server(down_seconds=60.0)

    for row in _map(stage, job).values():
        assert row["is_in_fact"].startswith("not read: ")


@pytest.mark.slow
def test_while_a_test_is_undone_its_replicas_belong_on_the_appliance_and_its_copies_are_to_be_removed() -> None:
    stage = scene()
    job = stage.service.start_test("vm-one", window_seconds=600)
    carry_on(stage)
    stage.simulator.faults.add(Fault("destroyVirtualMachine", "refuse", times=20))
    stage.service.clean_up(job)
    carry_on(stage)

    shown = _map(stage, job)

    appliance = f"on the appliance ({job.specification['appliance_vm_id']})"
    for row in shown.values():
        assert row["should_be"] == (appliance if row["is_replica"] else "removed")
    (replica,) = [row for row in shown.values() if row["is_replica"]]
    assert replica["is_recorded"] == appliance
    assert replica["is_in_fact"].startswith(appliance)
