"""This will prove from its journal that a test harmed no replica; what the journal does not tell is not said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from jobs.made import REMOVED_EVENT, End, Ended, Made, end_of, made_by
from jobs.models import FailoverJob, JobEvent, Question, Step, StepAttempt, StepState
from jobs.plans.specification import DiskSpecification, FailoverSpecification

_TO_DO = {
    End.EXPUNGE_PENDING: "CloudStack expunges it by itself after its delay; an administrator can do it at once.",
    End.KEPT: "Have the replication engine verify or resynchronise the VM, then run manage.py cleanup_orphans.",
    End.LEFT_BEHIND: "Remove the obstacle, then DELETE /api/v1/failover/test/{job_id} again.",
}


def evidence_of(job: FailoverJob, steps: Sequence[Step]) -> dict[str, Any]:
    """Give the evidence of a test: disks, hold, one point in time, networks, time to running, things made.

    `steps` are all steps of the job with their plans, in the order of the plans.
    """
    spec = FailoverSpecification.from_json(job.specification)
    newest = {step.key: step for step in steps}
    return {
        "strategy": spec.strategy,
        "disks": [_disk(disk, newest) for disk in spec.disks],
        "replication_held": _hold(newest),
        "no_sync_in_between": _one_point(newest),
        "networks": [
            {"source_network": nic.source_network, "network_id": nic.network_id, "mac": nic.mac, "ip": nic.ip}
            for nic in spec.nics
        ],
        "seconds_to_running": _seconds(job.created_at, _done_at(newest.get("start"))),
        "made": _things(job, steps),
    }


def _disk(disk: DiskSpecification, newest: Mapping[str, Step]) -> dict[str, Any]:
    snapshot, clone = newest.get(f"snapshot-disk{disk.position}"), newest.get(f"clone-disk{disk.position}")
    used = newest.get(f"use-snapshot-disk{disk.position}")
    change_id, synced_at = _marked(newest.get("mark"), disk.position)
    return {
        "position": disk.position,
        "label": disk.label,
        "volume_id": disk.volume_id,
        "change_id": change_id,
        "synced_at": synced_at,
        "snapshot_id": _result(snapshot or used, "snapshot_id"),
        "snapshot_begun_at": snapshot.started_at if snapshot is not None else None,
        "snapshot_done_at": _done_at(snapshot),
        "clone_id": _result(clone, "volume_id"),
    }


def _marked(mark: Step | None, position: int) -> tuple[str | None, str | None]:
    """Give change id and sync time of a disk as they were noted just before the snapshots; nothing before that."""
    noted = _result(mark, "mark")
    if noted is None:
        return None, None
    change_id, synced_at = json.loads(noted)[0][position]
    return change_id, synced_at


def _hold(newest: Mapping[str, Step]) -> dict[str, Any]:
    """Say from when to when replication was held; `until` is the release, or the newest step that undid the hold."""
    hold = newest.get("hold")
    since = _done_at(hold)
    until = next((at for key in ("release", "undo-hold") if (at := _done_at(newest.get(key))) is not None), None)
    return {"from": since, "until": until, "seconds": _seconds(since, until), "how": _seen(hold)}


def _one_point(newest: Mapping[str, Step]) -> dict[str, Any]:
    """Say whether change ids and runs were the same before and after the snapshots; null when it was not compared."""
    check = newest.get("check-set")
    verdict = {StepState.DONE: True, StepState.FAILED: False}.get(StepState(check.state)) if check is not None else None
    words = None if check is None or verdict is None else check.reason or _seen(check)
    return {"proven": verdict, "compared_at": check.finished_at if check is not None else None, "words": words}


def _things(job: FailoverJob, steps: Sequence[Step]) -> list[dict[str, Any]]:
    removals = JobEvent.objects.filter(job=job, kind=REMOVED_EVENT).values_list("fields", flat=True)
    removed = {fields.get("id") for fields in removals}
    gone = Ended(End.REMOVED, "Removed by cleanup_orphans.")
    return [
        _thing(made, job, gone if made.id in removed else end_of(made, job=job, steps=steps)) for made in made_by(steps)
    ]


def _thing(made: Made, job: FailoverJob, ended: Ended) -> dict[str, Any]:
    to_do = _TO_DO.get(ended.end)
    return {
        "kind": made.kind,
        "id": made.id,
        "name": made.name or None,
        "what": made.what,
        "end": ended.end,
        "reason": ended.reason or None,
        "to_do": to_do.format(job_id=job.job_id) if to_do is not None else None,
    }


def _seen(step: Step | None) -> str | None:
    """Give what was seen when the step ended, or who gave his word for it."""
    if step is None or step.state != StepState.DONE:
        return None
    word = Question.objects.filter(step=step, answer="treat_as_done").order_by("-answered_at").first()
    if word is not None:
        return f"by the word of {word.answered_by or 'an operator'}"
    readings = StepAttempt.objects.filter(step=step).order_by("-number").values_list("readings", flat=True).first()
    return str(readings[-1].get("seen", "")) or None if readings else None


def _result(step: Step | None, name: str) -> Any:
    return step.result.get(name) if step is not None else None


def _done_at(step: Step | None) -> datetime | None:
    return step.finished_at if step is not None and step.state == StepState.DONE else None


def _seconds(since: datetime | None, until: datetime | None) -> float | None:
    return round((until - since).total_seconds(), 3) if since is not None and until is not None else None
