"""This will try a failover again: from the step that failed where its makings still exist, else as another job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import transaction

from cloudstack import CloudError, Gateway
from inventory.models import ReplicaState, ReplicaVolume
from inventory.secrets import SecretUnreadable
from jobs.engine import windows
from jobs.engine.journal import record
from jobs.engine.ports import Engine
from jobs.engine.questions import RETRY
from jobs.engine.reopening import carry_on
from jobs.errors import ActiveJob, CannotRetry, CloudNotUsable
from jobs.holding import hold_vm
from jobs.made import GONE, End, Kind, Made, end_of, made_by
from jobs.models import (
    FailoverJob,
    JobState,
    JobType,
    Outcome,
    Phase,
    Plan,
    PlanKind,
    PlanState,
    Question,
    Step,
    StepState,
)
from jobs.plans.specification import FailoverSpecification
from jobs.prepared_starts import PreparedStart, StartRequest, StartTestRequest, refuse_if_paused
from jobs.runtime import Gateways, ring_on_commit
from jobs.services import answer, job_of
from jobs.starts import prepare_live, prepare_test, start_live, start_test
from validation.errors import NotReady

_FAILED = frozenset({Outcome.FAILED, Outcome.CANCELLED, Outcome.ROLLED_BACK})
_EVENT = "retried"
_UNDONE_IN_PART = "Its undo left something undone: to have that finished ask for the {verb} instead."
# The cloud (or a proxy) dropped our job ids then: nothing more is sent under that job.
_UNSAFE_QUESTION = "foreign_job_id"


class Way(StrEnum):
    """How a job is tried again."""

    ANSWER = "answer"
    CONTINUE = "continue"
    RESTART = "restart"


@dataclass(frozen=True)
class Retried:
    """What a retry does: the way, in words too, and the job that goes on (another one after a restart)."""

    way: Way
    words: str
    job: FailoverJob


@dataclass(frozen=True)
class _Route:
    way: Way
    words: str
    plan: Plan | None = None
    question: Question | None = None


def retry(*, engine: Engine, gateways: Gateways, job_id: str, actor: str, reason: str = "") -> Retried:
    """Try a failed, cancelled, undone or asking job again; pressing it twice changes nothing.

    Raises CannotRetry, ActiveJob, CloudNotUsable, and what a start raises where another job is needed.
    """
    job = job_of(job_id)
    if (under_way := _under_way(job)) is not None:
        return under_way
    route = _route_of(engine, job)
    words = f"{actor or 'Somebody'} asked to try it again. {route.words}"
    if route.question is not None:
        record(engine, job, _EVENT, words, actor=actor, reason=reason)
        job = answer(
            engine=engine,
            job_id=job_id,
            question_id=route.question.pk,
            choice=RETRY.answer,
            actor=actor,
            reason=reason,
        )
    elif route.plan is not None:
        job = _continue(engine, job, route.plan, words=words, actor=actor, reason=reason)
    else:
        job = _restart(engine, gateways, job, words=words, actor=actor, reason=reason)
    return Retried(route.way, route.words, job)


def retry_preview(*, engine: Engine, gateways: Gateways, job: FailoverJob) -> dict[str, Any]:
    """Say which way a retry would go and what it would do, without doing it.

    `obstacle` says what a start would be refused for, where another job is needed. Raises CannotRetry, CloudNotUsable.
    """
    if (under_way := _under_way(job)) is not None:
        return _shown(under_way.way, under_way.words, job_id=under_way.job.job_id)
    route = _route_of(engine, job)
    if route.way == Way.RESTART:
        try:
            planned = _prepared(engine, gateways, job).planned
        except (NotReady, ActiveJob) as refusal:
            return _shown(route.way, route.words, obstacle=str(refusal), to_do=refusal.required_actions)
        return _shown(route.way, route.words, steps=[step.command.title() for step in planned.steps])
    if route.question is not None and route.question.step is not None:
        steps = [route.question.step.title]
    elif route.plan is not None:
        steps = list(route.plan.steps.exclude(state=StepState.DONE).values_list("title", flat=True))
    else:
        steps = []
    return _shown(route.way, route.words, job_id=job.job_id, steps=steps)


def _shown(
    way: Way,
    words: str,
    *,
    job_id: str | None = None,
    steps: Sequence[str] = (),
    obstacle: str | None = None,
    to_do: Sequence[str] = (),
) -> dict[str, Any]:
    shown = {"way": way, "words": words, "job_id": job_id, "steps": list(steps), "obstacle": obstacle}
    return {**shown, "required_actions": list(to_do)}


def obstacle_to_retry(job: FailoverJob) -> str:
    """Say why the job cannot be tried again now, nothing when it can; asks no cloud."""
    if job.state == JobState.WAITING_FOR_OPERATOR:
        if _question_to_retry(job) is not None:
            return ""
        return "It waits for an answer, and running the step again is none of the choices."
    if job.state != JobState.FINISHED:
        return "It has not stopped."
    if job.outcome not in _FAILED:
        return "It did not fail."
    later = job.retries.order_by("pk").last()
    return f"It was tried again as {later.job_id}." if later is not None else ""


def _under_way(job: FailoverJob) -> Retried | None:
    """Give the retry that was asked for before and still goes on."""
    later = job.retries.exclude(state=JobState.FINISHED).first()
    if later is not None:
        return Retried(Way.RESTART, f"It is being tried again as {later.job_id}.", later)
    forward = job.plans.filter(kind=PlanKind.FORWARD, state=PlanState.RUNNING)
    if job.state == JobState.RUNNING and forward.exists() and job.events.filter(kind=_EVENT).exists():
        return Retried(Way.CONTINUE, "It is being tried again.", job)
    return None


def _route_of(engine: Engine, job: FailoverJob) -> _Route:
    if obstacle := obstacle_to_retry(job):
        raise CannotRetry(job, obstacle)
    question = _question_to_retry(job)
    if question is not None:
        title = question.step.title if question.step is not None else "The step"
        return _Route(Way.ANSWER, f"{title}: it is run again, after its conditions were read again.", question=question)
    left = windows.left_by(job)
    if left is None or left.kind != PlanKind.FORWARD:
        words = "Nothing is left to go on with, so another job is started from the same request."
        finished_by = "rollback" if job.job_type == JobType.LIVE else "cleanup"
        return _Route(Way.RESTART, words if left is None else f"{words} {_UNDONE_IN_PART.format(verb=finished_by)}")
    lost = _reasons_to_begin_again(engine, job, left)
    if lost:
        words = f"It can't go on where it stopped, so another job is started from the same request: {'; '.join(lost)}."
        return _Route(Way.RESTART, words)
    first = left.steps.exclude(state=StepState.DONE).first()
    title = first.title if first is not None else "its end"
    return _Route(Way.CONTINUE, f"What it made is still there and is adopted; it goes on from: {title}.", plan=left)


def _question_to_retry(job: FailoverJob) -> Question | None:
    if job.state != JobState.WAITING_FOR_OPERATOR:
        return None
    for question in job.questions.filter(answered_at=None).select_related("step").order_by("pk"):
        if any(offered["choice"] == RETRY.answer for offered in question.choices):
            return question
    return None


def _reasons_to_begin_again(engine: Engine, job: FailoverJob, plan: Plan) -> list[str]:
    if job.questions.filter(kind=_UNSAFE_QUESTION, answered_at__isnull=False).exists():
        return ["the cloud did not keep its async job ids"]
    steps = list(Step.objects.filter(plan=plan).select_related("plan").order_by("position"))
    try:
        gone = _gone(engine.worlds.of(job).gateway, job, steps)
    except (CloudError, SecretUnreadable) as error:
        raise CloudNotUsable(f"It can't be read what {job.job_id} left: {error}") from error
    return [*gone, *_moved_on(job)]


def _gone(gateway: Gateway, job: FailoverJob, steps: Sequence[Step]) -> list[str]:
    """Name what the job made, did not remove, and is not there any more."""
    readers: dict[Kind, Any] = {
        Kind.MACHINE: gateway.virtual_machine,
        Kind.VOLUME: gateway.volume,
        Kind.SNAPSHOT: gateway.snapshot,
    }

    def is_gone(made: Made) -> bool:
        found = readers[made.kind](made.id)
        return found is None or found.state in GONE[made.kind]

    standing = [made for made in made_by(steps) if end_of(made, job=job, steps=steps).end != End.REMOVED]
    return [f"{made.what} ({made.id}) is gone" for made in standing if is_gone(made)]


def _moved_on(job: FailoverJob) -> list[str]:
    """Say which replicas are not as the job found them: disks of two points must never run together (rule 7)."""
    spec = FailoverSpecification.from_json(job.specification)
    if not spec.boots_replicas:
        return []  # The copies are of one point, and a step of the plan checks that.
    rows = {row.volume_id: row for row in ReplicaVolume.objects.filter(disk__vm=job.vm)}
    moved = []
    for disk in spec.disks:
        row = rows.get(disk.volume_id)
        if row is None or row.state != ReplicaState.GOOD:
            moved.append(f"the replica of {disk.label} is not good any more")
        elif (row.change_id or "") != disk.change_id:
            moved.append(f"{disk.label} was replicated since")
    return moved


def _continue(engine: Engine, job: FailoverJob, plan: Plan, *, words: str, actor: str, reason: str) -> FailoverJob:
    refuse_if_paused()
    with transaction.atomic():
        job = FailoverJob.objects.select_for_update().get(pk=job.pk)
        if job.state == JobState.FINISHED:
            left = windows.left_by(job)
            if left is None or left.pk != plan.pk:
                raise CannotRetry(job, "Somebody has undone it, or gone on with it, in the same moment.")
            hold_vm(job.vm, job_id=job.job_id, now=engine.clock.now())
            carry_on(engine, job=job, plan=plan, again=_to_be_held_again(plan))
            record(engine, job, _EVENT, words, actor=actor, reason=reason)
            ring_on_commit(engine, job_id=job.pk, phase=Phase.VALIDATING)
    return job_of(job.job_id)


def _to_be_held_again(plan: Plan) -> list[int]:
    """Give the step that holds replication, unless the plan has let it go on since: its word may be old."""
    if plan.steps.filter(command="release_replication", state=StepState.DONE).exists():
        return []
    return list(plan.steps.filter(command="hold_replication", state=StepState.DONE).values_list("pk", flat=True))


def _restart(
    engine: Engine, gateways: Gateways, job: FailoverJob, *, words: str, actor: str, reason: str
) -> FailoverJob:
    def note(later: FailoverJob) -> None:
        FailoverJob.objects.filter(pk=later.pk).update(retry_of=job)
        record(engine, job, _EVENT, f"{words} It is {later.job_id}.", actor=actor, reason=reason)

    same = _same_request(job, reason=reason or job.reason, on_written=note)
    asked: dict[str, Any] = {"engine": engine, "gateways": gateways, "vm_id": job.source_vm_id, "actor": actor}
    if isinstance(same, StartTestRequest):
        return job_of(start_test(**asked, request=same).job_id)
    return job_of(start_live(**asked, request=same).job_id)


def _prepared(engine: Engine, gateways: Gateways, job: FailoverJob) -> PreparedStart:
    same = _same_request(job)
    asked: dict[str, Any] = {"engine": engine, "gateways": gateways, "vm_id": job.source_vm_id}
    if isinstance(same, StartTestRequest):
        return prepare_test(**asked, request=same)
    return prepare_live(**asked, request=same)


def _same_request(job: FailoverJob, **more: Any) -> StartRequest:
    same: dict[str, Any] = {
        "vm_name": job.vm_name,
        "skip_validation": job.skip_validation,
        "network_mappings": job.network_mappings,
        "custom_config": job.custom_config,
        "notification_config": job.notification_config,
        "unknown_fields": job.unknown_fields,
        "priority": job.priority,
        **more,
    }
    if job.job_type == JobType.LIVE:
        return StartRequest(**same)
    return StartTestRequest(**same, window_seconds=job.window_seconds or 0, auto_cleanup=job.auto_cleanup)
