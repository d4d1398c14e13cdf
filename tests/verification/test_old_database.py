"""This will prove that a database older than the world is noticed, and that nothing is touched until it is confirmed.

The database is taken back to an earlier moment by a savepoint, as a restored backup takes it; cloud and files go on.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import transaction
from pytest_django import Settings

from audit.models import AuditEvent
from cloudstack_simulator import Fault
from jobs.errors import ServicePaused
from jobs.generation.guard import GenerationGuard, confirm, keep_marks, paused_reason
from jobs.generation.marks import KEYS
from jobs.generation.models import Generation, current
from jobs.models import FailoverJob, Outcome
from jobs.verification.findings import Drift
from jobs.verification.world import verify_cloud
from tests.support.scenes import Scene, scene

pytestmark = pytest.mark.django_db

VM = "vm-one"


@pytest.fixture(autouse=True)
def files_of_their_own(settings: Settings, tmp_path: Path) -> None:
    """Keep the files of each test apart."""
    settings.GENERATION_FILE = tmp_path / "generation"
    settings.AUDIT_HEAD_FILE = tmp_path / "audit-head.json"


def _guard(stage: Scene) -> GenerationGuard:
    """Give the guard of a new process."""
    return GenerationGuard(stage.service.gateway, now=stage.service.clock.now)


def _obstacle(stage: Scene) -> str:
    return _guard(stage).obstacle(str(stage.inventory.cloud.uuid))


def _keep(stage: Scene, *, times: int = 3) -> None:
    """Let the keeper come round; the cloud's tag jobs end in between."""
    for _ in range(times):
        keep_marks(_guard(stage), new_id=stage.service.engine.new_id, with_tags=True)
        stage.service.clock.stepped.advance(30)
        stage.simulator.advance()


def _guarded(stage: Scene) -> None:
    """Give the service's next process the guard that the real one has."""
    stage.service.start_process()
    stage.service.engine = replace(stage.service.engine, obstacle=_guard(stage).obstacle)


def _live(stage: Scene, vm_id: str) -> FailoverJob:
    job = stage.service.start_live(vm_id)
    stage.service.run()
    job.refresh_from_db()
    assert job.outcome == Outcome.SUCCEEDED
    return job


def _restored(stage: Scene) -> FailoverJob:
    """Fail one VM over, take a backup, fail another over, and restore the backup; give the second job as it was."""
    _live(stage, VM)
    _keep(stage)
    backup = transaction.savepoint()
    lost = _live(stage, "vm-two")
    _keep(stage)
    transaction.savepoint_rollback(backup)
    return lost


@pytest.mark.slow
def test_a_service_that_goes_on_is_never_paused_and_its_marks_follow() -> None:
    stage = scene()
    for vm_id in (VM, "vm-two"):
        _live(stage, vm_id)
        _keep(stage)
        assert _obstacle(stage) == ""

    row = current()
    machine = stage.simulator.cloud.world.machines[stage.inventory.vms["one"].appliance.virtual_machine_id]
    assert row.number == 2
    assert [tag["value"] for tag in machine.tags if tag["key"] in KEYS] == [str(row)]


@pytest.mark.slow
@pytest.mark.parametrize("left", ["file", "tag"])
def test_a_restored_backup_is_noticed_by_either_mark_alone(left: str, settings: Settings) -> None:
    stage = scene()
    _restored(stage)
    if left == "tag":
        Path(settings.GENERATION_FILE).unlink()
    else:
        for machine in stage.simulator.cloud.world.machines.values():
            machine.tags = []

    obstacle = _obstacle(stage)

    assert "older than the world" in obstacle and left in obstacle
    assert paused_reason() == obstacle


def test_the_marks_of_all_appliances_are_read_by_one_call() -> None:
    stage = scene("fleet:20")
    before = stage.simulator.calls.count("listVirtualMachines")

    assert _obstacle(stage) == ""
    _keep(stage, times=1)

    assert stage.inventory.cloud.appliances.count() == 4
    # The guards of two processes.
    assert stage.simulator.calls.count("listVirtualMachines") == before + 2


def test_an_appliance_that_is_gone_hides_no_mark_of_the_others(settings: Settings) -> None:
    stage = scene()
    _restored(stage)
    Path(settings.GENERATION_FILE).unlink()
    stage.inventory.cloud.appliances.create(name="gone", virtual_machine_id=str(uuid.uuid4()))

    assert "older than the world" in _obstacle(stage)


def test_a_restored_backup_under_a_running_process_is_noticed_by_its_memory(settings: Settings) -> None:
    stage = scene()
    guard = _guard(stage)
    backup = transaction.savepoint()
    _live(stage, VM)
    _keep(stage)
    assert guard.obstacle(str(stage.inventory.cloud.uuid)) == ""
    transaction.savepoint_rollback(backup)
    Path(settings.GENERATION_FILE).unlink()

    assert "memory" in guard.obstacle(str(stage.inventory.cloud.uuid))


def test_a_thread_that_read_just_before_the_number_grew_takes_nothing_for_old(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = scene()
    guard, endpoint = _guard(stage), str(stage.inventory.cloud.uuid)
    reads: list[int] = []

    def overtaken() -> Generation:
        """Read, and let another thread read the next number before this one goes on."""
        row = current()
        reads.append(row.number)
        if len(reads) == 1:
            Generation.objects.update(number=row.number + 1)
            assert guard.obstacle(endpoint) == ""
        return row

    monkeypatch.setattr("jobs.generation.guard.current", overtaken)

    assert guard.obstacle(endpoint) == ""
    assert paused_reason() == ""
    assert reads[:2] == [0, 1]


@pytest.mark.slow
def test_a_paused_service_sends_nothing_and_refuses_starts() -> None:
    stage = scene()
    _live(stage, VM)
    _keep(stage)
    waiting = stage.service.start_live("vm-three")
    backup = transaction.savepoint()
    stage.service.run()
    _keep(stage)
    transaction.savepoint_rollback(backup)
    _guarded(stage)
    calls = len(stage.simulator.calls.mutating())

    with pytest.raises(AssertionError, match="still move"):
        stage.service.run(limit_seconds=3600)
    with pytest.raises(ServicePaused, match="confirm_database"):
        stage.service.start_live("vm-two")
    _keep(stage)

    assert len(stage.simulator.calls.mutating()) == calls
    waiting.refresh_from_db()
    assert waiting.state == "queued"


@pytest.mark.slow
def test_every_difference_is_listed_while_the_service_is_paused() -> None:
    stage = scene()
    lost = _restored(stage)
    assert _obstacle(stage)

    found = verify_cloud(gateway=stage.service.gateway(stage.inventory.cloud), cloud=stage.inventory.cloud)

    assert {finding.drift for finding in found} >= {Drift.FOREIGN_ATTACH, Drift.UNKNOWN_MARKER}
    assert any(lost.destination_vm_id in finding.words for finding in found)


@pytest.mark.slow
def test_a_confirmed_database_goes_on_and_stays_confirmed() -> None:
    stage = scene()
    _restored(stage)
    assert _obstacle(stage)

    confirm(gateways=stage.service.gateway, actor="tester", reason="compared by hand")

    assert (paused_reason(), _obstacle(stage)) == ("", "")
    _keep(stage)
    assert _obstacle(stage) == ""
    event = AuditEvent.objects.get(kind="database_confirmed")
    assert event.actor == "tester" and "compared by hand" in event.fields
    _guarded(stage)
    _live(stage, "vm-three")


def test_a_cloud_that_another_database_worked_on_pauses_a_new_one(settings: Settings) -> None:
    stage = scene()
    backup = transaction.savepoint()
    _live(stage, VM)
    _keep(stage)
    transaction.savepoint_rollback(backup)
    Path(settings.GENERATION_FILE).unlink()

    assert "tag of appliance" in _obstacle(stage)


def test_on_a_cloud_that_cannot_be_read_nothing_is_begun_and_nothing_is_paused() -> None:
    stage = scene()
    stage.simulator.faults.add(Fault("listVirtualMachines", "refuse", times=10))

    assert "can't be read" in _obstacle(stage)
    assert paused_reason() == ""
