"""This will prove what the two cleanup commands print, change and return, against a simulated cloud on a socket."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from cloudstack_simulator import Fault
from cloudstack_simulator.server import SimulatorServer
from inventory.models import TargetCloud
from jobs.models import FailoverJob, Plan, Step
from tests.processes.waiting import wait_until
from tests.support.inventory_of import ScenarioInventory

pytestmark = pytest.mark.django_db


def _run(command: str, *words: str) -> tuple[int, str, str]:
    """Give the exit status, and what was printed on both outputs."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as left:
        call_command(command, *words, stdout=out, stderr=err)
    return int(left.value.code or 0), out.getvalue(), err.getvalue()


def _test_job(inventory: ScenarioInventory, **changes: Any) -> FailoverJob:
    vm, now = inventory.vms["two"], timezone.now()
    fields: dict[str, Any] = {
        "job_id": f"test-failover-{vm.vm_id}-1",
        "job_type": "test",
        "vm": vm,
        "source_vm_id": vm.vm_id,
        "vm_name": vm.name,
        "marker": "0badcafe",
        "endpoint": str(vm.cloud.uuid),
        "specification": {"strategy": "clone", "disks": [], "nics": []},
        "status": "executing",
        "state": "window_open",
        "window_seconds": 60,
        "window_opened_at": now - timedelta(minutes=2),
        "window_ends_at": now - timedelta(minutes=1),
        "created_at": now - timedelta(minutes=3),
        **changes,
    }
    return FailoverJob.objects.create(**fields)


# --- cleanup_expired_tests ---


def test_an_expired_test_that_cleans_up_alone_is_asked_for_once(inventory: ScenarioInventory) -> None:
    job = _test_job(inventory, auto_cleanup=True)

    first = _run("cleanup_expired_tests")
    second = _run("cleanup_expired_tests")

    assert (first[0], second[0]) == (0, 0)
    assert f"cleanup asked for: {job.job_id}" in first[1]
    assert "No test is expired." in second[1]
    job.refresh_from_db()
    assert job.cleanup_requested_at is not None and job.next_look_at is not None
    assert [event.actor for event in job.events.filter(kind="cleanup_requested")] == ["cleanup_expired_tests"]


def test_an_overdue_test_that_waits_for_a_request_is_asked_for_only_with_all(inventory: ScenarioInventory) -> None:
    job = _test_job(inventory, auto_cleanup=False)

    assert "No test is expired." in _run("cleanup_expired_tests")[1]
    status, said, _ = _run("cleanup_expired_tests", "--all")

    assert status == 0 and job.job_id in said
    job.refresh_from_db()
    assert job.cleanup_requested_at is not None


def test_a_dry_run_names_the_expired_and_asks_for_nothing(inventory: ScenarioInventory) -> None:
    job = _test_job(inventory, auto_cleanup=True)

    status, said, _ = _run("cleanup_expired_tests", "--dry-run")

    assert status == 1 and f"would be cleaned up: {job.job_id}" in said
    job.refresh_from_db()
    assert job.cleanup_requested_at is None


def test_a_test_whose_time_is_not_over_is_left_alone(inventory: ScenarioInventory) -> None:
    _test_job(inventory, auto_cleanup=True, window_ends_at=timezone.now() + timedelta(hours=1))

    assert _run("cleanup_expired_tests", "--all")[:2] == (0, "No test is expired.\n")


# --- cleanup_orphans ---


@pytest.fixture
def leftover(inventory: ScenarioInventory, cloud: SimulatorServer) -> FailoverJob:
    """Give an ended test whose snapshot is still in the cloud."""
    job = _test_job(inventory, state="finished", status="failed", outcome="failed")
    volume = next(volume for volume in cloud.simulator.volumes() if volume.replica)
    cloud.simulator.cloud.job_seconds = 0.05
    cloud.simulator.call("createSnapshot", who="owner", volumeid=volume.id, name=f"{job.marker}-test-disk0")
    TargetCloud.objects.update(expunge_allowed=True)
    plan = Plan.objects.create(job=job, kind="forward", number=1, state="failed", created_at=job.created_at)
    Step.objects.create(
        plan=plan,
        key="snapshot-disk0",
        position=0,
        phase="snapshotting",
        command="take_snapshot",
        arguments={"volume_id": volume.id, "snapshot_name": f"{job.marker}-test-disk0", "label": "Hard disk 1"},
        title="Take a snapshot",
        state="skipped",
        attempts_made=1,
    )
    _settle(cloud)
    return job


def _settle(cloud: SimulatorServer) -> None:
    """Let the simulated cloud's job end: it works when it is asked."""

    def is_settled() -> bool:
        cloud.simulator.advance()
        return [snapshot.state for snapshot in cloud.simulator.snapshots()] == ["BackedUp"]

    wait_until(is_settled, within=10.0, what="the snapshot is BackedUp", every=0.02)


def test_a_clean_cloud_has_nothing_to_list(inventory: ScenarioInventory) -> None:
    assert _run("cleanup_orphans") == (0, "simulated: nothing is left over.\n", "")


def test_without_apply_an_orphan_is_listed_and_stays(leftover: FailoverJob, cloud: SimulatorServer) -> None:
    status, said, _ = _run("cleanup_orphans")

    assert status == 1
    assert "simulated: would be removed: snapshot 0badcafe-test-disk0" in said and leftover.job_id in said
    assert [snapshot.name for snapshot in cloud.simulator.snapshots()] == ["0badcafe-test-disk0"]


def test_with_apply_it_is_removed_and_the_next_run_finds_nothing(leftover: FailoverJob) -> None:
    first = _run("cleanup_orphans", "--apply")
    second = _run("cleanup_orphans", "--apply", "--cloud", "simulated")

    assert first[0] == 0 and "simulated: removed: snapshot 0badcafe-test-disk0" in first[1]
    assert second[:2] == (0, "simulated: nothing is left over.\n")
    assert leftover.events.filter(kind="orphan_removed").exists()


def test_what_cannot_be_removed_gives_status_2_with_the_reason(leftover: FailoverJob, cloud: SimulatorServer) -> None:
    cloud.simulator.faults.add(Fault("deleteSnapshot", "refuse", text="not today"))

    status, said, _ = _run("cleanup_orphans", "--apply")

    assert status == 2 and "NOT removed" in said and "not today" in said


def test_a_cloud_that_does_not_answer_gives_status_2(leftover: FailoverJob) -> None:
    TargetCloud.objects.update(endpoint="http://127.0.0.1:9/client/api")

    status, _, complaint = _run("cleanup_orphans")

    assert status == 2 and "simulated cannot be read" in complaint


def test_a_cloud_that_is_not_known_gives_status_2(inventory: ScenarioInventory) -> None:
    assert _run("cleanup_orphans", "--cloud", "nowhere")[0] == 2
