"""This will look, before anything is stopped, whether the snapshots that a rollback reverts to are all still good."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cloudstack import CloudError
from inventory.secrets import SecretUnreadable
from jobs.engine.ports import Engine
from jobs.errors import CannotRollBack, CloudNotUsable
from jobs.models import FailoverJob
from jobs.plans.rollback import point_of
from jobs.plans.specification import DiskSpecification, FailoverSpecification

_GOOD = "BackedUp"


def rollback_points(
    *,
    engine: Engine,
    job: FailoverJob,
    results: Mapping[str, Mapping[str, Any]],
    volume_ids: Collection[str] | None = None,
) -> list[str]:
    """Give the ids of all rollback points, or of those of some volumes; each of them the cloud shows as good now.

    Reads the cloud, so call it outside of transactions. Raises CannotRollBack naming what is missing, CloudNotUsable.
    """
    spec = FailoverSpecification.from_json(job.specification)
    wanted = [disk for disk in spec.disks if volume_ids is None or disk.volume_id in volume_ids]
    points = {point_of(results, disk): disk for disk in wanted}
    try:
        gateway = engine.worlds.of(job).gateway
        states = {snapshot_id: _state(gateway.snapshot(snapshot_id)) for snapshot_id in points}
    except (CloudError, SecretUnreadable) as error:
        raise CloudNotUsable(f"It can't be read whether the rollback points of {job.job_id} exist: {error}") from error
    missing = [_words(points[key], key, state) for key, state in states.items() if state != _GOOD]
    if missing:
        raise CannotRollBack(job, f"The VM was not stopped, because the way back is incomplete: {'; '.join(missing)}.")
    return list(points)


def _state(snapshot: Any) -> str:
    return "gone" if snapshot is None else str(snapshot.state)


def _words(disk: DiskSpecification, snapshot_id: str, state: str) -> str:
    return f"the snapshot {snapshot_id} of {disk.label} (volume {disk.volume_id}) is {state}"
