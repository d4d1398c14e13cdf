"""This will do anything at all to the simulated cloud, by seed, and look for what must hold after any of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cloudstack_simulator import AnswerLost, CallHangs, Fault, Simulator
from tests.simulator.driving import Operator

COMMANDS = (
    *("attachVolume", "detachVolume", "createSnapshot", "createVolume", "deleteVolume", "revertSnapshot"),
    *("startVirtualMachine", "stopVirtualMachine", "destroyVirtualMachine", "deployVirtualMachine", "deleteSnapshot"),
    *("recoverVirtualMachine", "expungeVirtualMachine", "destroyVolume", "recoverVolume", "createTags"),
)
FAULTS = ("refuse", "fail", "done_then_fail", "lost_answer", "lost_request", "hang", "slow", "restart", "late")


class Walker:
    """This will choose calls by a seed."""

    def __init__(self, seed: int, *, faults: bool, state: Path | None = None) -> None:
        self.chance = random.Random(seed)
        self.operator = Operator(seed=seed, state=state)
        self.cloud = self.operator.cloud
        self.faults = faults
        self.deployment = self.operator.deployment("walker")

    def step(self) -> None:
        """This will make one call, let some time pass, and sometimes plan a fault."""
        if self.faults and self.chance.random() < 0.3:
            kind: Any = self.chance.choice(FAULTS)
            self.cloud.faults.add(Fault(self.chance.choice(COMMANDS), kind, seconds=self.chance.choice((0.0, 3.0))))
        command = self.chance.choice(COMMANDS)
        try:
            answer = self.cloud.call(command, **self._parameters(command))
        except (AnswerLost, CallHangs):
            answer = None
        assert answer is None or answer.status in (200, 431, 530, 533)
        self.operator.clock.advance(self.chance.choice((0.0, 0.1, 0.7, 2.5)))

    def _parameters(self, command: str) -> dict[str, Any]:
        chance = self.chance
        volume, snapshot = self._one_of(self.cloud.volumes()), self._one_of(self.cloud.snapshots())
        machine = self._one_of([row for row in self.cloud.vms() if row.name != "oma1" or chance.random() < 0.5])
        name, started = f"w{chance.randrange(6)}", chance.random() < 0.5
        tag = [{"key": "k", "value": "v"}]
        by_command: dict[str, dict[str, Any]] = {
            "deployVirtualMachine": self.deployment | {"name": name, "startvm": started},
            "attachVolume": {"id": volume, "virtualmachineid": machine, "deviceid": chance.choice((None, 0, 1, 2, 3))},
            "createSnapshot": {"volumeid": volume, "name": "s"},
            "createVolume": {"snapshotid": snapshot, "name": "c"},
            "createTags": {"resourcetype": "Volume", "resourceids": volume, "tags": tag},
            "deleteSnapshot": {"id": snapshot},
            "revertSnapshot": {"id": snapshot},
        }
        subject = volume if "Volume" in command else machine
        return by_command.get(command, {"id": subject, "expunge": chance.random() < 0.3})

    def _one_of(self, rows: Sequence[Any]) -> str:
        return str(self.chance.choice(rows).id) if rows else "none"


def _disks_by_layer(cloud: Simulator) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    running = {row.id for row in cloud.vms() if row.running_on_hypervisor}
    recorded = {(row.vm_id, row.id) for row in cloud.volumes() if row.vm_id in running}
    held = {(holder, row.id) for row in cloud.volumes() for holder in row.holders}
    return {(vm, disk) for vm, disk in recorded if vm is not None}, held


@pytest.mark.parametrize("seed", range(8))
def test_without_faults_and_without_haste_record_and_hosts_agree(seed: int) -> None:
    walker = Walker(seed, faults=False)

    for _ in range(120):
        walker.step()
        # one at a time: what is queued side by side may come apart, as apache/cloudstack#14214 shows
        walker.operator.clock.advance(5.0)

    recorded, held = _disks_by_layer(walker.cloud)
    assert recorded == held
    assert walker.cloud.unfinished_jobs() == []
    states = {row.state for row in walker.cloud.volumes()}
    assert states <= {"Ready", "Allocated", "Destroy"}
    assert {row.state for row in walker.cloud.vms()} <= {"Running", "Stopped", "Destroyed", "Error"}


@pytest.mark.parametrize("seed", range(12))
def test_whatever_goes_wrong_the_cloud_answers_and_only_running_domains_hold_disks(seed: int) -> None:
    walker = Walker(100 + seed, faults=True)

    for _ in range(150):
        walker.step()
    walker.cloud.faults.clear()
    walker.operator.settle()

    running = {row.id for row in walker.cloud.vms() if row.running_on_hypervisor}
    _, held = _disks_by_layer(walker.cloud)
    assert {holder for holder, _ in held} <= running
    assert {row.id for row in walker.cloud.vms() if row.state == "Running"} <= running


@pytest.mark.parametrize("seed", range(6))
def test_a_world_read_from_its_file_is_the_same_world(seed: int, tmp_path: Path) -> None:
    state = tmp_path / "world"
    walker = Walker(200 + seed, faults=True, state=state)
    for _ in range(60):
        walker.step()
    walker.cloud.advance()

    again = Simulator.scenario("small", clock=walker.operator.clock, seed=200 + seed, state=state)

    assert again.volumes() == walker.cloud.volumes()
    assert again.vms() == walker.cloud.vms()
    assert again.snapshots() == walker.cloud.snapshots()
    assert again.unfinished_jobs() == walker.cloud.unfinished_jobs()
    assert again.alarms() == walker.cloud.alarms()
    walker.operator.clock.advance(600.0)
    assert walker.cloud.volumes() == again.volumes()
    assert walker.cloud.vms() == again.vms()
