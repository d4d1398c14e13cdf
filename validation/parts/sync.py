"""This will say how far the copies of a VM's disks are."""

from __future__ import annotations

from typing import Any

from inventory.models import Replication, ReplicationStatus
from validation.checks.source import sync_problem
from validation.facts import DiskFacts, Facts
from validation.judging import judged_by, passes
from validation.models import CheckStatus


def sync_status(facts: Facts) -> dict[str, Any]:
    """Give `sync_status`: the boot disk in the contract's fields, all disks beside them.

    The percentage is that of the newest replication, whose id is given with it.
    """
    disks = [_disk(disk) for disk in facts.disks]
    boot = disks[0] if disks else {}
    (check,) = judged_by(facts, "Sync Status")
    newest, completed = facts.newest_replication, facts.completed_replication
    return {
        "has_valid_change_id": bool(disks) and check.finding.status != CheckStatus.FAIL,
        "latest_change_id": boot.get("change_id"),
        "last_sync_time": boot.get("last_sync_time"),
        "replication_job_id": newest.replication_id if newest else None,
        "sync_percentage": _percentage(newest),
        "is_ready_for_failover": passes(facts, "VM Existence", "Sync Status"),
        "replication_status": newest.status if newest else None,
        "last_completed_replication_job_id": completed.replication_id if completed else None,
        "disks": disks,
        "errors": list(check.finding.errors),
        "required_actions": list(check.finding.required_actions),
    }


def _percentage(newest: Replication | None) -> float:
    if newest is None:
        return 0.0
    return 100.0 if newest.status == ReplicationStatus.COMPLETED else newest.percentage


def _disk(facts: DiskFacts) -> dict[str, Any]:
    replica, problem = facts.replica, sync_problem(facts)
    return {
        "position": facts.disk.position,
        "label": facts.label,
        "has_valid_change_id": problem is None,
        "change_id": (replica.change_id or None) if replica else None,
        "last_sync_time": replica.last_sync_at if replica else None,
        "replica_state": replica.state if replica else None,
        "problem": problem[0] if problem else None,
    }
