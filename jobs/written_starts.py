"""This will write prepared starts: job, plan, steps, first words and the VM's reservation, for many at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import structlog
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Q

from database.statements import PreparedAmong, insert_all
from inventory.models import ProtectedVM, ReplicaState, ReplicaVolume, ReservationKind
from inventory.reservations import keep_free, take_kept
from jobs.engine.isolation import Defect, isolated
from jobs.engine.journal import Told, record_each, write_first_plans
from jobs.engine.ports import Engine
from jobs.errors import ActiveJob, InventoryChanged, UnforeseenError
from jobs.holding import hold_vm
from jobs.models import FailoverJob, JobState, JobType, Phase
from jobs.models.job import MOVING_STATES
from jobs.prepared_starts import REFUSALS, PreparedStart, Refusal, StartTestRequest
from jobs.rollback_windows import window_asked_for
from jobs.runtime import ring_on_commit
from jobs.snapshot_sets import CHOSEN

_REPLICAS = PreparedAmong(
    lambda ids: (
        ReplicaVolume.objects.filter(disk__vm__in=ids)
        .order_by("disk__position")
        .values_list("disk__vm_id", "volume_id", "state")
    ),
    integers=True,
)


def write_each(engine: Engine, prepared: Sequence[PreparedStart], *, actor: str) -> list[FailoverJob | Refusal]:
    """Write the starts, all that can in one transaction; whoever meets somebody else there is written by itself.

    Gives the job of each, or why there is none; an error that nobody foresaw costs its own VM only.
    """
    together = isolated(partial(_written_together, engine, prepared, actor=actor)) if len(prepared) > 1 else {}
    written = {} if isinstance(together, Defect) else together
    return [written.get(one.spec.marker) or _job_or_refusal(engine, one, actor=actor) for one in prepared]


def write_one(engine: Engine, prepared: PreparedStart, *, actor: str) -> FailoverJob:
    """Write job, plan and the VM's reservation in one transaction; the unique keys decide between two starts.

    Raises ActiveJob, InventoryChanged, and what the request's `on_written` raises; then there is no job.
    """
    vm, kind = prepared.vm, prepared.kind
    try:
        with transaction.atomic():
            hold_vm(vm, job_id=prepared.spec.job_id, now=engine.clock.now())
            if _replicas_of([prepared])[vm.pk] != _planned_volumes(prepared):
                raise InventoryChanged(vm.vm_id)
            (job,) = _write(engine, [prepared], actor=actor)
    except IntegrityError as error:
        reference = _job_in_the_way(vm, kind=kind) or "that started in the same moment"
        raise ActiveJob(vm_id=vm.vm_id, kind="failover", reference=reference) from error
    return job


def _job_or_refusal(engine: Engine, prepared: PreparedStart, *, actor: str) -> FailoverJob | Refusal:
    def write() -> FailoverJob | Refusal:
        try:
            return write_one(engine, prepared, actor=actor)
        except REFUSALS as refusal:
            return refusal

    written = isolated(write)
    return UnforeseenError(written.error_id) if isinstance(written, Defect) else written


def _written_together(engine: Engine, prepared: Sequence[PreparedStart], *, actor: str) -> Mapping[str, FailoverJob]:
    """Write those whose VM is free and as it was validated, and give their jobs by marker; the rest is the caller's.

    Nobody is waited for: whoever works on one of the VMs in this moment holds up none of the others.
    """
    try:
        with transaction.atomic():
            free = keep_free([one.vm.pk for one in prepared])
            volumes = _replicas_of([one for one in prepared if one.vm.pk in free])
            ours = [one for one in prepared if one.vm.pk in free and volumes[one.vm.pk] == _planned_volumes(one)]
            references = {one.vm.pk: one.spec.job_id for one in ours}
            take_kept(references, kind=ReservationKind.FAILOVER, now=engine.clock.now())
            jobs = _write(engine, ours, actor=actor)
    except (IntegrityError, OperationalError, *REFUSALS):
        # One of them met somebody in this very moment: by itself it is told so, and the others are not in its way.
        return {}
    return {job.marker: job for job in jobs}


def _write(engine: Engine, prepared: Sequence[PreparedStart], *, actor: str) -> list[FailoverJob]:
    """Write everything of starts whose VMs are ours; inside the transaction that took them."""
    jobs = [_row(engine, one, actor=actor) for one in prepared]
    insert_all(jobs)
    written = list(zip(jobs, prepared, strict=True))
    write_first_plans(engine, [(job, one.planned) for job, one in written])
    record_each(engine, [told for job, one in written for told in _first_words(job, one)], actor=actor)
    for job, one in written:
        one.request.on_written(job)
        ring_on_commit(engine, job_id=job.pk, phase=Phase.VALIDATING)
    return jobs


def _row(engine: Engine, prepared: PreparedStart, *, actor: str) -> FailoverJob:
    vm, spec, request, kind = prepared.vm, prepared.spec, prepared.request, prepared.kind
    asked = dict(request.custom_config) if kind == JobType.LIVE else {}
    rollback_seconds, after_rollback = window_asked_for(asked)
    return FailoverJob(
        job_id=spec.job_id,
        job_type=kind,
        vm=vm,
        source_vm_id=vm.vm_id,
        vm_name=request.vm_name or vm.name,
        marker=spec.marker,
        endpoint=str(vm.cloud.uuid),
        specification=spec.as_json(),
        requested_by=actor,
        reason=request.reason,
        request_id=str(structlog.contextvars.get_contextvars().get("request_id", ""))[:100],
        priority=request.priority,
        skip_validation=request.skip_validation,
        network_mappings=dict(request.network_mappings),
        custom_config=dict(request.custom_config),
        notification_config=dict(request.notification_config),
        unknown_fields=dict(request.unknown_fields),
        warnings=list(prepared.warnings),
        window_seconds=request.window_seconds if isinstance(request, StartTestRequest) else None,
        auto_cleanup=isinstance(request, StartTestRequest) and request.auto_cleanup,
        rollback_window_seconds=rollback_seconds,
        after_rollback_window=after_rollback,
        created_at=engine.clock.now(),
        next_look_at=engine.later(engine.rules.patience_with_bell),
    )


def _first_words(job: FailoverJob, prepared: PreparedStart) -> Iterator[Told]:
    """Tell who asked for what, and what he took upon himself."""
    request = prepared.request
    said: dict[str, Any] = {"reason": request.reason}
    if request.skip_validation:
        said["skip_validation"] = True
    yield Told(job, "created", "The failover was asked for.", said)
    if prepared.chosen is not None:
        words = (
            f"The test is made of the snapshots that {prepared.spec.snapshots_by} cut at {prepared.spec.snapshots_at}."
        )
        yield Told(job, CHOSEN, words, {"reason": request.reason, "snapshots": prepared.chosen.as_json()})
    if prepared.torn is not None:
        words = f"Goes on from a replica whose sync {prepared.torn['replication_id']} stalled and may be torn."
        if prepared.chosen is not None:
            words = f"Goes on beside a replica whose sync {prepared.torn['replication_id']} stalled."
        torn: dict[str, Any] = {"reason": request.reason, "stalled_replication": dict(prepared.torn)}
        yield Told(job, "stalled_replication_accepted", words, torn)


def _planned_volumes(prepared: PreparedStart) -> list[str]:
    return [disk.volume_id for disk in prepared.spec.disks]


def _replicas_of(prepared: Sequence[PreparedStart]) -> Mapping[int, list[str]]:
    """Give the good replicas of each VM in the order of its disks, to be compared with what was validated.

    Read after the VM was taken: from there on no import changes them. A test of older snapshots reads no replica, so
    that it need not be good.
    """
    unread = {one.vm.pk for one in prepared if one.chosen is not None}
    found: dict[int, list[str]] = {one.vm.pk: [] for one in prepared}
    for vm_id, volume_id, state in _REPLICAS.values(list(found)):
        if state == ReplicaState.GOOD or vm_id in unread:
            found[vm_id].append(volume_id)
    return found


def _job_in_the_way(vm: ProtectedVM, *, kind: JobType) -> str:
    """Give the newest job that forbids one of this kind, nothing when there is none."""
    in_the_way = Q(state__in=MOVING_STATES) | (Q(job_type=kind) & ~Q(state=JobState.FINISHED))
    jobs = FailoverJob.objects.filter(in_the_way, vm=vm).order_by("-id")
    return jobs.values_list("job_id", flat=True).first() or ""
