"""This will do all due work of a job that was rung for; it never waits for the cloud's work.

The ring names a phase, so that people see what is worked on; that phase's work comes first, and what it makes ready
in other phases is done at once too: a message for each would cost more than the work.

Whatever goes wrong inside, and nobody foresaw, is logged once, counted on the job, and disturbs no other job.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

import structlog

from database.statements import Prepared
from jobs.engine import attempts, claims, decisions, questions
from jobs.engine.board import Board, read_board
from jobs.engine.isolation import Defect, isolated
from jobs.engine.journal import load_command, record
from jobs.engine.ports import Engine
from jobs.models import AttemptState, FailoverJob, JobState, Step, StepAttempt, StepState

log = structlog.get_logger(__name__)

_ROUNDS = 50
_UNENDED_JOB = Prepared(
    lambda job_id: FailoverJob.objects.filter(pk=job_id).exclude(state=JobState.FINISHED).order_by()
)


def advance(engine: Engine, *, job_id: int, phase: str) -> None:
    """Do the job's due work until nothing is due; duplicates, stale and foreign rings find nothing to do."""
    # Job and request are named by what others know them by as soon as the job's row was read.
    with structlog.contextvars.bound_contextvars(job_id=str(job_id), request_id=None, phase=phase):
        follow = isolated(partial(_work, engine, job_id=job_id, phase=phase))
        if isinstance(follow, Defect):
            _count_defect(engine, job_id=job_id, defect=follow.error)
            return
    for next_phase in follow:
        engine.bell.ring(job_id=job_id, phase=next_phase)


def _work(engine: Engine, *, job_id: int, phase: str) -> list[str]:
    """Decide and work in turns until nothing is due; give the phases to ring for, this one last."""
    job = _UNENDED_JOB.row(job_id=job_id)
    if job is None or _is_paused(engine, job):
        return []
    structlog.contextvars.bind_contextvars(job_id=job.job_id, request_id=job.request_id or None)
    if job.state == JobState.QUEUED and job.cancel_requested_at is None and not decisions.begin(engine, job=job):
        return []
    looked_at: set[tuple[int, str, datetime | None]] = set()
    board = _glance(engine, job)
    for _ in range(_ROUNDS):
        board = board or decisions.decide(engine, job_id=job_id)
        if board is None:
            return []
        if board.job.state == JobState.QUEUED:
            if not decisions.begin(engine, job=board.job):
                return []
            board = None
            continue
        due = [attempt for attempt in board.due_attempts(engine) if _mark(attempt) not in looked_at]
        ready = board.ready(now=engine.clock.now())
        if not due and not ready:
            break
        looked_at.update(_mark(attempt) for attempt in due)
        moved = [_continue(engine, board, attempt) for attempt in sorted(due, key=lambda one: one.step.phase != phase)]
        started = [_start(engine, board, step) for step in sorted(ready, key=lambda step: step.phase != phase)]
        if not any(moved) and all(_is_out(attempt) for attempt in started):
            # All is in the cloud's hands: there is nothing to decide before the watcher brings its word.
            decisions.rest(engine, board)
            return []
        if not board.is_exact:
            board = None
    phases = board.due_phases if board is not None else []
    return sorted(phases, key=lambda other: other == phase)


def _glance(engine: Engine, job: FailoverJob) -> Board | None:
    """Give the board of a running job if an attempt is due: to carry that on, nothing has to be decided before."""
    if job.state != JobState.RUNNING or job.cancel_requested_at is not None:
        return None
    board = read_board(job)
    return board if board is not None and board.due_attempts(engine) else None


def _is_paused(engine: Engine, job: FailoverJob) -> bool:
    """Whether nothing may be begun or carried on for this job; the sweeper rings again."""
    obstacle = engine.obstacle(job.endpoint)
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
        moved = _carry_on(engine, board, attempt)
    if attempt in board.unfinished:
        board.is_exact = False
    return moved


def _carry_on(engine: Engine, board: Board, attempt: StepAttempt) -> bool:
    job, step = board.job, attempt.step
    command = load_command(engine, step, results=board.results)
    match attempt.state:
        case AttemptState.INTENDED:
            attempts.take_over(engine, job=job, attempt=attempt, command=command)
        case AttemptState.SUBMITTED:
            return attempts.ask_when_overdue(engine, job=job, step=step, attempt=attempt, command=command)
        case AttemptState.ANSWERED:
            attempts.settle(engine, board=board, step=step, attempt=attempt, command=command)
        case AttemptState.UNKNOWN:
            attempts.resolve(engine, board=board, step=step, attempt=attempt, command=command)
    return True


def _start(engine: Engine, board: Board, step: Step) -> StepAttempt | None:
    """Claim a step and make its call; None when nothing was sent (it waits, ended, or was claimed by another)."""
    with structlog.contextvars.bound_contextvars(step=step.key):
        claimed = claims.claim(engine, board=board, step=step)
        if claimed is None:
            board.is_exact = board.is_exact and step.state == StepState.DONE
            return None
        with structlog.contextvars.bound_contextvars(async_job_id=claimed.attempt.async_job_id):
            attempts.submit(engine, job=board.job, step=step, claimed=claimed)
    if claimed.attempt.state == AttemptState.ANSWERED:
        # A call that answers when its work is done: nothing has to be decided before it is read back.
        _continue(engine, board, claimed.attempt)
    elif claimed.attempt.state != AttemptState.SUBMITTED:
        board.is_exact = False
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
