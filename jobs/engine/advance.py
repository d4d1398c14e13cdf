"""This will do all due work of one phase of a job, and ring for what follows; it never waits for the cloud's work.

The one broad except of the project is here: whatever goes wrong inside is logged once, counted on the job, and disturbs
no other job.
"""

from __future__ import annotations

from datetime import datetime

import structlog

from jobs.engine import attempts, claims, decisions, questions
from jobs.engine.board import Board
from jobs.engine.journal import load_command, record
from jobs.engine.ports import Engine
from jobs.engine.statements import Prepared
from jobs.models import AttemptState, FailoverJob, JobState, Step, StepAttempt

log = structlog.get_logger(__name__)

_ROUNDS = 50
_ENDPOINT = Prepared(lambda job_id: FailoverJob.objects.filter(pk=job_id).order_by().values_list("endpoint"))


def advance(engine: Engine, *, job_id: int, phase: str) -> None:
    """Do the phase's due work until nothing is due; duplicates, stale and foreign rings find nothing to do."""
    # Job and request are named by what others know them by as soon as the job's row was read.
    with structlog.contextvars.bound_contextvars(job_id=str(job_id), request_id=None, phase=phase):
        try:
            follow = _work(engine, job_id=job_id, phase=phase)
        except Exception as defect:
            # The isolation point: an error nobody foresaw is our defect; the job says so and others go on.
            log.exception("defect", defect=repr(defect))
            _count_defect(engine, job_id=job_id, defect=defect)
            return
    for next_phase in follow:
        engine.bell.ring(job_id=job_id, phase=next_phase)


def _work(engine: Engine, *, job_id: int, phase: str) -> list[str]:
    """Decide and work in turns until nothing is due here; give the phases to ring for, this one last."""
    if _is_paused(engine, job_id=job_id):
        return []
    looked_at: set[tuple[int, str, datetime | None]] = set()
    board: Board | None = None
    for _ in range(_ROUNDS):
        board = decisions.decide(engine, job_id=job_id)
        if board is None:
            return []
        structlog.contextvars.bind_contextvars(job_id=board.job.job_id, request_id=board.job.request_id or None)
        if board.job.state == JobState.QUEUED:
            if not decisions.begin(engine, job=board.job):
                return []
            continue
        due = [attempt for attempt in board.due_attempts(engine, phase=phase) if _mark(attempt) not in looked_at]
        ready = board.ready(now=engine.clock.now(), phase=phase)
        if not due and not ready:
            break
        looked_at.update(_mark(attempt) for attempt in due)
        moved = [_continue(engine, board, attempt) for attempt in due]
        started = [_start(engine, board, step) for step in ready]
        if not any(moved) and all(_is_out(attempt) for attempt in started):
            # All is in the cloud's hands: there is nothing to decide before the watcher brings its word.
            decisions.rest(engine, board)
            return [other for other in board.due_phases if other != phase]
    phases = board.due_phases if board is not None else []
    return sorted(phases, key=lambda other: other == phase)


def _is_paused(engine: Engine, *, job_id: int) -> bool:
    """Whether nothing may be begun or carried on for this job; the sweeper rings again."""
    obstacle = next((engine.obstacle(endpoint) for (endpoint,) in _ENDPOINT.values(job_id=job_id)), "")
    if obstacle:
        log.warning("paused", obstacle=obstacle)
    return bool(obstacle)


def _mark(attempt: StepAttempt) -> tuple[int, str, datetime | None]:
    return attempt.pk, attempt.state, attempt.next_look_at


def _is_out(attempt: StepAttempt | None) -> bool:
    return attempt is not None and attempt.state == AttemptState.SUBMITTED


def _continue(engine: Engine, board: Board, attempt: StepAttempt) -> bool:
    """Carry an attempt on; False when nothing can have changed."""
    with structlog.contextvars.bound_contextvars(step=attempt.step.key, async_job_id=attempt.async_job_id):
        return _carry_on(engine, board, attempt)


def _carry_on(engine: Engine, board: Board, attempt: StepAttempt) -> bool:
    job, step = board.job, attempt.step
    command = load_command(engine, step, results=board.results)
    match attempt.state:
        case AttemptState.INTENDED:
            attempts.take_over(engine, job=job, attempt=attempt, command=command)
        case AttemptState.SUBMITTED:
            return attempts.ask_when_overdue(engine, job=job, step=step, attempt=attempt, command=command)
        case AttemptState.ANSWERED:
            attempts.settle(engine, job=job, step=step, attempt=attempt, command=command)
        case AttemptState.UNKNOWN:
            attempts.resolve(engine, job=job, step=step, attempt=attempt, command=command)
    return True


def _start(engine: Engine, board: Board, step: Step) -> StepAttempt | None:
    """Claim a step and make its call; None when nothing was sent (it waits, ended, or was claimed by another)."""
    with structlog.contextvars.bound_contextvars(step=step.key):
        claimed = claims.claim(engine, board=board, step=step)
        if claimed is None:
            return None
        with structlog.contextvars.bound_contextvars(async_job_id=claimed.attempt.async_job_id):
            attempts.submit(engine, job=board.job, step=step, claimed=claimed)
    return claimed.attempt


def _count_defect(engine: Engine, *, job_id: int, defect: Exception) -> None:
    """Park a job whose work fails again and again for no foreseen reason, for a person to look at."""
    job = FailoverJob.objects.get(pk=job_id)
    defects = job.defects + 1
    pause = min(engine.rules.first_pause * 2**defects, engine.rules.longest_pause)
    FailoverJob.objects.filter(pk=job.pk).update(defects=defects, next_look_at=engine.later(pause))
    record(engine, job, "defect", f"An error in this service, not in the cloud: {defect!r}", count=defects)
    if defects >= engine.rules.defects:
        questions.ask_about_defect(engine, job=job, defect=repr(defect))
        # Not by a decision: that may be what fails.
        FailoverJob.objects.filter(pk=job.pk, state=JobState.RUNNING).update(state=JobState.WAITING_FOR_OPERATOR)
