"""The clock commits only what stands: where the disks are off their VM the rollback points may be the last copies."""

from __future__ import annotations

import pytest

from jobs.models import FailoverJob, Outcome
from tests.support.choices import by_hand, disk_of
from tests.support.ends_of_rollbacks import assert_committed
from tests.support.scenes import Scene, scene
from tests.support.telling import carry_on, for_seconds

pytestmark = pytest.mark.django_db

HOURS = 3600.0


def _failed_over_to_be_committed() -> tuple[Scene, FailoverJob]:
    stage = scene()
    config = {"rollback_window": "4h", "after_rollback_window": "commit"}
    job = stage.service.start_live("vm-two", custom_config=config)
    carry_on(stage)
    job.refresh_from_db()
    assert job.outcome == Outcome.SUCCEEDED
    return stage, job


def _points(stage: Scene, job: FailoverJob) -> int:
    return len([point for point in stage.simulator.snapshots() if point.name.startswith(job.marker)])


def test_the_rollback_points_of_a_vm_that_was_destroyed_are_not_removed_by_the_clock() -> None:
    stage, job = _failed_over_to_be_committed()
    target = job.destination_vm_id
    by_hand(stage, "updateVirtualMachine", id=target, deleteprotection="false")
    by_hand(stage, "destroyVirtualMachine", id=target, expunge="true")

    stage.service.run(
        until=lambda: FailoverJob.objects.filter(pk=job.pk, rollback_window_over_at__isnull=False).exists()
    )

    job.refresh_from_db()
    assert (job.outcome, _points(stage, job)) == (Outcome.SUCCEEDED, 2)
    assert target in job.events.get(kind="rollback_window_over").message


def test_the_rollback_point_of_a_disk_that_was_taken_off_is_not_removed_by_the_clock() -> None:
    stage, job = _failed_over_to_be_committed()
    by_hand(stage, "detachVolume", id=disk_of(job, 1))

    stage.service.run(
        until=lambda: FailoverJob.objects.filter(pk=job.pk, rollback_window_over_at__isnull=False).exists()
    )

    job.refresh_from_db()
    assert (job.outcome, _points(stage, job)) == (Outcome.SUCCEEDED, 2)
    assert disk_of(job, 1) in job.events.get(kind="rollback_window_over").message


def test_a_cloud_that_does_not_answer_puts_the_commit_off() -> None:
    stage, job = _failed_over_to_be_committed()
    for_seconds(stage, 3.9 * HOURS)
    stage.simulator.restart_management_server(down_seconds=0.5 * HOURS)
    for_seconds(stage, 0.3 * HOURS)
    assert _points(stage, job) == 2

    for_seconds(stage, 0.5 * HOURS)
    carry_on(stage)

    assert_committed(stage, job)


def test_a_window_whose_end_fails_keeps_no_other_from_ending() -> None:
    stage, job = _failed_over_to_be_committed()
    broken = stage.service.start_live(
        "vm-one", custom_config={"rollback_window": "2h", "after_rollback_window": "commit"}
    )
    carry_on(stage)
    FailoverJob.objects.filter(pk=broken.pk).update(specification={"disks": []})

    for_seconds(stage, 4.1 * HOURS)
    carry_on(stage)

    assert_committed(stage, job)
    broken.refresh_from_db()
    assert broken.outcome == Outcome.SUCCEEDED
    assert broken.next_look_at is not None
