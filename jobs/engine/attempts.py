"""This will carry one attempt from its intent to a known end: submit, settle what was answered, resolve what was not.

The three outcomes of rule 2 are made here and nowhere else. Reading is harmless and may be done twice; every write is a
compare-and-set on the attempt's state, so that of two workers one wins and the other's knowledge is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction

from database.statements import compare_and_set
from jobs.engine import questions
from jobs.engine.board import Board
from jobs.engine.claims import Claimed
from jobs.engine.contracts import (
    Absent,
    Answer,
    AsyncAnswer,
    Command,
    Finished,
    Holds,
    LeftBehind,
    Lost,
    NotSent,
    Refused,
    Sight,
    Submitted,
    Ticket,
    Unclear,
)
from jobs.engine.endings import attempt_is_done, attempt_is_not_done, attempt_left_something
from jobs.engine.journal import trace
from jobs.engine.ports import FARTHEST, Engine
from jobs.models import AttemptState, FailoverJob, Step, StepAttempt

log = structlog.get_logger(__name__)

_KEPT_READINGS = 6
_SETTLING = "settling"
# What is known of a call whose answer nobody has heard.
_UNHEARD = frozenset({"lost", "owner_died"})
# Those whose async job nobody knows, and one of which the cloud once said so: a node of it may read an old copy.
_UNTRACED = _UNHEARD | {"vanished"}


def submit(engine: Engine, *, job: FailoverJob, step: Step, claimed: Claimed) -> None:
    """Make the call whose intent was committed, and record its answer."""
    attempt = claimed.attempt
    ticket = Ticket(async_job_id=attempt.async_job_id, deadline=attempt.deadline)
    engine.worlds.about_to_change(job, claimed.command.touches())
    try:
        answer = claimed.command.submit(engine.worlds.of(job), ticket)
    except engine.unreachable as error:
        # What becomes of a call is told by its answer: this was a last look before it, and nothing was sent.
        answer = NotSent(f"The cloud cannot be read just now: {error}")
    now = engine.clock.now()
    trace(engine, job, "answer", f"{step.title}: the call was {_word(answer)}.", step=step.key, answer=asdict(answer))
    match answer:
        case Submitted(is_ours=True):
            _set(attempt, AttemptState.INTENDED, state=AttemptState.SUBMITTED, submitted_at=now, answer=_said(answer))
        case Submitted():
            _set(attempt, AttemptState.INTENDED, answer=_said(answer), **_settling_like_a_failure(engine))
            questions.ask_about_foreign_id(engine, job=job, step=step, attempt=attempt, given=answer.async_job_id)
        case Finished() | Refused():
            _set(attempt, AttemptState.INTENDED, state=AttemptState.ANSWERED, answered_at=now, answer=_said(answer))
        case Lost():
            _become_unknown_after_loss(engine, job, attempt, claimed.command, answer.text)
        case NotSent(text=text):
            _set(attempt, AttemptState.INTENDED, answer=_said(answer))
            attempt_is_not_done(
                engine, job=job, step=step, attempt=attempt, sentence=text, code=None, may_retry=True, counts=False
            )


def log_end(answer: AsyncAnswer | None, *, async_job_id: str, **names: str | None) -> None:
    """Log what was heard of an async job that is no longer under way; None: CloudStack does not know it.

    In CloudStack it has a number, here a step, a job and a request: whoever has not bound them to the log names them.
    """
    status = "unknown" if answer is None else answer.status
    text = answer.text if answer else ""
    told = log.info if status == "succeeded" else log.warning
    told("async_job_ended", async_job_id=async_job_id, status=status, text=text, **names)


def record_async_answer(engine: Engine, *, job_id: int, attempt_id: int, answer: AsyncAnswer | None) -> bool:
    """Write what the watcher heard of an attempt's async job; True when that changed anything."""
    if answer is not None and answer.status == "pending":
        return False
    with transaction.atomic():
        # The bell that follows may be lost with this process: the sweeper then finds the answer soon.
        soon = engine.later(engine.rules.patience_with_bell)
        compare_and_set(FailoverJob, pk=job_id, expecting={}, next_look_at=soon)
        heard = _vanished(engine) if answer is None else _answered(engine, answer)
        return compare_and_set(StepAttempt, pk=attempt_id, expecting={"state": AttemptState.SUBMITTED}, **heard)


def record_async_successes(engine: Engine, attempts: Sequence[tuple[int, int]]) -> None:
    """Write for many attempts (job id, attempt id) at once that their async jobs succeeded; twice heard is no harm."""
    soon = engine.later(engine.rules.patience_with_bell)
    heard = _answered(engine, AsyncAnswer(status="succeeded"))
    with transaction.atomic():
        FailoverJob.objects.filter(pk__in=[job_id for job_id, _ in attempts]).update(next_look_at=soon)
        mine = StepAttempt.objects.filter(pk__in=[attempt_id for _, attempt_id in attempts])
        mine.filter(state=AttemptState.SUBMITTED).update(**heard)


def _answered(engine: Engine, answer: AsyncAnswer) -> dict[str, Any]:
    now = engine.clock.now()
    return {"state": AttemptState.ANSWERED, "answered_at": now, "answer": _heard(answer), "next_look_at": now}


def _vanished(engine: Engine) -> dict[str, Any]:
    """CloudStack forgets jobs after a day, and a restored database never knew them: only reading tells."""
    words = {"kind": "vanished", "text": "CloudStack no longer knows the async job."}
    return {"answer": words, **_settling_like_a_failure(engine)}


def _settling_like_a_failure(engine: Engine) -> dict[str, Any]:
    """Wait out a host that may be at work on a job whose end nobody tells us."""
    settled = engine.later(engine.rules.settle_after_failure)
    return {
        "state": AttemptState.UNKNOWN,
        "settled_after": settled,
        "reading_gap_seconds": engine.rules.gap_after_failure,
        "next_look_at": settled,
    }


def settle(engine: Engine, *, board: Board, step: Step, attempt: StepAttempt, command: Command) -> None:
    """Read back after an answer: the answer alone proves nothing."""
    kind = attempt.answer.get("kind")
    if kind == "failed":
        _become_unknown_after_failure(engine, attempt)
        return
    sight = _look(engine, board.job, attempt, command, step=step)
    if sight is None:
        return
    if kind in {"succeeded", "finished"}:
        _settle_success(engine, board, step, attempt, sight)
    else:
        _settle_refusal(engine, board, step, attempt, _without_answer(command, sight))


def resolve(engine: Engine, *, board: Board, step: Step, attempt: StepAttempt, command: Command) -> None:
    """Find out by reading what became of an attempt without a usable answer (rule 2)."""
    job = board.job
    if attempt.answer.get("kind") in _UNTRACED and _job_turned_up(engine, job, attempt):
        return
    if attempt.answer.get("kind") == "submitted" and _stranger_is_at_work(engine, job, step, attempt, command):
        return
    if attempt.settled_after is not None and not _is_settled(engine, attempt, attempt.settled_after):
        return
    sight = _look(engine, job, attempt, command, step=step)
    if sight is not None:
        _conclude(engine, board, step, attempt, _without_answer(command, sight))


def take_over(engine: Engine, *, job: FailoverJob, attempt: StepAttempt, command: Command) -> bool:
    """Take an intent whose owner died, or could not write down what he heard: what became of the call is unknown."""
    text = "The process that made the call died, or could not write its answer down."
    return _become_unknown_after_loss(engine, job, attempt, command, text, kind="owner_died")


def ask_when_overdue(engine: Engine, *, job: FailoverJob, step: Step, attempt: StepAttempt, command: Command) -> bool:
    """Ask a person about an async job that does not end; a second one is never started beside it. False: not yet."""
    now = engine.clock.now()
    started = attempt.submitted_at or attempt.intent_at
    if started > now:
        # Noted by a clock that has been set back since: else nobody would be asked before that moment comes again.
        _set(attempt, AttemptState.SUBMITTED, submitted_at=now)
        return False
    if (now - started).total_seconds() < command.limit_seconds:
        return False
    # By our clock, which may have jumped, and by the word of a watcher who may have been absent: asked once more.
    try:
        answer = engine.worlds.async_jobs(job.endpoint).one(attempt.async_job_id)
    except engine.unreachable:
        return False
    if answer is None or answer.status != "pending":
        log_end(answer, async_job_id=attempt.async_job_id, step=step.key)
        return record_async_answer(engine, job_id=job.pk, attempt_id=attempt.pk, answer=answer)
    if not _was_overdue_before(engine, attempt):
        return False
    questions.ask_about_endless_job(engine, job=job, step=step, attempt=attempt)
    return True


def _was_overdue_before(engine: Engine, attempt: StepAttempt) -> bool:
    """Note that the attempt is overdue; True when it was so a while ago too, and not only by a clock that jumped."""
    now = engine.clock.now()
    noted = [datetime.fromisoformat(one["at"]) for one in attempt.readings if one["sight"] == "overdue"]
    if noted and timedelta(0) <= now - noted[0] <= timedelta(hours=1):
        return now - noted[0] >= timedelta(seconds=engine.rules.patience_after_success)
    attempt.readings = [{"at": now.isoformat(), "sight": "overdue", "seen": "its async job is unfinished"}]
    _look_again_at(attempt, engine.later(engine.rules.patience_after_success))
    return False


def _settle_success(engine: Engine, board: Board, step: Step, attempt: StepAttempt, sight: Sight) -> None:
    if isinstance(sight, Holds):
        attempt_is_done(engine, board=board, step=step, attempt=attempt, result=sight.result, seen=sight.seen)
        return
    now = engine.clock.now()
    waited = (now - (attempt.answered_at or attempt.intent_at)).total_seconds()
    if waited < 0.0:
        # Noted by a clock that has been set back since: patience counts from now.
        _set(attempt, AttemptState.ANSWERED, answered_at=now)
    if waited >= engine.rules.patience_after_success:
        questions.ask_about_unseen_success(engine, job=board.job, step=step, attempt=attempt, seen=sight.seen)
        return
    _look_again_at(attempt, engine.later(min(max(0.5, waited), 10.0)))


def _settle_refusal(engine: Engine, board: Board, step: Step, attempt: StepAttempt, sight: Sight) -> None:
    job = board.job
    text, code = str(attempt.answer.get("text", "")), attempt.answer.get("code")
    match sight:
        case Absent():
            attempt_is_not_done(
                engine,
                job=job,
                step=step,
                attempt=attempt,
                sentence=text,
                code=code,
                may_retry=bool(attempt.answer.get("transient")),
            )
        case Holds(result=result, seen=seen):
            # Refused, yet it is so: a create that was refused for its id leaves its entity (seen on a running cloud).
            attempt_is_done(engine, board=board, step=step, attempt=attempt, result=result, seen=seen)
        case LeftBehind(result=result, seen=seen):
            attempt_left_something(
                engine, job=job, step=step, attempt=attempt, result=result, sentence=f"{text} ({seen})"
            )
        case Unclear():
            _set(
                attempt,
                AttemptState.ANSWERED,
                state=AttemptState.UNKNOWN,
                settled_after=engine.clock.now(),
                reading_gap_seconds=engine.rules.gap_after_loss,
                readings=attempt.readings,
                next_look_at=engine.later(engine.rules.gap_after_loss),
            )


def _conclude(engine: Engine, board: Board, step: Step, attempt: StepAttempt, sight: Sight) -> None:
    """Decide when two equal readings lie far enough apart; else look again, and in the end ask."""
    job = board.job
    if not _confirmed_twice(attempt):
        _look_again_at(attempt, engine.later(attempt.reading_gap_seconds))
        return
    text = str(attempt.answer.get("text", "")) or "No answer came."
    match sight:
        case Holds(result=result, seen=seen):
            attempt_is_done(engine, board=board, step=step, attempt=attempt, result=result, seen=seen)
        case Absent(seen=seen):
            attempt_is_not_done(
                engine,
                job=job,
                step=step,
                attempt=attempt,
                sentence=f"{text.rstrip('.')}. It had no effect: {seen}.",
                code=attempt.answer.get("code"),
                may_retry=True,
            )
        case LeftBehind(result=result, seen=seen):
            attempt_left_something(
                engine, job=job, step=step, attempt=attempt, result=result, sentence=f"{text} ({seen})"
            )
        case Unclear():
            _wait_or_ask(engine, job, step, attempt, sight)


def _wait_or_ask(engine: Engine, job: FailoverJob, step: Step, attempt: StepAttempt, sight: Unclear) -> None:
    since = attempt.settled_after or attempt.intent_at
    waited = (engine.clock.now() - since).total_seconds()
    patience = engine.rules.patience_when_unclear if sight.still_moving else engine.rules.patience_after_success
    if waited >= patience:
        questions.ask_about_unclear(engine, job=job, step=step, attempt=attempt, seen=sight.seen)
        return
    _look_again_at(attempt, engine.later(max(attempt.reading_gap_seconds, min(waited / 4, 30.0))))


def _look(engine: Engine, job: FailoverJob, attempt: StepAttempt, command: Command, *, step: Step) -> Sight | None:
    """Read the cloud and keep the reading; None when it cannot be read just now."""
    try:
        sight = command.confirm(engine.worlds.of(job))
    except engine.unreachable as error:
        waited = (engine.clock.now() - attempt.intent_at).total_seconds()
        pause = min(max(engine.rules.first_pause, waited / 4), engine.rules.longest_pause)
        _look_again_at(attempt, engine.later(pause), f"The cloud cannot be read: {error}")
        return None
    reading = {"at": engine.clock.now().isoformat(), "sight": _word(sight), "seen": sight.seen}
    trace(engine, job, "reading", f"{step.title}: {sight.seen}.", step=step.key, heard=attempt.answer, **reading)
    attempt.readings = [*attempt.readings[-(_KEPT_READINGS - 1) :], reading]
    return sight


def _without_answer(command: Command, sight: Sight) -> Sight:
    """Give what a sight is worth when no good answer came with it."""
    if isinstance(sight, Holds) and command.only_the_answer_proves:
        return Absent("only a good answer would prove it")
    return sight


def _confirmed_twice(attempt: StepAttempt) -> bool:
    """Whether the newest reading equals an earlier one in an unbroken row, at least the gap before it."""
    newest = attempt.readings[-1]
    for earlier in reversed(attempt.readings[:-1]):
        if (earlier["sight"], earlier["seen"]) != (newest["sight"], newest["seen"]):
            return False
        apart = (datetime.fromisoformat(newest["at"]) - datetime.fromisoformat(earlier["at"])).total_seconds()
        if apart >= attempt.reading_gap_seconds:
            return True
    return False


def _job_turned_up(engine: Engine, job: FailoverJob, attempt: StepAttempt) -> bool:
    """Ask for our own job id: if CloudStack knows it after all, the call arrived and is followed."""
    try:
        answer = engine.worlds.async_jobs(job.endpoint).one(attempt.async_job_id)
    except engine.unreachable:
        return False
    if answer is None:
        return False
    return _set(
        attempt,
        AttemptState.UNKNOWN,
        state=AttemptState.SUBMITTED,
        submitted_at=engine.clock.now(),
        settled_after=None,
        next_look_at=None,
        answer={"kind": "submitted", "text": "Its async job was found after all."},
        readings=[],
    )


def _stranger_is_at_work(engine: Engine, job: FailoverJob, step: Step, attempt: StepAttempt, command: Command) -> bool:
    """Whether the async job that the cloud made under an id of its own has not ended, or cannot be asked for.

    Until it has nothing that is read says how it ends, and nothing may be sent beside it (rule 5).
    """
    now, given = engine.clock.now(), str(attempt.answer["async_job_id"])
    try:
        answer = engine.worlds.async_jobs(job.endpoint).one(given)
    except engine.unreachable as error:
        _look_again_at(attempt, engine.later(engine.rules.longest_pause), f"The cloud cannot be read: {error}")
        return True
    if answer is None or answer.status != "pending":
        return False
    settled = engine.later(engine.rules.settle_after_failure)
    soon = engine.later(engine.rules.gap_after_failure)
    _set(attempt, AttemptState.UNKNOWN, settled_after=settled, next_look_at=soon, readings=[])
    if (now - attempt.intent_at).total_seconds() >= command.limit_seconds:
        questions.ask_about_endless_job(engine, job=job, step=step, attempt=attempt, async_job_id=given)
    return True


def _become_unknown_after_loss(
    engine: Engine, job: FailoverJob, attempt: StepAttempt, command: Command, text: str, *, kind: str = "lost"
) -> bool:
    """Wait until the request can no longer arrive: its `expires`, the clock skew, and the longest create phase."""
    skew = abs(engine.worlds.clock_skew_seconds(job) or 0.0) + 1.0
    settled = attempt.deadline + timedelta(seconds=skew + command.longest_create_seconds)
    return _set(
        attempt,
        AttemptState.INTENDED,
        state=AttemptState.UNKNOWN,
        answer={"kind": kind, "text": text},
        settled_after=settled,
        reading_gap_seconds=engine.rules.gap_after_loss,
        # The first question is whether our job id is known; that can be asked at once.
        next_look_at=engine.clock.now(),
    )


def _become_unknown_after_failure(engine: Engine, attempt: StepAttempt) -> None:
    """A failed async job is unknown: the host may still act (a restart of the management server fails all jobs)."""
    settled = (attempt.answered_at or engine.clock.now()) + timedelta(seconds=engine.rules.settle_after_failure)
    _set(
        attempt,
        AttemptState.ANSWERED,
        state=AttemptState.UNKNOWN,
        settled_after=settled,
        reading_gap_seconds=engine.rules.gap_after_failure,
        next_look_at=settled,
    )


def _is_settled(engine: Engine, attempt: StepAttempt, settled: datetime) -> bool:
    """Say whether nobody can act on the call any more; else put the next look off until then.

    What lies further off than any wait was noted by a clock that has been set back since, or it is this clock that is
    wrong: the moment stays, and a whole wait has to pass by one clock before it counts as come. That is so for calls
    that were answered. A lost one may arrive until its `expires`, which that clock has named too.
    """
    now = engine.clock.now()
    if now >= settled:
        return True
    if settled <= now + timedelta(seconds=FARTHEST) or attempt.answer.get("kind") in _UNHEARD:
        _look_again_at(attempt, settled)
        return False
    seen_at = [datetime.fromisoformat(one["at"]) for one in attempt.readings if one["sight"] == _SETTLING]
    if not seen_at or not timedelta(0) <= now - seen_at[0] <= timedelta(hours=1):
        words = "what it waits for was noted by a clock that has been set back since"
        attempt.readings, seen_at = [{"at": now.isoformat(), "sight": _SETTLING, "seen": words}], [now]
    enough = seen_at[0] + timedelta(seconds=engine.rules.settle_after_failure)
    if now < enough:
        _look_again_at(attempt, enough)
        return False
    return _set(attempt, AttemptState.UNKNOWN, settled_after=now, readings=[])


def _look_again_at(attempt: StepAttempt, moment: datetime, explanation: str = "") -> None:
    compare_and_set(
        StepAttempt,
        pk=attempt.pk,
        expecting={"state": attempt.state},
        next_look_at=moment,
        readings=attempt.readings,
        explanation=explanation,
    )


def _set(attempt: StepAttempt, expected: AttemptState, **values: Any) -> bool:
    """Move the attempt on, if it still is in the expected state; the loser changes nothing."""
    won = compare_and_set(StepAttempt, pk=attempt.pk, expecting={"state": expected}, **values)
    if won:
        for name, value in values.items():
            setattr(attempt, name, value)
    return won


def _word(outcome: Answer | Sight) -> str:
    """Give the outcome's kind as one word."""
    return type(outcome).__name__.lower()


def _said(answer: Submitted | Finished | Refused | NotSent) -> dict[str, Any]:
    match answer:
        case Submitted(async_job_id=job_id, entity_id=entity):
            return {"kind": "submitted", "async_job_id": job_id, "entity_id": entity}
        case Finished():
            return {"kind": "finished"}
        case Refused(text=text, code=code, transient=transient):
            return {"kind": "refused", "text": text, "code": code, "transient": transient}
        case NotSent(text=text):
            return {"kind": "not_sent", "text": text}


def _heard(answer: AsyncAnswer) -> dict[str, Any]:
    if answer.status == "succeeded":
        return {"kind": "succeeded"}
    kind = "refused" if answer.refused else "failed"
    return {"kind": kind, "text": answer.text, "code": answer.code, "transient": answer.transient}
