"""This will do at the end of a rollback window what its start asked for, and record that the clock did it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from django.db import transaction

from cloudstack import CloudError
from database.statements import Prepared
from inventory.secrets import SecretUnreadable
from jobs.engine.isolation import Defect, isolated
from jobs.engine.journal import record
from jobs.engine.ports import Engine
from jobs.errors import ActiveJob, CannotCommit, CannotRollBack, CloudNotUsable
from jobs.generation.guard import paused_reason
from jobs.made import GONE, Kind
from jobs.models import AfterWindow, FailoverJob, JobState, JobType, Outcome
from jobs.plans.specification import FailoverSpecification
from jobs.verbs import commit, roll_back

log = structlog.get_logger(__name__)

CLOCK = "the clock of the rollback window"
# What stands in the way (other work on the VM, a cloud that does not answer) is asked for again after so long.
_AGAIN = timedelta(seconds=60)
# The skew that is known is the median of the five newest answers: so many more make it that of now.
_ANSWERS = 3


_OVER = Prepared(
    lambda now: FailoverJob.objects.filter(
        job_type=JobType.LIVE,
        state=JobState.FINISHED,
        outcome=Outcome.SUCCEEDED,
        rollback_window_over_at=None,
        rollback_window_ends_at__lte=now,
    ).order_by("rollback_window_ends_at"),
    moments=frozenset({"now"}),
)


def heed_rollback_windows(engine: Engine) -> None:
    """Look at every live failover whose rollback window has ended and that nobody committed or rolled back."""
    if paused_reason():
        return
    now = engine.clock.now()
    for job in _OVER.rows(now=now):
        if job.next_look_at is not None and job.next_look_at > now:
            continue
        # What fails at one job, and nobody foresaw, must not end the process that looks after all.
        if isinstance(isolated(partial(_end, engine, job)), Defect):
            _look_later(engine, job)


def _end(engine: Engine, job: FailoverJob) -> None:
    reason = f"Asked for at the start: {job.after_rollback_window} when the rollback window of the failover is over."
    asked: dict[str, Any] = {"engine": engine, "job_id": job.job_id, "actor": CLOCK, "reason": reason}

    def runs_on(row: FailoverJob) -> str:
        ends = row.rollback_window_ends_at
        return "" if ends is not None and ends <= engine.clock.now() else "Its rollback window was extended."

    try:
        if job.after_rollback_window != AfterWindow.NOTHING and not _is_time(engine, job):
            return
        match AfterWindow(job.after_rollback_window):
            case AfterWindow.COMMIT:
                _refuse_unless_it_stands(engine, job)
                commit(**asked, unless=runs_on)
            case AfterWindow.ROLL_BACK:
                roll_back(**asked, typed_name=job.vm_name, unless=runs_on)
            case AfterWindow.NOTHING:
                _note_end(engine, job, "The rollback window is over. The way back stays open: commit or roll back.")
    except (ActiveJob, CloudNotUsable) as error:
        log.warning("rollback_window_waits", job_id=job.job_id, error=str(error))
        _look_later(engine, job)
    except (CannotCommit, CannotRollBack) as error:
        if not runs_on(FailoverJob.objects.get(pk=job.pk)):
            _note_end(engine, job, f"The rollback window is over, and what was asked for then was refused: {error}")


def _look_later(engine: Engine, job: FailoverJob) -> None:
    FailoverJob.objects.filter(pk=job.pk, state=JobState.FINISHED).update(next_look_at=engine.clock.now() + _AGAIN)


def _refuse_unless_it_stands(engine: Engine, job: FailoverJob) -> None:
    """See that the VM is there with all its disks: else their rollback points may be the last copies there are.

    Raises CannotCommit, CloudNotUsable. A person who knows better commits by hand.
    """
    target, spec = job.destination_vm_id, FailoverSpecification.from_json(job.specification)
    try:
        gateway = engine.worlds.of(job).gateway
        machine = gateway.virtual_machine(target)
        volumes = gateway.volumes([disk.volume_id for disk in spec.disks])
    except (CloudError, SecretUnreadable) as error:
        raise CloudNotUsable(f"It can't be read whether VM {target} still has its disks: {error}") from error
    last = "the rollback points may be the last copies there are"
    if machine is None or machine.state in GONE[Kind.MACHINE]:
        raise CannotCommit(job, f"VM {target} is not there any more, and {last}.")
    on_it = {volume.id for volume in volumes if volume.virtual_machine_id == target}
    if off := [disk.volume_id for disk in spec.disks if disk.volume_id not in on_it]:
        raise CannotCommit(job, f"{', '.join(off)} do not hang on VM {target} any more, and {last}.")


def _is_time(engine: Engine, job: FailoverJob) -> bool:
    """Say whether the cloud's clock agrees with ours: neither a rollback nor a commit may hang on one that jumped."""
    try:
        for _ in range(_ANSWERS):
            engine.worlds.async_jobs(job.endpoint).unfinished()
    except engine.unreachable as error:
        raise CloudNotUsable(f"The clock can't be compared with the cloud's: {error}") from error
    skew = engine.worlds.clock_skew_seconds(job)
    agrees = skew is not None and abs(skew) <= engine.rules.largest_skew
    if not agrees:
        # No later look is written: by this clock it might lie a day ahead.
        log.warning("rollback_window_waits", job_id=job.job_id, error=f"The cloud's clock is {skew} s off ours.")
    return agrees


def _note_end(engine: Engine, job: FailoverJob, words: str) -> None:
    """Say once that the window is over; the job's own state does not change by that."""
    with transaction.atomic():
        open_still = FailoverJob.objects.filter(
            pk=job.pk,
            state=JobState.FINISHED,
            outcome=Outcome.SUCCEEDED,
            rollback_window_over_at=None,
            rollback_window_ends_at=job.rollback_window_ends_at,
        )
        if open_still.update(rollback_window_over_at=engine.clock.now(), next_look_at=None):
            record(engine, job, "rollback_window_over", words)
            engine.ledger.overdue(job=job, words=words)
