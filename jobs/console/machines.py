"""This will gather what the page of a VM shows beside its own fields."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from inventory.models import ReplicaState, ReplicaVolume, VMNic, VMReservation
from jobs.failed_over import brought_by
from jobs.models import FailoverJob
from networks.models import NetworkMapping, Purpose
from validation.models import CheckStatus, CheckType, ValidationCheck

_JOBS_SHOWN = 10
_DOUBTFUL = frozenset({ReplicaState.UNVERIFIED, ReplicaState.NEEDS_FULL_RESYNC})
_BLOCKING = frozenset({CheckStatus.FAIL, CheckStatus.SKIPPED})


def overview_of(pk: str) -> dict[str, Any]:
    """Give readiness as it was last found, replicas, networks and the newest failovers; nothing for no number."""
    if not pk.isdecimal():
        return {}
    number = int(pk)
    checks = list(ValidationCheck.objects.filter(vm_id=number).order_by("purpose", "position"))
    mappings = list(NetworkMapping.objects.filter(vm_id=number))
    failed_over = brought_by(vm_id=number)
    replicas = list(ReplicaVolume.objects.filter(disk__vm_id=number).select_related("disk", "appliance"))
    since = failed_over.completed_at if failed_over is not None else None
    return {
        "failed_over": failed_over,
        "readiness": [
            _readiness(purpose, [c for c in checks if c.purpose == purpose], failed_over_at=since)
            for purpose in Purpose
        ],
        "replicas": replicas,
        "is_in_doubt": any(replica.state in _DOUBTFUL for replica in replicas),
        "nics": [_nic(nic, mappings) for nic in VMNic.objects.filter(vm_id=number)],
        "failovers": FailoverJob.objects.filter(vm_id=number).order_by("-created_at", "-id")[:_JOBS_SHOWN],
        "reservation": VMReservation.objects.filter(vm_id=number).first(),
    }


def _readiness(purpose: Purpose, checks: list[ValidationCheck], *, failed_over_at: datetime | None) -> dict[str, Any]:
    """Say what was found when it was last asked; the start asks again."""
    blocking = [c for c in checks if c.check_type == CheckType.CRITICAL and c.status in _BLOCKING]
    checked_at = checks[0].checked_at if checks else None
    doubts = [c for c in checks if c.status != CheckStatus.PASS and c not in blocking]
    return {
        "purpose": purpose,
        "is_known": bool(checks),
        "is_ready": bool(checks) and not blocking,
        "blocking": blocking,
        "doubts": doubts,
        "passed": len(checks) - len(blocking) - len(doubts),
        "checked_at": checked_at,
        "is_old": bool(checked_at and failed_over_at and checked_at < failed_over_at),
    }


def _nic(nic: VMNic, mappings: Iterable[NetworkMapping]) -> dict[str, Any]:
    """Give the networks of a NIC by purpose; a mapping of its own MAC goes before that of the network."""
    fitting = [m for m in mappings if m.source_network_name == nic.network_name and m.source_mac in {"", nic.mac}]
    fitting.sort(key=lambda mapping: mapping.source_mac)
    networks = {mapping.purpose: mapping for mapping in fitting}
    return {"row": nic, "live": networks.get(Purpose.LIVE), "test": networks.get(Purpose.TEST)}
