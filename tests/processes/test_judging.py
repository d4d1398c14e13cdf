"""This will show that the judge of a kill campaign overlooks nothing that it is there to find."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.processes.journal import JobRecord, StepRecord
from tests.processes.judging import World, judge, unannounced

Json = dict[str, Any]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
REPLICA = {
    "id": "replica-1",
    "name": "replica-1",
    "state": "Ready",
    "vm_id": "appliance",
    "device_id": 2,
    "holders": ["appliance"],
    "content": ["replica:replica-1:base"],
    "replica": True,
}
APPLIANCE = {
    "id": "appliance",
    "name": "appliance-0",
    "state": "Running",
    "running_on_hypervisor": True,
    "volumes": {"2": "replica-1"},
}
TARGET = {
    "id": "target",
    "name": "one-0badcafe",
    "state": "Running",
    "running_on_hypervisor": True,
    "volumes": {"0": "replica-1"},
}
SNAPSHOT = {
    "id": "snap",
    "name": "0badcafe-rollback-disk0",
    "volume_id": "replica-1",
    "state": "BackedUp",
    "torn": False,
}


def shown(*, vms: list[Json], volumes: list[Json], snapshots: list[Json]) -> Json:
    """Give a world as the simulator shows it."""
    return {
        "vms": vms,
        "volumes": volumes,
        "snapshots": snapshots,
        "deleted_volumes": [],
        "alarms": [],
        "unfinished_jobs": [],
    }


BEFORE = shown(vms=[APPLIANCE], volumes=[REPLICA], snapshots=[])
BOOTED = REPLICA | {
    "vm_id": "target",
    "device_id": 0,
    "holders": ["target"],
    "content": ["replica:replica-1:base", "boot:target:1"],
}
AFTER = shown(vms=[APPLIANCE | {"volumes": {}}, TARGET], volumes=[BOOTED], snapshots=[SNAPSHOT])


def step(key: str, command: str, **result: str) -> StepRecord:
    """Give a step that is done."""
    return StepRecord(plan="forward", key=key, command=command, state="done", result=result, left_behind=False)


SUCCEEDED = JobRecord(
    pk=1,
    job_id="live-failover-vm-1-1",
    vm_id="vm-1",
    marker="0badcafe",
    state="finished",
    outcome="succeeded",
    specification={
        "appliance_vm_id": "appliance",
        "disks": [
            {
                "position": 0,
                "label": "Hard disk 1",
                "volume_id": "replica-1",
                "target_device_id": 0,
                "appliance_device_id": 2,
            }
        ],
    },
    destination_vm_id="target",
    error_message="",
    created_at=NOON,
    completed_at=NOON,
    questions=0,
    question_texts="",
    reservations=0,
    vm_held=0,
    unfinished=0,
    defects="",
    steps=(
        step("deploy", "deploy_target", vm_id="target"),
        step("snapshot-disk0", "take_snapshot", snapshot_id="snap"),
    ),
)
UNDONE = replace(SUCCEEDED, outcome="failed", destination_vm_id="", steps=())


def judged(after: Json, job: JobRecord) -> str:
    """Give all that is found wrong as one text."""
    return "\n".join(judge(before=World.of(BEFORE), after=World.of(after), jobs=[job]))


def test_a_right_success_and_a_right_undo_pass() -> None:
    assert judged(AFTER, SUCCEEDED) == ""
    assert judged(BEFORE, UNDONE) == ""


def _second_vm(after: Json) -> None:
    after["vms"].append(TARGET | {"id": "second", "volumes": {}})


def _second_holder(after: Json) -> None:
    after["volumes"][0]["holders"].append("appliance")


def _wrong_place(after: Json) -> None:
    after["vms"][1]["volumes"] = {"1": "replica-1"}


def _second_boot(after: Json) -> None:
    after["volumes"][0]["content"].append("boot:target:2")


def _no_rollback_point(after: Json) -> None:
    after["snapshots"].clear()


def _stray_volume(after: Json) -> None:
    after["volumes"].append(REPLICA | {"id": "stray", "name": "ROOT-9", "vm_id": None, "holders": [], "replica": False})


def _lost_replica(after: Json) -> None:
    after["deleted_volumes"].append(REPLICA)


def _alarm(after: Json) -> None:
    after["alarms"].append("two VMs wrote one disk")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_second_vm, "it has 2 VMs"),
        (_second_holder, "held by 2 VMs at once"),
        (_wrong_place, "instead of"),
        (_second_boot, "was booted as"),
        (_no_rollback_point, "has no rollback point"),
        (_stray_volume, "left over: volume ROOT-9"),
        (_lost_replica, "deleted: the replica"),
        (_alarm, "alarm: two VMs"),
    ],
)
def test_a_spoilt_world_is_found(spoil: Callable[[Json], None], words: str) -> None:
    after = copy.deepcopy(AFTER)

    spoil(after)

    assert words in judged(after, SUCCEEDED)


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (replace(SUCCEEDED, state="running", outcome=None), "it is running at the end"),
        (replace(SUCCEEDED, state="waiting_for_operator", outcome=None), "it is waiting_for_operator at the end"),
        (replace(SUCCEEDED, unfinished=1), "1 unfinished attempts"),
        (replace(SUCCEEDED, reservations=2), "2 reservations"),
        (replace(SUCCEEDED, defects="KeyError"), "a defect of the service"),
        (replace(SUCCEEDED, destination_vm_id="other"), "names another target VM"),
        (UNDONE, "not back on the appliance"),
    ],
)
def test_a_journal_that_disagrees_is_found(job: JobRecord, words: str) -> None:
    assert words in judged(AFTER, job)


def test_a_job_that_asks_a_person_may_be_anywhere_but_on_two_vms() -> None:
    asks = replace(SUCCEEDED, state="waiting_for_operator", outcome=None, questions=1)
    doubled = copy.deepcopy(AFTER)
    _second_holder(doubled)

    assert judged(AFTER, asks) == ""
    assert "held by 2 VMs" in judged(doubled, asks)


def test_a_call_without_an_intent_is_found() -> None:
    attempts = {"detach_from_appliance": 2, "detach_placeholder": 1}

    assert unannounced(calls={"detachVolume": 3}, attempts=attempts) == []
    assert unannounced(calls={"detachVolume": 4}, attempts=attempts) == [
        "4 calls of detachVolume, but 3 attempts in the journal"
    ]
