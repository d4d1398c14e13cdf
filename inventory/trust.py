"""This will decide, and write down, whether the content of a replica may be trusted.

CloudStack shows no content, so a replica that stopped being trusted becomes good again only by what the replication
engine says: its own check of the content, or a full replication that began after the doubt.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from inventory.models import ReplicaState, Replication, ReplicationKind, ReplicationStatus, ReplicaVolume

_WORSE = {
    ReplicaState.GOOD: 0,
    ReplicaState.UNVERIFIED: 1,
    ReplicaState.NEEDS_FULL_RESYNC: 2,
    ReplicaState.HANDED_OVER: 3,
}


class TrustNotEarned(Exception):
    """This will be raised when a replica is called good without a reason to believe it."""


def settle_state(
    *, replica: ReplicaVolume, asked: str | None, replications: Collection[Replication], now: datetime
) -> None:
    """This will set (not save) the state of a replica from what was asked and what its VM's replications prove.

    Raises TrustNotEarned when `good` was asked and nothing proves it.
    """
    if asked and _WORSE[ReplicaState(asked)] > _WORSE[ReplicaState(replica.state)]:
        replica.state, replica.state_since = asked, now if _is_synced(replica) else None
    elif asked not in {None, ReplicaState.GOOD}:
        return  # The document doubts no more than we do.
    elif _is_proven(replica, replications):
        replica.state, replica.state_since = ReplicaState.GOOD, None
    elif asked == ReplicaState.GOOD:
        raise TrustNotEarned(_reason(replica))
    elif not _is_synced(replica):
        replica.state = ReplicaState.NEEDS_FULL_RESYNC


def doubt(*, volume_ids: Collection[str], state: ReplicaState, now: datetime) -> int:
    """This will mark replicas unverified or in need of a full resync from now on, and say how many are in doubt.

    A replica whose state is worse already keeps it, but what was copied before now proves nothing for it any more.
    """
    worse = [name for name, rank in _WORSE.items() if rank > _WORSE[state]]
    rows = ReplicaVolume.objects.filter(volume_id__in=volume_ids)
    with transaction.atomic():
        kept = rows.filter(state__in=worse).update(state_since=now, updated_at=now)
        return kept + rows.exclude(state__in=worse).update(state=state, state_since=now, updated_at=now)


def confirm(*, volume_ids: Collection[str], doubted_before: datetime, now: datetime) -> int:
    """This will mark replicas good whose content the replication engine has checked, and say how many.

    A doubt that arose after `doubted_before`, when the check began, stays.
    """
    rows = ReplicaVolume.objects.filter(volume_id__in=volume_ids, state_since__lt=doubted_before)
    rows = rows.exclude(state=ReplicaState.HANDED_OVER)
    return rows.update(state=ReplicaState.GOOD, state_since=None, updated_at=now)


def _is_synced(replica: ReplicaVolume) -> bool:
    return bool(replica.change_id) and replica.last_sync_at is not None


def _is_proven(replica: ReplicaVolume, replications: Collection[Replication]) -> bool:
    if not _is_synced(replica):
        return False
    since = replica.state_since
    return since is None or any(_copied_all(run, since=since, replica=replica) for run in replications)


def _copied_all(run: Replication, *, since: datetime, replica: ReplicaVolume) -> bool:
    if run.kind != ReplicationKind.FULL or run.status != ReplicationStatus.COMPLETED or run.started_at is None:
        return False
    return run.started_at >= since and replica.last_sync_at is not None and replica.last_sync_at >= run.started_at


def _reason(replica: ReplicaVolume) -> str:
    if not _is_synced(replica):
        return "good needs a change_id and last_sync_at"
    return (
        f"the content of {replica.volume_id} is in doubt since {replica.state_since}: it becomes good by the "
        "replication engine's check of it or by a completed full replication that started later"
    )
