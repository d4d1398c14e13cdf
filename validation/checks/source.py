"""This will check the source's side: the VM, its syncs, and who works on it."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from inventory.models import ReplicaState, ReplicationStatus, ReservationKind
from validation.facts import DiskFacts, Facts
from validation.findings import Finding, failed, passed, warned


def vm_existence(facts: Facts) -> Finding:
    """Check that the VM is known with at least a boot disk."""
    if not facts.disks:
        return failed("VM is known, but none of its disks is", actions=["Import the VM's disks into the inventory"])
    if facts.disks[0].disk.position != 0:
        return failed(
            "VM has no boot disk (position 0)", actions=["Import the VM's boot disk as position 0 into the inventory"]
        )
    return passed("VM exists and is accessible", vm_name=facts.vm.name, disks=len(facts.disks))


def sync_status(facts: Facts) -> Finding:
    """Check that every disk has a replica with a change id, a finished sync and trusted content."""
    problems = [problem for disk in facts.disks if (problem := sync_problem(disk))]
    if problems:
        return failed(
            "VM has no valid ChangeID from a successful sync on every disk",
            errors=[text for text, _ in problems],
            actions=list(dict.fromkeys(action for _, action in problems)),
            disks=[text for text, _ in problems],
        )
    boot = facts.disks[0].replica if facts.disks else None
    details: dict[str, Any] = {
        "job_id": facts.completed_replication.replication_id if facts.completed_replication else None,
        "change_id": boot.change_id if boot else None,
        "sync_time": timezone.localtime(boot.last_sync_at).isoformat() if boot and boot.last_sync_at else None,
    }
    if facts.newest_replication is not None and facts.newest_replication.status == ReplicationStatus.FAILED:
        return warned(
            f"The newest replication {facts.newest_replication.replication_id} failed; the replica is as of the sync"
            " before it",
            **details,
        )
    return passed("VM has valid ChangeID from successful sync", **details)


def sync_problem(facts: DiskFacts) -> tuple[str, str] | None:
    """Give what is wrong with the sync of one disk and what to do, None when nothing is."""
    replica = facts.replica
    if replica is None:
        return f"{facts.label} has no replica volume", f"Replicate {facts.label} and import its replica volume"
    if not replica.change_id or replica.last_sync_at is None:
        return f"The sync of {facts.label} never finished", f"Let the replication of {facts.label} finish"
    match replica.state:
        case ReplicaState.NEEDS_FULL_RESYNC:
            return f"{facts.label} needs a full resync", f"Run a full replication of {facts.label}"
        case ReplicaState.UNVERIFIED:
            return (
                f"The content of {facts.label} is unverified since a revert",
                f"Let the replication engine verify {facts.label}, or run a full replication of it",
            )
        case ReplicaState.HANDED_OVER:
            return (
                f"The volume {replica.volume_id} of {facts.label} belongs to a target VM since its commit",
                f"Replicate {facts.label} to another volume and import that as its replica",
            )
    return None


def active_jobs(facts: Facts) -> Finding:
    """Check that no failover and no replication works on the VM."""
    replication = facts.unfinished_replication
    if facts.holder is not None and facts.holder.kind == ReservationKind.FAILOVER:
        job_id = facts.holder.reference
        return failed(
            "VM has active failover job in progress",
            errors=[f"Active failover job {job_id} must complete before failover"],
            actions=[f"Wait for failover job {job_id} to finish, or cancel it"],
            active_job_id=job_id,
            job_status="active",
            job_kind="failover",
        )
    in_window = next((job for job in facts.open_failovers if job.job_type == facts.purpose), None)
    if in_window is not None:
        return failed(
            "VM has a test failover that has not ended",
            errors=[f"Active failover job {in_window.job_id} must end before another {facts.purpose.value} failover"],
            actions=[f"Clean up failover job {in_window.job_id}, or wait for its end"],
            active_job_id=in_window.job_id,
            job_status=in_window.status,
            job_kind="failover",
        )
    if replication is None and facts.holder is None:
        return passed("VM has no active jobs")
    job_id = replication.replication_id if replication else facts.holder.reference if facts.holder else ""
    progress: dict[str, Any] = {"percentage": replication.percentage} if replication else {}
    return failed(
        "VM has active migration job in progress",
        errors=["Active migration job must complete before failover"],
        actions=[f"Wait for migration job {job_id} to complete"],
        active_job_id=job_id,
        job_status=replication.status if replication else "reserved",
        job_kind="migration",
        **progress,
    )
