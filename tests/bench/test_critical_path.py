"""This will show that the limit of a plan is what the cloud needs for it, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobs.engine.contracts import PlannedSteps
from jobs.plans.live import live_failover
from jobs.plans.specification import DiskSpecification, FailoverSpecification, NicSpecification, device_ids
from tests.bench.critical_path import critical_path_seconds


def specification(*, disks: int) -> FailoverSpecification:
    """Give the specification of a VM with so many disks."""
    return FailoverSpecification(
        job_id="live-failover-vm-1-1",
        marker="0badcafe",
        vm_id="vm-1",
        appliance_vm_id="appliance",
        zone_id="zone",
        service_offering_id="offering",
        template_id="template",
        target_name="one-0badcafe",
        display_name="one",
        details={},
        boot_type="BIOS",
        boot_mode="LEGACY",
        os_type_id="os",
        os_type_name="An OS",
        disks=tuple(
            DiskSpecification(
                position=position,
                label=f"Hard disk {position + 1}",
                volume_id=f"volume-{position}",
                size_bytes=1,
                change_id="52 3c/1",
                appliance_device_id=position + 1,
                target_device_id=device,
            )
            for position, device in enumerate(device_ids(disks))
        ),
        nics=(NicSpecification(network_id="network", mac=None, ip=None),),
    )


def test_one_disk_needs_detach_snapshot_attach_and_start() -> None:
    planned = live_failover(specification(disks=1))

    assert critical_path_seconds(planned, job_seconds=5.0) == pytest.approx(20.0)


def test_further_disks_queue_at_the_appliance_and_at_the_target() -> None:
    planned = live_failover(specification(disks=3))

    # Three detaches one after another, the last snapshot, three attaches one after another, the start.
    assert critical_path_seconds(planned, job_seconds=1.0) == pytest.approx(8.0)


def test_disks_that_need_not_queue_go_side_by_side() -> None:
    planned = live_failover(specification(disks=2))
    apart = [
        replace(step, command=replace(step.command, appliance_vm_id=f"appliance-{step.key}"))  # type: ignore[type-var]
        if step.key.startswith("detach-disk")
        else step
        for step in planned.steps
    ]

    limit = critical_path_seconds(PlannedSteps(steps=apart), job_seconds=1.0)

    assert limit == critical_path_seconds(planned, job_seconds=1.0) - 1.0


def test_an_empty_plan_takes_no_time() -> None:
    assert critical_path_seconds(PlannedSteps(steps=[]), job_seconds=1.0) == 0.0
