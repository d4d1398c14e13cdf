"""This will do all due work of one phase of a job, and ring for what follows; it never waits for the cloud's work.

The one broad except of the project is here: whatever goes wrong inside is logged once, counted on the job, and disturbs
no other job.
"""

from __future__ import annotations

import structlog

from jobs.engine import attempts, claims, decisions, questions
from jobs.engine.journal import load_command, record
from jobs.engine.leases import living_owners
from jobs.engine.ports import Engine
from jobs.models import AttemptState, FailoverJob, JobState, Plan, PlanState, Step, StepAttempt, StepState
from jobs.models.attempt import UNFINISHED_ATTEMPTS

log = structlog.get_logger(__name__)

_ROUNDS = 50
# What others may change of a job while its work goes on here.
_CHANGING = ("state", "point_of_no_return_at", "cancel_requested_at", "error_message", "defects")


def advance(engine: Engine, *, job_id: int, phase: str) -> None:
    """Do the phase's due work until nothing is due; duplicates, stale and foreign rings find nothing to do."""
    # With what every command's world is made of, read once for all rounds.
    rows = FailoverJob.objects.select_related("vm__cloud", "vm__appliance")
    job = rows.filter(pk=job_id).exclude(state=JobState.FINISHED).first()
    if job is None:
        return
    with structlog.contextvars.bound_contextvars(job_id=job.job_id, phase=phase):
        try:
            _work(engine, job, phase)
            follow = decisions.decide(engine, job_id=job_id)
        except Exception as defect:
            # The isolation point: an error nobody foresaw is our defect; the job says so and others go on.
            log.exception("defect", defect=repr(defect))
            _count_defect(engine, job, defect)
            return
    for next_phase in follow:
        if next_phase != phase:
            engine.bell.ring(job_id=job_id, phase=next_phase)
    if phase in follow:
        engine.bell.ring(job_id=job_id, phase=phase)


def _work(engine: Engine, job: FailoverJob, phase: str) -> None:
    for _ in range(_ROUNDS):
        job.refresh_from_db(fields=_CHANGING)
        if job.state == JobState.QUEUED:
            decisions.begin(engine, job=job)
        worked = [_continue(engine, job, step, attempt) for step, attempt in _due_attempts(engine, job, phase)]
        worked += [_start(engine, job, step) for step in ready_steps(engine, job, phase=phase)]
        if not any(worked):
            return


def _due_attempts(engine: Engine, job: FailoverJob, phase: str) -> list[tuple[Step, StepAttempt]]:
    """Give the unfinished attempts of the phase that something can be done about now."""
    asked = job.questions.filter(answered_at__isnull=True, step__isnull=False).values("step_id")
    rows = (
        StepAttempt.objects.filter(step__plan__job=job, step__phase=phase, state__in=UNFINISHED_ATTEMPTS)
        .exclude(step_id__in=asked)
        .select_related("step__plan")
    )
    now = engine.clock.now()
    living: set[str] | None = None
    due = []
    for attempt in rows:
        if attempt.state == AttemptState.INTENDED:
            living = living_owners(engine) if living is None else living
            if attempt.owner not in living:
                due.append((attempt.step, attempt))
        elif attempt.next_look_at is None or attempt.next_look_at <= now:
            due.append((attempt.step, attempt))
    return due


def _continue(engine: Engine, job: FailoverJob, step: Step, attempt: StepAttempt) -> bool:
    """Carry an attempt on; True when its state changed, so that another round may find more."""
    before = attempt.state
    command = load_command(engine, step)
    match attempt.state:
        case AttemptState.INTENDED:
            attempts.take_over(engine, attempt=attempt, command=command)
        case AttemptState.SUBMITTED:
            attempts.ask_when_overdue(engine, job=job, step=step, attempt=attempt, command=command)
            return False
        case AttemptState.ANSWERED:
            attempts.settle(engine, job=job, step=step, attempt=attempt, command=command)
        case AttemptState.UNKNOWN:
            attempts.resolve(engine, job=job, step=step, attempt=attempt, command=command)
    attempt.refresh_from_db()
    return attempt.state != before


def _start(engine: Engine, job: FailoverJob, step: Step) -> bool:
    claimed = claims.claim(engine, job=job, step=step)
    if claimed is not None:
        attempts.submit(engine, job=job, step=step, claimed=claimed)
        return True
    step.refresh_from_db()
    return step.state != StepState.WAITING


def ready_steps(engine: Engine, job: FailoverJob, *, phase: str | None = None) -> list[Step]:
    """Give the waiting steps of the running plan whose needs are met and whose time has come."""
    plan = Plan.objects.filter(job=job, state=PlanState.RUNNING).first()
    if plan is None:
        return []
    steps = list(plan.steps.select_related("plan").order_by("position"))
    over = {step.key for step in steps if step.state in {StepState.DONE, StepState.SKIPPED}}
    asked = set(job.questions.filter(answered_at__isnull=True).values_list("step_id", flat=True))
    now = engine.clock.now()
    return [
        step
        for step in steps
        if step.state == StepState.WAITING
        and (phase is None or step.phase == phase)
        and step.pk not in asked
        and over.issuperset(step.after)
        and (step.not_before is None or step.not_before <= now)
    ]


def _count_defect(engine: Engine, job: FailoverJob, defect: Exception) -> None:
    """Park a job whose work fails again and again for no foreseen reason, for a person to look at."""
    job.refresh_from_db()
    defects = job.defects + 1
    pause = min(engine.rules.first_pause * 2**defects, engine.rules.longest_pause)
    FailoverJob.objects.filter(pk=job.pk).update(defects=defects, next_look_at=engine.later(pause))
    record(engine, job, "defect", f"An error in this service, not in the cloud: {defect!r}", count=defects)
    if defects >= engine.rules.defects:
        questions.ask_about_defect(engine, job=job, defect=repr(defect))
        # Not by a decision: that may be what fails.
        FailoverJob.objects.filter(pk=job.pk, state=JobState.RUNNING).update(state=JobState.WAITING_FOR_OPERATOR)
