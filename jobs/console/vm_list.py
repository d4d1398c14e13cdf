"""This will tell of each VM in the list what is asked first: can it fail over, how old is its replica, where is it."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from inventory.models import ProtectedVM, ReplicaState, ReplicaVolume
from jobs.failed_over import ways_back
from jobs.models import FailoverJob, JobState
from networks.models import Purpose
from validation.models import CheckStatus, CheckType, ValidationCheck

_BLOCKS = Q(check_type=CheckType.CRITICAL, status__in=[CheckStatus.FAIL, CheckStatus.SKIPPED])
READY, NOT_READY, NEVER = "ready", "not ready", "never checked"
COLOURS = {READY: "success", NOT_READY: "danger", NEVER: "default"}
FAILED_OVER = "failed over"


def told(vms: QuerySet[ProtectedVM]) -> QuerySet[Any]:
    """Add readiness, the oldest of the newest syncs of its disks, and its failovers, in the list's one query."""
    of_vm = {"vm_id": OuterRef("pk")}
    checks = ValidationCheck.objects.filter(**of_vm).order_by()
    replicas = ReplicaVolume.objects.filter(disk__vm_id=OuterRef("pk"))
    unfinished = FailoverJob.objects.filter(**of_vm).exclude(state=JobState.FINISHED).order_by("-created_at", "-id")
    return vms.annotate(
        **{f"{purpose}_checked": Exists(checks.filter(purpose=purpose)) for purpose in Purpose},
        **{f"{purpose}_blocked": Exists(checks.filter(_BLOCKS, purpose=purpose)) for purpose in Purpose},
        oldest_sync=Subquery(replicas.order_by(F("last_sync_at").asc(nulls_first=True)).values("last_sync_at")[:1]),
        under_way=Subquery(unfinished.values("state")[:1]),
        under_way_type=Subquery(unfinished.values("job_type")[:1]),
        may_go_back=Exists(ways_back().filter(**of_vm)),
        in_doubt=Exists(replicas.filter(state__in=[ReplicaState.UNVERIFIED, ReplicaState.NEEDS_FULL_RESYNC])),
        handed_over=Exists(replicas.filter(state=ReplicaState.HANDED_OVER)),
    )


def readiness_of(vm: Any, purpose: Purpose) -> str | None:
    """Give what the newest check found; nothing for a VM that failed over, of which that is so no more."""
    if is_failed_over(vm):
        return None
    if not getattr(vm, f"{purpose}_checked"):
        return NEVER
    # A replica may have fallen in doubt since the check.
    return NOT_READY if vm.in_doubt or getattr(vm, f"{purpose}_blocked") else READY


def is_failed_over(vm: Any) -> bool:
    """Say whether it runs in the cloud."""
    return bool(vm.may_go_back or vm.handed_over)


def failover_of(vm: Any) -> str:
    """Give what is under way, or that it failed over and whether it can go back."""
    words = [f"{vm.under_way_type}: {vm.under_way.replace('_', ' ')}"] if vm.under_way else []
    if is_failed_over(vm):
        words.append(f"{FAILED_OVER}, way back open" if vm.may_go_back else f"{FAILED_OVER}, committed")
    return "; ".join(words)
