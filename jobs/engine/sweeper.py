"""This will find every job that is due and that nobody holds, and ring for it: the queue may lose everything."""

from __future__ import annotations

from django.db.models import Q

from database.statements import Prepared, compare_and_set
from jobs.engine.board import read_board
from jobs.engine.leases import bury
from jobs.engine.ports import FARTHEST, Engine, has_come
from jobs.models import AttemptState, FailoverJob, JobState, Phase

ROLE = "watcher"
# A job in its window is looked at when that ends, however far off it is; a moving one soon, whatever a clock that has
# been set back since once noted.
_KEEPS_NO_DATE = Q(state__in=[JobState.QUEUED, JobState.RUNNING])
_MOST_AT_ONCE = 500
_DUE = Prepared(
    lambda now, farthest: (
        FailoverJob.objects.exclude(state=JobState.FINISHED)
        .filter(Q(next_look_at__lte=now) | (_KEEPS_NO_DATE & Q(next_look_at__gt=farthest)))
        .order_by("next_look_at")[:_MOST_AT_ONCE]
    ),
    moments=frozenset({"now", "farthest"}),
)


def sweep(engine: Engine) -> int:
    """Ring for every due job, the longest due first; give how many rings that were."""
    rings = 0
    for job in _DUE.rows(now=engine.clock.now(), farthest=engine.later(FARTHEST)):
        # Pushed on before the rings: a lost message is rung again after the patience, a living one is not doubled.
        later = engine.later(engine.rules.patience_with_bell)
        as_read = {"next_look_at": job.next_look_at}
        if not compare_and_set(FailoverJob, pk=job.pk, expecting=as_read, next_look_at=later):
            continue
        for phase in due_phases(engine, job):
            engine.bell.ring(job_id=job.pk, phase=phase)
            rings += 1
    return rings


def due_phases(engine: Engine, job: FailoverJob) -> list[str]:
    """Give the phases in which something can be done now; a job without any is decided upon by its first phase."""
    board, now = read_board(job), engine.clock.now()
    if board is None:
        return [Phase.VALIDATING]
    phases = [step.phase for step in board.ready(now=now)]
    for attempt in board.unfinished:
        is_out = attempt.state in {AttemptState.INTENDED, AttemptState.SUBMITTED}
        if is_out or has_come(attempt.next_look_at, now=now):
            phases.append(attempt.step.phase)
    return list(dict.fromkeys(phases)) or [Phase.VALIDATING]


def tidy(engine: Engine) -> None:
    """Remove leases of processes that ended long ago."""
    bury(engine)
