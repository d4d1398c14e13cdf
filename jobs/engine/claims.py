"""This will claim a ready step: read its guard, then commit intent, attempt and reservations before any call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction

from database.statements import Prepared, PreparedAmong, compare_and_set
from database.together import Change, New, NotAsExpected, Write, write_in_turn
from jobs.engine import questions
from jobs.engine.board import Board
from jobs.engine.contracts import Already, Ask, Clear, Command, Guarded, Refuse, Wait
from jobs.engine.decisions import done_and_decided
from jobs.engine.journal import SEEN_RUNNING, load_command, lock, record, told, trace, write_in_turn_of
from jobs.engine.ports import Engine
from jobs.engine.steps import end_step_as_failed, ended, step_is_done
from jobs.models import (
    AttemptState,
    FailoverJob,
    PlanKind,
    PlanState,
    Reservation,
    Step,
    StepAttempt,
    StepState,
)

_RESERVED = PreparedAmong(
    lambda resources: Reservation.objects.filter(resource__in=resources).order_by().values_list("resource")
)
_HOLDER = Prepared(
    lambda resource: Reservation.objects.filter(resource=resource).values_list("job__job_id"),
    texts=frozenset({"resource"}),
)
# A wait is looked at far more often than this: one that is further beyond its limit was measured by a wrong clock.
_LATE = 1800.0


@dataclass(frozen=True)
class Claimed:
    """An intent that is committed: the call may be made now."""

    attempt: StepAttempt
    command: Command


class ReservedByOther(Exception):
    """A resource of the step belongs to another unfinished attempt."""


class ClaimLost(Exception):
    """Another worker claimed the step first, or the plan no longer starts steps."""


def claim(engine: Engine, *, board: Board, step: Step) -> Claimed | None:
    """Claim the step and commit its intent; None when there is nothing to submit (it waits, ended, or was claimed)."""
    job = board.job
    command = load_command(engine, step, results=board.results)
    reserved = _first_reserved(command)
    if reserved is not None:
        _wait_for_resource(engine, step, reserved)
        return None
    if _waits_for_clock(engine, job, step):
        return None
    try:
        guarded = command.guard(engine.worlds.of(job))
    except engine.unreachable as error:
        _wait(engine, step, Wait(reason=f"The cloud cannot be read just now: {error}", seconds=_pause(engine, step)))
        return None
    seen = {name: value for name, value in vars(guarded).items() if isinstance(value, str)}
    trace(engine, job, "guard", f"{step.title}: {type(guarded).__name__.lower()}", step=step.key, **seen)
    return _follow(engine, board, step, command, guarded)


def _follow(engine: Engine, board: Board, step: Step, command: Command, guarded: Guarded) -> Claimed | None:
    job = board.job
    match guarded:
        case Clear():
            # Once more: the guard's reads have just measured it.
            return None if _waits_for_clock(engine, job, step) else _intend(engine, board, step, command)
        case Already(result=result, seen=seen):
            _adopt(engine, board, step, result, seen)
        case Wait(reason=reason, in_doubt=in_doubt):
            if in_doubt:
                _doubt(engine, job, step, reason)
            if not _asked_after_long_wait(engine, job, step, guarded):
                _wait(engine, step, guarded)
        case Refuse(sentence=sentence, in_doubt=in_doubt):
            if in_doubt:
                _doubt(engine, job, step, sentence)
            _refuse(engine, job, step, sentence)
        case Ask(text=text, seen=seen_fields, choices=choices):
            questions.ask(engine, job=job, step=step, kind="guard", text=text, seen=seen_fields, choices=choices)
    return None


def _waits_for_clock(engine: Engine, job: FailoverJob, step: Step) -> bool:
    """Send nothing to a cloud whose clock is off: the request's fence would stand at the wrong moment (rule 9)."""
    skew = engine.worlds.clock_skew_seconds(job)
    if skew is None or abs(skew) <= engine.rules.largest_skew:
        return False
    reason = f"The cloud's clock is {skew:+.0f} s off ours: no request could be fenced. Synchronise the clocks (NTP)."
    try:
        # A read, so that the clock is measured again: nobody else may speak to this cloud meanwhile.
        engine.worlds.async_jobs(job.endpoint).unfinished()
    except engine.unreachable as error:
        reason = f"{reason} It cannot be read just now: {error}"
    _wait(engine, step, Wait(reason=reason, seconds=_pause(engine, step)))
    return True


def _intend(engine: Engine, board: Board, step: Step, command: Command) -> Claimed | None:
    try:
        attempt = _commit_intent(engine, board, step, command)
    except ClaimLost:
        board.is_exact = False
        return None
    except ReservedByOther:
        board.is_exact = False
        # Unless it is free again: then it is claimed in the next round.
        if (taken := _first_reserved(command)) is not None:
            _wait_for_resource(engine, step, taken)
        return None
    board.put_running(step, attempt)
    return Claimed(attempt=attempt, command=command)


def _commit_intent(engine: Engine, board: Board, step: Step, command: Command) -> StepAttempt:
    """Write attempt and reservations as one (rule 1); raises ClaimLost, ReservedByOther."""
    job, now = board.job, engine.clock.now()
    attempt = _attempt(engine, job, step, intent_at=now, deadline=now + timedelta(seconds=engine.rules.fence))
    # A step that waited has nothing to wait for any more.
    over: dict[str, Any] = {
        "not_before": None,
        "waiting_for": "",
        "waiting_since": None,
        "wait_limit": None,
        "reason": "",
    }
    writes: list[Write] = [
        _taken(step, attempts_made=attempt.number, started_at=step.started_at or now, **over),
        New([attempt]),
        *_reserved(engine, job, attempt, command),
        _claim_is_told(engine, job, step, attempt),
    ]
    try:
        # Holding the job's row, a stop (cancel, failure) and an intent cannot pass each other.
        if board.is_exact and _in_turn(engine, job, step, writes):
            return attempt
        board.is_exact = False
        with transaction.atomic():
            lock(engine, job)
            if step.is_point_of_no_return:
                _pass_point_of_no_return(engine, job)
            write_in_turn(*writes)
    except NotAsExpected as error:
        raise ClaimLost from error
    except IntegrityError as error:
        if Reservation._meta.db_table in str(error):
            raise ReservedByOther from error
        raise
    return attempt


def _in_turn(engine: Engine, job: FailoverJob, step: Step, writes: Sequence[Write]) -> bool:
    """Write the intent if nobody has written of the job since it was read; nobody has cancelled it then."""
    marks = _mark(engine) if step.is_point_of_no_return else {}
    soon = engine.later(engine.rules.patience_with_bell)
    return write_in_turn_of(job, *writes, next_look_at=soon, **marks)


def _mark(engine: Engine) -> dict[str, Any]:
    return {"point_of_no_return_at": engine.clock.now()}


def _attempt(engine: Engine, job: FailoverJob, step: Step, **fields: Any) -> StepAttempt:
    """Give the step's next attempt, still to be written, with an async job id of its own."""
    return StepAttempt(
        step=step,
        number=step.attempts_made + 1,
        async_job_id=engine.new_id(),
        endpoint=job.endpoint,
        owner=engine.owner,
        **fields,
    )


def _reserved(engine: Engine, job: FailoverJob, attempt: StepAttempt, command: Command) -> list[Write]:
    now = engine.clock.now()
    # In sorted order, so that two attempts with common resources cannot lock each other out.
    rows = [
        Reservation(resource=resource, attempt=attempt, job=job, taken_at=now)
        for resource in sorted(set(command.touches()))
    ]
    return [New(rows, parent=attempt, naming="attempt")] if rows else []


def _pass_point_of_no_return(engine: Engine, job: FailoverJob) -> None:
    """Mark the job; a cancel that came first wins (both are compare-and-set on the job's row)."""
    not_cancelled = {"cancel_requested_at": None}
    if not compare_and_set(FailoverJob, pk=job.pk, expecting=not_cancelled, **_mark(engine)):
        raise ClaimLost


def _adopt(engine: Engine, board: Board, step: Step, result: dict[str, object], seen: str) -> None:
    """Take what is there already as the step's result, with an attempt that made no call."""
    job, now = board.job, engine.clock.now()
    attempt = _attempt(
        engine,
        job,
        step,
        state=AttemptState.DONE,
        intent_at=now,
        deadline=now,
        ended_at=now,
        readings=[{"at": now.isoformat(), "sight": "holds", "seen": seen}],
        explanation="It was so already; nothing was sent.",
    )
    done = step_is_done(engine, step=step, result=result)
    started = {"attempts_made": attempt.number, "started_at": step.started_at or now}
    writes: list[Write] = [
        _taken(step, **{**done.values, **started}),
        New([attempt]),
        told(engine, job, "step_done", f"{step.title}: already so ({seen})", step=step.key),
    ]
    marks = _mark(engine) if step.is_point_of_no_return else {}
    done_and_decided(engine, board, step=step, result=result, writes=writes, marks=marks)


def _doubt(engine: Engine, job: FailoverJob, step: Step, seen: str) -> None:
    """Note that the target VM ran without this job's doing: nobody may trust its disks unseen (rule 8)."""
    noted = job.events.filter(kind=SEEN_RUNNING)
    if noted.exists():
        return
    with transaction.atomic():
        lock(engine, job)
        if noted.exists():
            return
        engine.ledger.content_in_doubt(job=job)
        words = f"{ended(seen)} What it writes is on the replicas: they are unverified from now on."
        record(engine, job, SEEN_RUNNING, words, step=step.key)


def _refuse(engine: Engine, job: FailoverJob, step: Step, sentence: str) -> None:
    """Fail the step before any call; in an undo a person decides instead."""
    if step.plan.kind != PlanKind.FORWARD:
        questions.ask_about_undo(engine, job=job, step=step, sentence=sentence, seen={})
        return
    with transaction.atomic():
        lock(engine, job)
        if _taken(step).write():
            end_step_as_failed(engine, job=job, step=step, sentence=sentence, code=None)


def _asked_after_long_wait(engine: Engine, job: FailoverJob, step: Step, wait: Wait) -> bool:
    """Ask a person once a wait has lasted beyond its limit; one that a jumped clock made long begins afresh.

    So does one that comes after a cloud's outage or a queue for a resource: those have no limit, and were not its own.
    """
    if wait.limit is None or step.waiting_since is None:
        return False
    if step.wait_limit is None:
        # What it waited for until now had no limit.
        step.waiting_since = None
        return False
    waited = (engine.clock.now() - step.waiting_since).total_seconds()
    if not 0.0 <= waited < wait.limit + _LATE:
        step.waiting_since = None
        return False
    if waited >= wait.limit:
        questions.ask_about_long_wait(engine, job=job, step=step, wait=wait)
    return waited >= wait.limit


def _wait(engine: Engine, step: Step, wait: Wait) -> None:
    Step.objects.filter(pk=step.pk, state=StepState.WAITING).update(
        not_before=engine.later(wait.seconds),
        reason=wait.reason,
        waiting_for="",
        waiting_since=step.waiting_since or engine.clock.now(),
        wait_limit=wait.limit,
    )


def _wait_for_resource(engine: Engine, step: Step, resource: str) -> None:
    """Queue up for a resource; the end of the attempt that has it rings for the first in the queue."""
    holder = next(iter(_HOLDER.values(resource=resource)), None)
    reason = f"Waits for {resource}" + (f", which {holder[0]} uses just now." if holder else ".")
    compare_and_set(
        Step,
        pk=step.pk,
        expecting={"state": StepState.WAITING},
        not_before=engine.later(0.0 if holder is None else engine.rules.patience_in_queue),
        waiting_for=resource,
        reason=reason,
        waiting_since=step.waiting_since or engine.clock.now(),
        wait_limit=None,
    )


def _taken(step: Step, **values: Any) -> Change:
    """Give the change that sets a step running, if it is as it was read and its plan still starts steps.

    It is written in the job's turn, or under its lock; `state` may be another one that follows from running.
    """
    as_read = {
        "state": StepState.WAITING,
        "attempts_made": step.attempts_made,
        "plan__state": PlanState.RUNNING,
    }
    return Change(Step, step.pk, {"state": StepState.RUNNING, **values}, as_read)


def _first_reserved(command: Command) -> str | None:
    """Look before reading the cloud: a resource that is reserved now makes the guard's calls a waste."""
    taken = {resource for (resource,) in _RESERVED.values(command.touches())}
    return next((one for one in command.touches() if one in taken), None)


def _pause(engine: Engine, step: Step) -> float:
    """Grow the pause with the time already waited, between the first and the longest pause."""
    if step.waiting_since is None:
        return engine.rules.first_pause
    waited = (engine.clock.now() - step.waiting_since).total_seconds()
    return min(max(engine.rules.first_pause, waited), engine.rules.longest_pause)


def _claim_is_told(engine: Engine, job: FailoverJob, step: Step, attempt: StepAttempt) -> New:
    """Tell the timeline that a step began; only its first attempt is worth a line of its own."""
    words = step.title if attempt.number == 1 else f"{step.title} (attempt {attempt.number})"
    return told(engine, job, "step_started", words, step=step.key, async_job_id=attempt.async_job_id)
