"""This will judge how the jobs of a schedule ended: where every disk is, what it holds, and what was left."""

from __future__ import annotations

from typing import Any

from inventory.models import ReplicaState, ReplicaVolume, TargetCloud
from jobs.made import End, end_of, made_by
from jobs.models import FailoverJob, JobEvent, JobState, JobType, Outcome, Step, StepAttempt
from jobs.orphans import find_orphans
from jobs.plans.specification import FailoverSpecification, Strategy
from jobs.window_ends import CLOCK
from tests.campaign.checker import Checker, Violation
from tests.campaign.ground import Set
from tests.campaign.troubles import DATABASE_FAILED
from tests.support.sent_by import SENT_BY
from tests.support.service import describe
from tests.support.worlds import assert_released

_GONE = frozenset({"Destroyed", "Destroying", "Expunging", "Expunged", "Destroy"})


def judge_ends(stage: Set, checker: Checker) -> int:
    """Judge every job by its end; give how many things of ours are left that nobody is told of."""
    for job in FailoverJob.objects.select_related("vm"):
        if job.state == JobState.FINISHED:
            _judge(stage, checker, job)
        elif job.state not in {JobState.WAITING_FOR_OPERATOR, JobState.WINDOW_OPEN}:
            raise Violation("I19", f"job did not come to rest:\n{describe(job)}")
    _judge_attempts(stage, checker)
    _judge_defects()
    _judge_clocks()
    _judge_journal(stage)
    return _leaks(stage)


def _judge(stage: Set, checker: Checker, job: FailoverJob) -> None:
    try:
        assert_released(job)
    except AssertionError as error:
        raise Violation("I10", f"a finished job holds something: {error}\n{describe(job)}") from error
    spec = FailoverSpecification.from_json(job.specification)
    if checker.words_taken or not checker.touched.isdisjoint(disk.volume_id for disk in spec.disks):
        return  # A person decided, or moved the disks: what he did is not judged.
    if job.job_type == JobType.LIVE and job.outcome in {Outcome.SUCCEEDED, Outcome.COMMITTED}:
        _judge_target(stage, checker, job, spec)
        _judge_way_back(stage, job, spec)
    else:
        _judge_return(stage, checker, job, spec)


def _judge_target(stage: Set, checker: Checker, job: FailoverJob, spec: FailoverSpecification) -> None:
    """I7: each replica is on exactly the target, in its order, with what it held and nobody else's writes."""
    target = stage.simulator.vm(job.destination_vm_id)
    if target is None:
        raise Violation("I7", f"the target VM is gone\n{describe(job)}")
    if target.id in checker.touched:
        return
    places = {disk.target_device_id: disk.volume_id for disk in spec.disks}
    if dict(target.volumes) != places or not target.running_on_hypervisor or not target.delete_protection:
        raise Violation("I7", f"the target is {target}, its disks should be {places}\n{describe(job)}")
    for disk in spec.disks:
        volume = checker.world.volumes[disk.volume_id]
        held = checker.before.contents[disk.volume_id]
        written = volume.content[len(held) :]
        if volume.holders != [target.id] or tuple(volume.content[: len(held)]) != held:
            raise Violation("I7", f"{volume.name} is held by {volume.holders} and holds {volume.content}")
        if any(not (what.startswith(f"boot:{target.id}") or what.startswith("appliance:")) for what in written):
            raise Violation("I7", f"{volume.name} was written by another: {written}\n{describe(job)}")


def _judge_way_back(stage: Set, job: FailoverJob, spec: FailoverSpecification) -> None:
    """A success keeps a good rollback point of each disk; a commit keeps none, and hands the disks over."""
    points = {
        row.volume_id
        for row in stage.simulator.snapshots()
        if job.marker in row.name and row.state == "BackedUp" and not row.torn
    }
    is_committed = job.outcome == Outcome.COMMITTED
    wanted = set() if is_committed else {disk.volume_id for disk in spec.disks}
    if points != wanted:
        raise Violation("I7", f"there are rollback points of {points}, wanted are those of {wanted}\n{describe(job)}")
    states = set(ReplicaVolume.objects.filter(disk__vm=job.vm).values_list("state", flat=True))
    if is_committed and states != {ReplicaState.HANDED_OVER}:
        raise Violation("I7", f"the failover was committed, its replicas are called {states}\n{describe(job)}")


def _judge_return(stage: Set, checker: Checker, job: FailoverJob, spec: FailoverSpecification) -> None:
    """I6: all replicas are where they were, with what they held; those that were booted are called unverified."""
    booted = job.outcome == Outcome.ROLLED_BACK or (spec.strategy == Strategy.BOOT_AND_REVERT and _was_started(job))
    if _is_in_use_by_another(job):
        return
    for disk in spec.disks:
        volume = checker.world.volumes[disk.volume_id]
        if (volume.vm_id, volume.device_id) != checker.before.places[volume.id]:
            raise Violation("I6", f"{volume.name} hangs on {volume.vm_id} as {volume.device_id}\n{describe(job)}")
        held = checker.before.contents[volume.id]
        written = volume.content[len(held) :]
        if tuple(volume.content[: len(held)]) != held or any(not what.startswith("appliance:") for what in written):
            raise Violation("I6", f"{volume.name} holds {volume.content}, it held {held}\n{describe(job)}")
    states = set(ReplicaVolume.objects.filter(disk__vm=job.vm).values_list("state", flat=True))
    if booted and states != {ReplicaState.UNVERIFIED}:
        raise Violation("R8", f"replicas were booted and are called {states}\n{describe(job)}")
    if stage.hook.held.get(job.vm.vm_id) == job.job_id:
        raise Violation("I6", f"replication is still held\n{describe(job)}")


def _was_started(job: FailoverJob) -> bool:
    starts = StepAttempt.objects.filter(step__plan__job=job, step__command="start_target")
    return any(attempt.answer.get("kind") not in {"refused", "not_sent"} for attempt in starts)


def _is_in_use_by_another(job: FailoverJob) -> bool:
    return FailoverJob.objects.filter(vm=job.vm, pk__gt=job.pk).exists()


def _judge_attempts(stage: Set, checker: Checker) -> None:
    """I12 and I15: a step was called no more often than it was tried, and each try is told in the timeline."""
    for step in Step.objects.filter(attempts_made__gt=1, command__in=SENT_BY).prefetch_related("attempts"):
        for attempt in list(step.attempts.all())[:-1]:
            if attempt.state != "not_done":
                raise Violation("I12", f"{step.key} was tried again after an attempt that is {attempt.state}")
    untold = StepAttempt.objects.exclude(explanation__startswith="It was so already").exclude(
        async_job_id__in=FailoverJob.objects.values_list("events__async_job_id", flat=True)
    )
    if untold.exists():
        raise Violation("I15", f"attempts that no event tells of: {list(untold)}")
    sent = len([call for call in stage.simulator.calls.mutating() if call.customjobid])
    if sent > StepAttempt.objects.count():
        raise Violation("I12", f"{sent} calls for {StepAttempt.objects.count()} attempts")


def _judge_clocks() -> None:
    """I18: the clock rolls back or commits what its start asked that of, and not before the window has ended."""
    asked = JobEvent.objects.filter(actor=CLOCK, kind__in=["rollback_requested", "commit_requested"])
    for event in asked.select_related("job"):
        wanted = {"roll_back": "rollback_requested", "commit": "commit_requested"}[event.job.after_rollback_window]
        ends = event.job.rollback_window_ends_at
        if event.kind != wanted or ends is None or event.at < ends:
            raise Violation("I18", f"{event.kind} at {event.at}, wanted was {wanted} at {ends}\n{describe(event.job)}")


def _judge_defects() -> None:
    """Nothing went wrong inside the service that the schedule did not make go wrong there."""
    told = JobEvent.objects.filter(kind="defect").exclude(message__contains=DATABASE_FAILED)
    if told.exists():
        raise Violation("defect", "\n".join(told.values_list("message", flat=True)[:3]))


def _judge_journal(stage: Set) -> None:
    """I16: no secret is written into what people read."""
    secrets = (stage.simulator.secret_key, stage.simulator.api_key, stage.hook.secret)
    told = " ".join(FailoverJob.objects.values_list("events__message", flat=True).exclude(events__message=None))
    told += " ".join(str(answer) for answer in StepAttempt.objects.values_list("answer", flat=True))
    for secret in secrets:
        if secret in told:
            raise Violation("I16", "a secret is written in the journal")


def _leaks(stage: Set) -> int:
    """Count what carries the marker of a finished job, is not in service, and that no list names to an operator."""
    cloud = TargetCloud.objects.get()
    # A management server that was told to restart is back by then.
    stage.service.clock.stepped.advance(120.0)
    named = {orphan.id for orphan in find_orphans(gateway=stage.service.gateway(cloud), cloud=cloud)}
    leaks = 0
    for job in FailoverJob.objects.filter(state=JobState.FINISHED):
        known = named | _accounted(job)
        leaks += len([row for row in _ours(stage, job) if row not in known])
    return leaks


def _accounted(job: FailoverJob) -> set[str]:
    """Give what the job's own evidence tells of, except what it calls removed."""
    steps = list(Step.objects.filter(plan__job=job).select_related("plan").order_by("plan__number", "position"))
    told = {made.id: end_of(made, job=job, steps=steps).end for made in made_by(steps)}
    return {id for id, end in told.items() if end != End.REMOVED}


def _ours(stage: Set, job: FailoverJob) -> list[str]:
    simulator = stage.simulator
    rows: list[Any] = [*simulator.vms(), *simulator.volumes(), *simulator.snapshots()]
    return [row.id for row in rows if job.marker in row.name and row.state not in _GONE]
