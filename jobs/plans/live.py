"""This will write the plan of a live failover: the replica disks become those of a new VM on production networks."""

from __future__ import annotations

from jobs.commands.appliance import DetachFromAppliance
from jobs.commands.power import ProtectTarget, StartTarget
from jobs.commands.replication import HoldReplication
from jobs.commands.safety import CheckSafety
from jobs.commands.snapshots import TakeSnapshot
from jobs.commands.target_disks import AttachToTarget
from jobs.engine.contracts import PlannedStep, PlannedSteps
from jobs.models import Phase
from jobs.plans.common import TARGET, target_is_ready, target_steps
from jobs.plans.specification import DiskSpecification, FailoverSpecification


def live_failover(spec: FailoverSpecification) -> PlannedSteps:
    """Give the steps: hold, detach, snapshot beside deploy, attach in boot order, protect, start."""
    steps = [
        PlannedStep("check", Phase.VALIDATING, CheckSafety(vm_id=spec.vm_id)),
        PlannedStep(
            "hold",
            Phase.SNAPSHOTTING,
            HoldReplication(vm_id=spec.vm_id, reference=spec.job_id),
            after=("check",),
        ),
    ]
    for disk in spec.disks:
        steps += _rollback_point(spec, disk)
    steps += target_steps(spec, after="check")
    steps += _switch(spec)
    steps += _power_on(spec)
    return PlannedSteps(steps=steps)


def _rollback_point(spec: FailoverSpecification, disk: DiskSpecification) -> list[PlannedStep]:
    detach = DetachFromAppliance(
        volume_id=disk.volume_id,
        appliance_vm_id=spec.appliance_vm_id,
        device_id=disk.appliance_device_id,
        label=disk.label,
    )
    snapshot = TakeSnapshot(
        volume_id=disk.volume_id,
        snapshot_name=f"{spec.marker}-rollback-disk{disk.position}",
        tags={"failover-job": spec.marker},
        label=disk.label,
    )
    return [
        PlannedStep(f"detach-disk{disk.position}", Phase.SNAPSHOTTING, detach, after=("hold",)),
        PlannedStep(
            f"snapshot-disk{disk.position}", Phase.SNAPSHOTTING, snapshot, after=(f"detach-disk{disk.position}",)
        ),
    ]


def _switch(spec: FailoverSpecification) -> list[PlannedStep]:
    """Attach only when every disk has its rollback point (rule 7), the boot disk first."""
    ready = (*(f"snapshot-disk{disk.position}" for disk in spec.disks), *target_is_ready(spec))
    steps = []
    for disk in spec.disks:
        attach = AttachToTarget(
            volume_id=disk.volume_id, target_vm_id=TARGET, device_id=disk.target_device_id, label=disk.label
        )
        after = ready if disk.position == 0 else ("attach-disk0",)
        steps.append(PlannedStep(f"attach-disk{disk.position}", Phase.SWITCHING_VOLUME, attach, after=after))
    return steps


def _power_on(spec: FailoverSpecification) -> list[PlannedStep]:
    attached = tuple(f"attach-disk{disk.position}" for disk in spec.disks)
    protect = ProtectTarget(
        target_vm_id=TARGET, protected=True, os_type_id=spec.os_type_id, os_type_name=spec.os_type_name
    )
    start = StartTarget(target_vm_id=TARGET, disks={str(disk.target_device_id): disk.volume_id for disk in spec.disks})
    return [
        PlannedStep("protect", Phase.POWERING_ON, protect, after=attached),
        PlannedStep("start", Phase.POWERING_ON, start, after=("protect",), is_point_of_no_return=True),
    ]
