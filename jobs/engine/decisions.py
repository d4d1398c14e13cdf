"""This will decide, after each piece of work, what a job's rows mean together: status, progress, end, undo, next look.

It runs after the work's own transactions, with the job's row locked: of two workers that end the last two steps at once
the second sees both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.db import transaction

from database.statements import Prepared, compare_and_set
from database.together import NotAsExpected, Write, write_in_turn
from jobs.engine import questions, statuses, undo, windows
from jobs.engine.board import Board, read_board
from jobs.engine.journal import lock, record, write_in_turn_of, write_plan
from jobs.engine.ports import Engine
from jobs.engine.steps import ended, stop_plan, take_note
from jobs.models import (
    AttemptState,
    FailoverJob,
    JobState,
    JobStatus,
    Outcome,
    Plan,
    PlanKind,
    PlanState,
    Step,
    StepAttempt,
    StepState,
)
from jobs.models.job import MOVING_STATES

# While everything is in the cloud's hands the watcher brings the news; this look is for limits and lost leases only.
_FALLBACK_LOOK = 300.0
# How the reason of a plan begins that a cancel stopped.
_CANCELLED = "Cancelled by "
_UNENDED_JOB = Prepared(
    lambda job_id: FailoverJob.objects.select_for_update().filter(pk=job_id).exclude(state=JobState.FINISHED).order_by()
)


def begin(engine: Engine, *, job: FailoverJob) -> bool:
    """Move a queued job to running, if it may begin; else it is looked at again when its turn may have come."""
    now = engine.clock.now()
    queued = {"state": JobState.QUEUED}
    with transaction.atomic():
        lock(engine, job)
        if engine.gate.obstacle(job):
            later = engine.later(engine.rules.patience_in_queue)
            compare_and_set(FailoverJob, pk=job.pk, expecting=queued, next_look_at=later)
            return False
        if compare_and_set(FailoverJob, pk=job.pk, expecting=queued, state=JobState.RUNNING, started_at=now):
            record(engine, job, "started", "A worker took the job.")
            job.state, job.started_at = JobState.RUNNING, now
            engine.ledger.started(job=job)
    job.turn += 1
    return True


def decide(engine: Engine, *, job_id: int) -> Board | None:
    """Bring the job's row in line with its steps; give what is so then, None when nothing is to be done."""
    with transaction.atomic():
        job = _UNENDED_JOB.row(job_id=job_id)
        if job is None or (job.state == JobState.WINDOW_OPEN and not windows.heed_clock(engine, job=job)):
            return None
        _heed_cancel(engine, job)
        board = read_board(job)
        if board is None:
            return None
        successor = _turn(engine, board)
        if successor is not None:
            board = read_board(job)
        if board is None or job.state in {JobState.FINISHED, JobState.WINDOW_OPEN}:
            return None
        _show(engine, board)
        return board


def rest(engine: Engine, board: Board) -> None:
    """Put the next look off while all that was started is in the cloud's hands; whoever wrote another look keeps it."""
    job, written = board.job, board.job.next_look_at
    job.next_look_at = _next_look(engine, board, startable=board.startable, due_now=[])
    compare_and_set(FailoverJob, pk=job.pk, expecting={"next_look_at": written}, next_look_at=job.next_look_at)


def _heed_cancel(engine: Engine, job: FailoverJob) -> None:
    if job.cancel_requested_at is None or job.point_of_no_return_at is not None:
        return
    for plan in job.plans.filter(kind=PlanKind.FORWARD, state=PlanState.RUNNING).order_by():
        stop_plan(engine, plan=plan, reason=f"{_CANCELLED}{job.cancel_requested_by or 'an operator'}.")


def _turn(engine: Engine, board: Board) -> Plan | None:
    """End the plan when it is at its end; give the plan that follows it."""
    plan = board.plan
    if plan.state == PlanState.RUNNING and board.all_over:
        _end_plan(engine, plan, PlanState.DONE)
        return _after_done(engine, board)
    if plan.state != PlanState.STOPPING:
        return None
    questions.drop_moot(engine, plan=plan)
    open_questions = board.asked & {step.pk for step in board.steps if step.state == StepState.RUNNING}
    if not board.unfinished and not open_questions:
        _end_plan(engine, plan, PlanState.FAILED)
        return _after_failed(engine, board)
    return None


def _end_plan(engine: Engine, plan: Plan, state: PlanState) -> None:
    compare_and_set(Plan, pk=plan.pk, expecting={"state": plan.state}, state=state, finished_at=engine.clock.now())


def _after_done(engine: Engine, board: Board) -> Plan | None:
    job, plan = board.job, board.plan
    if plan.kind == PlanKind.FORWARD and job.window_seconds is not None:
        windows.open_window(engine, job=job)
        return None
    if plan.kind == PlanKind.FORWARD:
        finish(engine, job=job, status=JobStatus.COMPLETED, outcome=Outcome.SUCCEEDED, words="The failover succeeded.")
        return None
    if plan.kind == PlanKind.CLEANUP and job.window_opened_at is not None:
        finish(engine, job=job, status=JobStatus.COMPLETED, outcome=Outcome.SUCCEEDED, words=_cleaned(board))
        return None
    left = [step.title for step in board.steps if step.state == StepState.SKIPPED]
    if plan.kind == PlanKind.COMMIT:
        words = _with("The failover was committed: there is no way back from now on", left)
        finish(engine, job=job, status=JobStatus.COMPLETED, outcome=Outcome.COMMITTED, words=words)
        return None
    if plan.kind == PlanKind.ROLLBACK:
        words = _with("The failover was rolled back; the replicas are unverified", left)
        finish(engine, job=job, status=JobStatus.FAILED, outcome=Outcome.ROLLED_BACK, words=words)
        return None
    outcome = _outcome_of_undo(job)
    words = "Everything was undone." if not left else f"Undone, except: {'; '.join(left)}."
    finish(engine, job=job, status=JobStatus.FAILED, outcome=outcome, words=words)
    return None


def _outcome_of_undo(job: FailoverJob) -> Outcome:
    """Give failed, unless it was a cancel that stopped the failover: one that came later changed nothing."""
    cancelled = job.plans.filter(kind=PlanKind.FORWARD, stop_reason__startswith=_CANCELLED)
    return Outcome.CANCELLED if cancelled.exists() else Outcome.FAILED


def _with(words: str, left: list[str]) -> str:
    return f"{words}, except: {'; '.join(left)}." if left else f"{words}."


def _cleaned(board: Board) -> str:
    left = [step.title for step in board.steps if step.state == StepState.SKIPPED]
    return "The test was cleaned up." if not left else f"The test was cleaned up, except: {'; '.join(left)}."


def _after_failed(engine: Engine, board: Board) -> Plan | None:
    job = board.job
    if board.plan.stop_reason == windows.LEFT or board.plan.kind != PlanKind.FORWARD:
        words = "Ended by an operator; everything was left where it was."
        finish(engine, job=job, status=JobStatus.FAILED, outcome=Outcome.FAILED, words=words)
        return None
    if job.error_message == "":
        job.error_message = board.plan.stop_reason
        job.save(update_fields=["error_message"])
    planned = undo.inverse_of(engine, plan=board.plan)
    record(
        engine,
        job,
        "undo",
        f"Stopped: {ended(board.plan.stop_reason)} What was done is undone.",
        steps=len(planned.steps),
    )
    if not planned.steps:
        outcome = _outcome_of_undo(job)
        finish(engine, job=job, status=JobStatus.FAILED, outcome=outcome, words="Nothing had been changed.")
        return None
    return write_plan(engine, job=job, kind=PlanKind.COMPENSATE, planned=planned)


def finish(engine: Engine, *, job: FailoverJob, status: JobStatus, outcome: Outcome, words: str) -> None:
    """End the job; what it held outside the engine is given back in the same transaction."""
    now = engine.clock.now()
    progress = 100.0 if outcome in {Outcome.SUCCEEDED, Outcome.COMMITTED} else job.progress
    ended = compare_and_set(
        FailoverJob,
        pk=job.pk,
        expecting={"state": MOVING_STATES},
        status=status,
        state=JobState.FINISHED,
        outcome=outcome,
        completed_at=now,
        next_look_at=None,
        progress=progress,
    )
    if not ended:
        return
    job.status, job.state, job.outcome, job.completed_at = status, JobState.FINISHED, outcome, now
    # What is still asked (of an error that has passed) nobody has to answer any more.
    job.questions.filter(answered_at=None).update(answered_at=now, answer="moot")
    record(engine, job, "finished", words, outcome=str(outcome))
    engine.ledger.finished(job=job, words=words)


def done_and_decided(
    engine: Engine,
    board: Board,
    *,
    step: Step,
    result: Mapping[str, Any],
    writes: Sequence[Write],
    marks: Mapping[str, Any] = MappingProxyType({}),
) -> bool:
    """Write the end of a step, and the marks on the job's row; False when another worker ended it first.

    Where nobody else has written since the board was read, and the plan only goes on, what it means for the job is
    decided and written with it; else the board is no longer exact, and a decision has to follow.
    """
    job = board.job
    shown = {**marks, **take_note(engine, job=job, step=step, result=result)}
    if board.is_exact:
        board.put_done(step, result=result, at=engine.clock.now())
        if _only_goes_on(board) and write_in_turn_of(job, *writes, **{**outlook(engine, board), **shown}):
            return True
        board.is_exact = False
    try:
        with transaction.atomic():
            lock(engine, job)
            if shown:
                compare_and_set(FailoverJob, pk=job.pk, expecting={}, **shown)
            write_in_turn(*writes)
    except NotAsExpected:
        return False
    return True


def _only_goes_on(board: Board) -> bool:
    """Say whether the board asks for no decision: a plan that runs, with steps left, and nobody to be asked."""
    return (
        board.plan.state == PlanState.RUNNING
        and board.job.state == JobState.RUNNING
        and not board.asked
        and not board.all_over
    )


def outlook(engine: Engine, board: Board) -> dict[str, Any]:
    """Give what the job's row is to say of the board: status, state, progress, next look; note what is due now."""
    job, startable, due_now = board.job, board.startable, board.ready(now=engine.clock.now())
    # A step that only queues for a resource moves nothing: what it waits for may be what the question is about.
    able = [step for step in startable if step.waiting_for == ""]
    waits = bool(board.asked) and not able and not _moving(board)
    shown = statuses.shown(job=job, plan=board.plan, steps=board.steps)
    board.due_phases = list(dict.fromkeys(step.phase for step in due_now))
    on_the_way = job.state if job.state == JobState.QUEUED else JobState.RUNNING
    return {
        "status": shown.status,
        "progress": max(shown.progress, job.progress) if board.plan.kind == PlanKind.FORWARD else shown.progress,
        "state": JobState.WAITING_FOR_OPERATOR if waits else on_the_way,
        "next_look_at": _next_look(engine, board, startable=startable, due_now=due_now),
    }


def _show(engine: Engine, board: Board) -> None:
    """Write on the job's row, which is locked, what the board says."""
    job, values = board.job, outlook(engine, board)
    compare_and_set(FailoverJob, pk=job.pk, expecting={}, counting="turn", **values)
    job.turn += 1
    for name, value in values.items():
        setattr(job, name, value)


def _moving(board: Board) -> bool:
    return any(attempt.step_id not in board.asked for attempt in board.unfinished)


def _next_look(engine: Engine, board: Board, *, startable: list[Step], due_now: list[Step]) -> datetime:
    """Give the moment at which the sweeper must ring if nobody else did."""
    if due_now:
        return engine.later(engine.rules.patience_with_bell)
    moments = [step.not_before for step in startable if step.not_before is not None]
    for attempt in board.unfinished:
        if attempt.state == AttemptState.INTENDED or _is_answered_only(attempt):
            # A living owner records its answer, or reads back, at once; what the dead left is found by this look.
            moments.append(engine.later(1.0))
        elif attempt.next_look_at is not None and attempt.step_id not in board.asked:
            moments.append(attempt.next_look_at)
    return min([*moments, engine.later(_FALLBACK_LOOK)])


def _is_answered_only(attempt: StepAttempt) -> bool:
    """Whether a synchronous call was answered and nobody has read back yet: then no look is planned either."""
    return attempt.state == AttemptState.ANSWERED and attempt.next_look_at is None
