"""This will check the source's side: the VM, its syncs, and who works on it."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from inventory.models import ReplicaState, ReplicationStatus, ReservationKind
from inventory.stalls import last_word_of
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
    if problems and facts.from_older_point:
        return warned(
            f"The test is made of older snapshots, not of the replica: {'; '.join(text for text, _ in problems)}",
            disks=[text for text, _ in problems],
        )
    if problems:
        return failed(
            "VM has no valid ChangeID from a successful sync on every disk",
            errors=[text for text, _ in problems],
            actions=[*dict.fromkeys(action for _, action in problems), *_ways_from_older_points(facts)],
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
        return _stalled(facts) or passed("VM has no active jobs")
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


def _stalled(facts: Facts) -> Finding | None:
    """Judge a replication whose engine fell silent; None when there is none."""
    told = stalled_details(facts)
    if told is None:
        return None
    words = (
        f"Replication {told['replication_id']} is stalled: it says {told['status']} and gave no word since "
        f"{told['last_word_at']}. The replica holds the sync of {told['last_sync_at'] or 'no known time'}, and "
        f"{told['torn_percentage']:.0f} % of the torn one may be written over it"
    )
    if facts.accepts_stalled:
        source = "older snapshots" if facts.from_older_point else "what is there"
        return warned(f"{words}. Somebody asked to go on from {source}", stalled_replication=told)
    return failed(
        words,
        errors=[words],
        actions=[
            f"Bring the replication engine back and let {told['replication_id']} end, or have it reported as failed",
            f'OR go on from what is there: start with custom_config.stalled_replication "accept", vm_name '
            f'"{facts.vm.name}" and a reason; it is recorded',
            *_ways_from_older_points(facts),
        ],
        stalled_replication=told,
    )


def _ways_from_older_points(facts: Facts) -> list[str]:
    """Offer a test from each older point there is: its copies do not come from the replica."""
    return [
        f"OR test from the snapshots that {point.job_id} cut at {timezone.localtime(point.taken_at):%Y-%m-%d %H:%M}: "
        f'start a test with custom_config.from_snapshots_of "{point.job_id}", vm_name "{facts.vm.name}" and a reason; '
        "it is recorded"
        for point in facts.older_points
    ]


def stalled_details(facts: Facts) -> dict[str, Any] | None:
    """Say what the replica holds when the newest run stalled; None when none did."""
    run = next(iter(facts.stalled_replications), None)
    if run is None:
        return None
    syncs = [disk.replica.last_sync_at for disk in facts.disks if disk.replica and disk.replica.last_sync_at]
    return {
        "replication_id": run.replication_id,
        "status": run.status,
        "last_word_at": timezone.localtime(last_word_of(run)).isoformat(),
        "last_sync_at": timezone.localtime(min(syncs)).isoformat() if syncs else None,
        "torn_percentage": run.percentage,
    }
