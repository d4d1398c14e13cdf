"""This will write the plans of test failovers: the same VM boots in an isolated network, and no replica is harmed."""

from __future__ import annotations

from typing import assert_never

from jobs.commands.appliance import DetachFromAppliance, ReturnToAppliance
from jobs.commands.clones import CreateClone
from jobs.commands.power import StartTarget
from jobs.commands.replication import HoldReplication, ReleaseReplication
from jobs.commands.reverts import PromiseRevert
from jobs.commands.safety import CheckSafety, CheckSet, MarkReplication
from jobs.commands.snapshots import TakeSnapshot, UseSnapshot
from jobs.commands.target_disks import AttachToTarget
from jobs.engine.contracts import PlannedStep, PlannedSteps, result_of
from jobs.models import Phase
from jobs.plans.common import TARGET, target_is_ready, target_steps
from jobs.plans.specification import DiskSpecification, FailoverSpecification, Strategy


def plan_of_test(spec: FailoverSpecification) -> PlannedSteps:
    """Give the plan of the specification's strategy."""
    strategy = Strategy(spec.strategy)
    match strategy:
        case Strategy.CLONE:
            return clone(spec)
        case Strategy.DETACHED_CLONE:
            return detached_clone(spec)
        case Strategy.BOOT_AND_REVERT:
            return boot_and_revert(spec)
        case Strategy.FROM_SNAPSHOTS:
            return from_snapshots(spec)
        case Strategy.LIVE:
            raise ValueError("A test is never planned as a live failover.")
        case _:
            assert_never(strategy)


def clone(spec: FailoverSpecification) -> PlannedSteps:
    """Snapshot the replicas where they hang, let replication go on, and boot from copies of the snapshots."""
    cut = [_snapshot(spec, disk, after="mark", attached=True) for disk in spec.disks]
    return PlannedSteps(
        steps=[
            *_held(spec),
            *cut,
            *_proven_set(spec),
            _release(spec, after=("check-set",)),
            *target_steps(spec, after="check", is_test=True),
            *_copies(spec),
            *_boot(spec, disks=_clone_ids(spec)),
        ]
    )


def detached_clone(spec: FailoverSpecification) -> PlannedSteps:
    """For clouds that forbid snapshots of running VMs: detach, snapshot and return each replica, then as `clone`."""
    cut: list[PlannedStep] = []
    for disk in spec.disks:
        cut += [
            _detach(spec, disk),
            _snapshot(spec, disk, after=f"detach-disk{disk.position}", attached=False),
            _return(spec, disk),
        ]
    returned = tuple(f"return-disk{disk.position}" for disk in spec.disks)
    return PlannedSteps(
        steps=[
            *_held(spec),
            *cut,
            *_proven_set(spec),
            _release(spec, after=("check-set", *returned)),
            *target_steps(spec, after="check", is_test=True),
            *_copies(spec),
            *_boot(spec, disks=_clone_ids(spec)),
        ]
    )


def boot_and_revert(spec: FailoverSpecification) -> PlannedSteps:
    """Boot the replicas themselves, where there is no room for copies; they are reverted, and unverified, afterwards.

    Replication is held for the whole test: its release is the inverse of the hold.
    """
    cut: list[PlannedStep] = []
    for disk in spec.disks:
        cut += [
            _detach(spec, disk),
            _snapshot(spec, disk, after=f"detach-disk{disk.position}", attached=False, keep_when_written=True),
            _promise(disk),
        ]
    promised = tuple(f"promise-disk{disk.position}" for disk in spec.disks)
    replicas = {disk.position: disk.volume_id for disk in spec.disks}
    return PlannedSteps(
        steps=[
            *_held(spec),
            *cut,
            *target_steps(spec, after="check", is_test=True),
            *_boot(spec, disks=replicas, ready=promised),
        ]
    )


def from_snapshots(spec: FailoverSpecification) -> PlannedSteps:
    """Boot from copies of older snapshots, which another job cut at one point; no replica is touched, none waits."""
    chosen = [
        PlannedStep(
            f"use-snapshot-disk{disk.position}",
            Phase.SNAPSHOTTING,
            UseSnapshot(
                snapshot_id=disk.snapshot_id,
                volume_id=disk.volume_id,
                label=disk.label,
                taken_by=spec.snapshots_by,
                taken_at=spec.snapshots_at,
            ),
            after=("check",),
        )
        for disk in spec.disks
    ]
    good = tuple(step.key for step in chosen)
    return PlannedSteps(
        steps=[
            PlannedStep("check", Phase.VALIDATING, CheckSafety(vm_id=spec.vm_id)),
            *chosen,
            *target_steps(spec, after="check", is_test=True),
            *_copies(spec, of="use-snapshot", after=good),
            *_boot(spec, disks=_clone_ids(spec)),
        ]
    )


def _held(spec: FailoverSpecification) -> list[PlannedStep]:
    hold = HoldReplication(vm_id=spec.vm_id, reference=spec.job_id)
    return [
        PlannedStep("check", Phase.VALIDATING, CheckSafety(vm_id=spec.vm_id)),
        PlannedStep("hold", Phase.SNAPSHOTTING, hold, after=("check",)),
        PlannedStep("mark", Phase.SNAPSHOTTING, MarkReplication(vm_id=spec.vm_id), after=("hold",)),
    ]


def _detach(spec: FailoverSpecification, disk: DiskSpecification) -> PlannedStep:
    command = DetachFromAppliance(
        volume_id=disk.volume_id,
        appliance_vm_id=spec.appliance_vm_id,
        device_id=disk.appliance_device_id,
        label=disk.label,
    )
    return PlannedStep(f"detach-disk{disk.position}", Phase.SNAPSHOTTING, command, after=("mark",))


def _return(spec: FailoverSpecification, disk: DiskSpecification) -> PlannedStep:
    command = ReturnToAppliance(
        volume_id=disk.volume_id,
        appliance_vm_id=spec.appliance_vm_id,
        device_id=disk.appliance_device_id,
        label=disk.label,
    )
    after = (f"snapshot-disk{disk.position}",)
    return PlannedStep(f"return-disk{disk.position}", Phase.SNAPSHOTTING, command, after=after)


def _snapshot(
    spec: FailoverSpecification,
    disk: DiskSpecification,
    *,
    after: str,
    attached: bool,
    keep_when_written: bool = False,
) -> PlannedStep:
    command = TakeSnapshot(
        volume_id=disk.volume_id,
        snapshot_name=f"{spec.marker}-test-disk{disk.position}",
        tags={"failover-job": spec.marker},
        label=disk.label,
        appliance_vm_id=spec.appliance_vm_id if attached else "",
        keep_when_written=keep_when_written,
    )
    return PlannedStep(f"snapshot-disk{disk.position}", Phase.SNAPSHOTTING, command, after=(after,))


def _promise(disk: DiskSpecification) -> PlannedStep:
    key = f"snapshot-disk{disk.position}"
    command = PromiseRevert(volume_id=disk.volume_id, snapshot_id=result_of(key, "snapshot_id"), label=disk.label)
    return PlannedStep(f"promise-disk{disk.position}", Phase.SNAPSHOTTING, command, after=(key,))


def _proven_set(spec: FailoverSpecification) -> list[PlannedStep]:
    """Throw the set away unless it is of one point (rule 7)."""
    command = CheckSet(vm_id=spec.vm_id, mark=result_of("mark", "mark"))
    after = tuple(f"snapshot-disk{disk.position}" for disk in spec.disks)
    return [PlannedStep("check-set", Phase.SNAPSHOTTING, command, after=after)]


def _release(spec: FailoverSpecification, *, after: tuple[str, ...]) -> PlannedStep:
    """Let replication go on as soon as the set is cut: it waits no longer than the snapshots need."""
    command = ReleaseReplication(vm_id=spec.vm_id, reference=spec.job_id)
    return PlannedStep("release", Phase.SNAPSHOTTING, command, after=after)


def _copies(
    spec: FailoverSpecification, *, of: str = "snapshot", after: tuple[str, ...] = ("check-set",)
) -> list[PlannedStep]:
    return [
        PlannedStep(
            f"clone-disk{disk.position}",
            Phase.CREATING_VM,
            CreateClone(
                snapshot_id=result_of(f"{of}-disk{disk.position}", "snapshot_id"),
                clone_name=f"{spec.marker}-clone-disk{disk.position}",
                zone_id=spec.zone_id,
                label=disk.label,
            ),
            after=after,
        )
        for disk in spec.disks
    ]


def _clone_ids(spec: FailoverSpecification) -> dict[int, str]:
    return {disk.position: result_of(f"clone-disk{disk.position}", "volume_id") for disk in spec.disks}


def _boot(spec: FailoverSpecification, *, disks: dict[int, str], ready: tuple[str, ...] = ()) -> list[PlannedStep]:
    """Attach all disks in boot order, then start; `disks` maps positions to volume ids (or to results naming them)."""
    cloned = () if ready else tuple(f"clone-disk{disk.position}" for disk in spec.disks)
    steps = []
    for disk in spec.disks:
        attach = AttachToTarget(
            volume_id=disks[disk.position],
            target_vm_id=TARGET,
            device_id=disk.target_device_id,
            label=disk.label if ready else f"the copy of {disk.label}",
        )
        after = (*ready, *cloned, *target_is_ready(spec, is_test=True)) if disk.position == 0 else ("attach-disk0",)
        steps.append(PlannedStep(f"attach-disk{disk.position}", Phase.SWITCHING_VOLUME, attach, after=after))
    start = StartTarget(
        target_vm_id=TARGET,
        disks={str(disk.target_device_id): disks[disk.position] for disk in spec.disks},
        is_test=True,
    )
    attached = tuple(f"attach-disk{disk.position}" for disk in spec.disks)
    return [*steps, PlannedStep("start", Phase.POWERING_ON, start, after=attached)]
