"""This will write the plans after a live failover: the way back to the appliance, and the end of that way."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from jobs.commands.appliance import AttachToAppliance
from jobs.commands.power import ProtectTarget, StopTarget
from jobs.commands.replication import ReleaseReplication
from jobs.commands.reverts import RevertSnapshot
from jobs.commands.snapshots import DeleteSnapshot
from jobs.commands.target import DestroyTarget
from jobs.commands.target_disks import DetachFromTarget
from jobs.engine.contracts import PlannedStep, PlannedSteps
from jobs.engine.undo import needs_among
from jobs.models import Phase
from jobs.plans.specification import DiskSpecification, FailoverSpecification

Results = Mapping[str, Mapping[str, Any]]


def rollback(spec: FailoverSpecification, results: Results) -> PlannedSteps:
    """Stop, detach all, revert all, attach in the appliance's old order, remove the VM, let replication go on.

    No disk is reverted before all are off the VM, and none is attached before all are reverted (rule 7). The rollback
    points stay: they are all that is left to compare an unverified replica with.
    """
    target = str(results["deploy"]["vm_id"])
    steps = [
        PlannedStep("rollback-stop", Phase.REVERTING, StopTarget(target_vm_id=target, forced=False)),
        PlannedStep(
            "rollback-unprotect",
            Phase.REVERTING,
            ProtectTarget(target_vm_id=target, protected=False),
            after=("rollback-stop",),
        ),
    ]
    for disk in spec.disks:
        detach = DetachFromTarget(volume_id=disk.volume_id, target_vm_id=target, label=disk.label)
        steps.append(PlannedStep(_key("detach", disk), Phase.REVERTING, detach, after=("rollback-unprotect",)))
    detached = tuple(_key("detach", disk) for disk in spec.disks)
    for disk in spec.disks:
        revert = RevertSnapshot(volume_id=disk.volume_id, snapshot_id=point_of(results, disk), label=disk.label)
        steps.append(PlannedStep(_key("revert", disk), Phase.REVERTING, revert, after=detached))
    steps += _returned(spec)
    returned = tuple(_key("return", disk) for disk in spec.disks)
    destroy = DestroyTarget(target_vm_id=target, vm_name=spec.target_name)
    release = ReleaseReplication(vm_id=spec.vm_id, reference=spec.job_id)
    steps.append(PlannedStep("rollback-destroy", Phase.REVERTING, destroy, after=returned))
    steps.append(PlannedStep("rollback-release", Phase.REVERTING, release, after=returned))
    return PlannedSteps(steps=steps)


def rest_of_rollback(
    spec: FailoverSpecification, results: Results, *, undone: Collection[str], at_home: Collection[str]
) -> PlannedSteps:
    """Give what a rollback left undone, in its order; `at_home` are the volumes that hang on the appliance again.

    Those are not reverted any more: replication may have written to them since. Before a disk comes off the VM, or the
    VM is removed, it is seen stopped and unprotected once more: somebody may have started it in between.
    """
    keys = set(undone) - {_key("revert", disk) for disk in spec.disks if disk.volume_id in at_home}
    if keys & {"rollback-destroy", *(_key("detach", disk) for disk in spec.disks)}:
        keys |= {"rollback-stop", "rollback-unprotect"}
    whole = rollback(spec, results).steps
    after = needs_among(whole, keys)
    return PlannedSteps(steps=[replace(step, after=after[step.key]) for step in whole if step.key in keys])


def commit(spec: FailoverSpecification, results: Results) -> PlannedSteps:
    """Remove the rollback points: from then on there is no way back, and the disks are the VM's alone."""
    return PlannedSteps(
        steps=[
            PlannedStep(
                f"commit-snapshot-disk{disk.position}",
                Phase.CLEANUP,
                DeleteSnapshot(snapshot_id=point_of(results, disk), label=disk.label),
            )
            for disk in spec.disks
        ]
    )


def point_of(results: Results, disk: DiskSpecification) -> str:
    """Give the id of the snapshot that the disk is reverted to."""
    return str(results[f"snapshot-disk{disk.position}"]["snapshot_id"])


def _returned(spec: FailoverSpecification) -> list[PlannedStep]:
    """Attach in the order of the device ids that the disks had, one after the other."""
    before = tuple(_key("revert", disk) for disk in spec.disks)
    steps = []
    for disk in sorted(spec.disks, key=lambda one: one.appliance_device_id):
        attach = AttachToAppliance(
            volume_id=disk.volume_id,
            appliance_vm_id=spec.appliance_vm_id,
            device_id=disk.appliance_device_id,
            label=disk.label,
        )
        steps.append(PlannedStep(_key("return", disk), Phase.REVERTING, attach, after=before))
        before = (_key("return", disk),)
    return steps


def _key(what: str, disk: DiskSpecification) -> str:
    return f"rollback-{what}-disk{disk.position}"
