"""This will hold the verbs of failover jobs; every door (API, admin, commands) calls these and nothing else."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from cloudstack import CloudError, Gateway
from inventory.models import ProtectedVM, ReplicaState, ReplicaVolume, ReservationKind
from inventory.reservations import VMBusy, reserve
from inventory.secrets import SecretUnreadable
from jobs.engine import decisions, questions
from jobs.engine.contracts import Clock, PlannedSteps
from jobs.engine.journal import record, write_plan
from jobs.engine.ports import Engine
from jobs.errors import (
    ActiveJob,
    CannotAnswer,
    CannotCancel,
    CloudNotUsable,
    InventoryChanged,
    JobNotFound,
    RevertForbidden,
    SnapshotsForbidden,
    VMNotFound,
)
from jobs.models import FailoverJob, JobState, JobType, Phase, PlanKind, Question
from jobs.models.job import MOVING_STATES
from jobs.plans.live import live_failover
from jobs.plans.resolve import os_type_of, specify
from jobs.plans.specification import FailoverSpecification, Strategy
from jobs.plans.test import plan_of_test
from jobs.runtime import Gateways, UnixClock, ring_on_commit
from networks.models import Purpose
from validation.services import refuse_unless_ready, validate
from validation.verdict import Verdict

_KNOWN_CONFIG = frozenset({"cpu_overcommit", "memory_overcommit", "test_environment", "debug_mode"})
# What booting the replicas needs beyond every other test.
_REVERT_API = "revertSnapshot"


@dataclass(frozen=True)
class StartRequest:
    """What a start asks for, parsed; unknown keys of `custom_config` are kept and named in the job's warnings."""

    vm_name: str = ""
    skip_validation: bool = False
    network_mappings: Mapping[str, str] = field(default_factory=dict)
    custom_config: Mapping[str, Any] = field(default_factory=dict)
    notification_config: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    warnings: tuple[str, ...] = ()
    # Is called in the transaction that writes the job; what it raises leaves no job.
    on_written: Callable[[FailoverJob], None] = field(default=lambda _: None, compare=False)


@dataclass(frozen=True)
class StartTestRequest(StartRequest):
    """What a test start asks for beside the rest: how long the test VM runs, and whether the clock cleans up."""

    window_seconds: int = 0
    auto_cleanup: bool = False


def start_live(*, engine: Engine, gateways: Gateways, vm_id: str, request: StartRequest, actor: str) -> FailoverJob:
    """Validate and start a live failover.

    Raises VMNotFound, CloudNotUsable, ActiveJob, NotReady (with the findings); a refusal leaves no job.
    """
    vm = protected_vm(vm_id)
    refuse_if_active(vm, job_type=JobType.LIVE)
    gateway = usable_gateway(vm, gateways)
    verdict = _verdict(engine, vm=vm, purpose=Purpose.LIVE, gateway=gateway, request=request)
    refuse_unless_ready(verdict, skip_validation=request.skip_validation)
    spec = _specification(engine, verdict, gateway, request, kind=JobType.LIVE, strategy=Strategy.LIVE)
    warnings = [*request.warnings, *_unknown_keys(request.custom_config, known=_KNOWN_CONFIG)]
    return _write_job(
        engine, vm=vm, spec=spec, planned=live_failover(spec), request=request, actor=actor, warnings=warnings
    )


def start_test(*, engine: Engine, gateways: Gateways, vm_id: str, request: StartTestRequest, actor: str) -> FailoverJob:
    """Validate and start a test failover; it ends by `cleanup`, or by the clock with `auto_cleanup`.

    Raises VMNotFound, CloudNotUsable, ActiveJob, NotReady, SnapshotsForbidden, RevertForbidden; a refusal leaves no
    job.
    """
    vm = protected_vm(vm_id)
    refuse_if_active(vm, job_type=JobType.TEST)
    gateway = usable_gateway(vm, gateways)
    asked = str(request.custom_config.get("test_strategy", ""))
    verdict = _verdict(
        engine,
        vm=vm,
        purpose=Purpose.TEST,
        gateway=gateway,
        request=request,
        copies_disks=asked != Strategy.BOOT_AND_REVERT,
    )
    refuse_unless_ready(verdict, skip_validation=request.skip_validation)
    spec = _specification(
        engine, verdict, gateway, request, kind=JobType.TEST, strategy=choose_strategy(verdict, asked=asked)
    )
    unknown = _unknown_keys(request.custom_config, known=_KNOWN_CONFIG | {"test_strategy"})
    warnings = [*request.warnings, *unknown, *_warning_about(spec)]
    return _write_job(
        engine, vm=vm, spec=spec, planned=plan_of_test(spec), request=request, actor=actor, warnings=warnings
    )


def choose_strategy(verdict: Verdict, *, asked: str) -> Strategy:
    """Choose how a test gets its disks; raises SnapshotsForbidden where the cloud's fallback is switched off.

    Booting the replicas is never chosen by itself: somebody has to ask for it. Raises RevertForbidden when the key
    could not revert them.
    """
    if asked == Strategy.BOOT_AND_REVERT:
        if _REVERT_API not in verdict.facts.cloud.allowed_apis:
            raise RevertForbidden(_REVERT_API)
        return Strategy.BOOT_AND_REVERT
    wanted = asked or verdict.vm.cloud.test_strategy
    if wanted == Strategy.DETACHED_CLONE:
        return Strategy.DETACHED_CLONE
    capabilities = verdict.facts.cloud.capabilities
    if capabilities is None or capabilities.kvm_snapshots_of_running_vms:
        return Strategy.CLONE
    if wanted == Strategy.CLONE:
        raise SnapshotsForbidden
    return Strategy.DETACHED_CLONE


def _warning_about(spec: FailoverSpecification) -> list[str]:
    """Say what a strategy means that is not the usual one."""
    match spec.strategy:
        case Strategy.DETACHED_CLONE:
            return ["The replicas are taken off the appliance for their snapshots, and returned at once."]
        case Strategy.BOOT_AND_REVERT:
            return [
                "The replicas themselves are booted: replication waits until the cleanup, and after it they are "
                "unverified until the replication engine has confirmed or resynchronised them."
            ]
        case _:
            return []


def _verdict(
    engine: Engine,
    *,
    vm: ProtectedVM,
    purpose: Purpose,
    gateway: Gateway,
    request: StartRequest,
    copies_disks: bool = True,
) -> Verdict:
    return validate(
        vm=vm,
        purpose=purpose,
        overrides=dict(request.network_mappings),
        gateway=gateway,
        clock=UnixClock(engine.clock),
        copies_disks=copies_disks,
    )


def protected_vm(vm_id: str) -> ProtectedVM:
    """Give the VM by the source's id; raises VMNotFound."""
    vm = ProtectedVM.objects.select_related("cloud", "appliance").filter(vm_id=vm_id).first()
    if vm is None:
        raise VMNotFound(vm_id)
    return vm


def refuse_if_active(vm: ProtectedVM, *, job_type: JobType) -> None:
    """Name the job that is in the way, before any call to the cloud; the database decides again at the insert.

    A test in its window is in nobody's way but another test's: the replica is free.
    """
    in_the_way = Q(state__in=MOVING_STATES) | (Q(job_type=job_type) & ~Q(state=JobState.FINISHED))
    blocking = FailoverJob.objects.filter(in_the_way, vm=vm).order_by("-id").first()
    if blocking is not None:
        raise ActiveJob(vm_id=vm.vm_id, kind="failover", reference=blocking.job_id)


def usable_gateway(vm: ProtectedVM, gateways: Gateways) -> Gateway:
    """Give the gateway of the VM's cloud; raises CloudNotUsable when its credentials cannot be opened."""
    try:
        return gateways(vm.cloud)
    except SecretUnreadable as error:
        raise CloudNotUsable(str(error)) from error


def job_of(job_id: str) -> FailoverJob:
    """Give the job by its public id; raises JobNotFound."""
    job = FailoverJob.objects.select_related("vm").filter(job_id=job_id).first()
    if job is None:
        raise JobNotFound(job_id)
    return job


def cancel(*, engine: Engine, job_id: str, actor: str, reason: str = "") -> FailoverJob:
    """Stop a job before its point of no return and undo what it did; pressing it twice changes nothing.

    Raises CannotCancel after the point of no return or the end, and once a test's VM runs: a cleanup ends that.
    """
    job = job_of(job_id)
    now = engine.clock.now()
    with transaction.atomic():
        asked = FailoverJob.objects.filter(
            pk=job.pk,
            point_of_no_return_at__isnull=True,
            cancel_requested_at__isnull=True,
            window_opened_at__isnull=True,
        ).exclude(state=JobState.FINISHED)
        if asked.update(cancel_requested_at=now, cancel_requested_by=actor, next_look_at=now):
            record(
                engine, job, "cancel_requested", f"{actor or 'Somebody'} asked to cancel.", actor=actor, reason=reason
            )
            ring_on_commit(engine, job_id=job.pk, phase=Phase.VALIDATING)
    job.refresh_from_db()
    if job.cancel_requested_at is None:
        raise CannotCancel(job)
    return job


def answer(*, engine: Engine, job_id: str, question_id: int, choice: str, actor: str, reason: str = "") -> FailoverJob:
    """Answer an operator question; raises CannotAnswer when it is closed or does not offer the choice."""
    job = job_of(job_id)
    question = Question.objects.filter(job=job, pk=question_id).first()
    if question is None:
        raise CannotAnswer(f"Job {job_id} has no question {question_id}.")
    try:
        questions.answer(engine, question=question, choice=choice, actor=actor, reason=reason)
    except questions.QuestionClosed as error:
        raise CannotAnswer("The question was answered already.") from error
    except questions.UnknownChoice as error:
        raise CannotAnswer(f"{choice} is none of the choices of this question.") from error
    for phase in decisions.decide(engine, job_id=job.pk) or [Phase.VALIDATING]:
        ring_on_commit(engine, job_id=job.pk, phase=phase)
    job.refresh_from_db()
    return job


def _specification(
    engine: Engine,
    verdict: Verdict,
    gateway: Gateway,
    request: StartRequest,
    *,
    kind: JobType,
    strategy: Strategy,
) -> FailoverSpecification:
    vm = verdict.vm
    os_type = verdict.facts.cloud.os_type
    if os_type is None:
        try:
            os_type = os_type_of(vm, gateway.os_types())
        except CloudError as error:
            raise CloudNotUsable(str(error)) from error
    template = verdict.facts.cloud.template
    if os_type is not None and template is not None and template.os_type_id == os_type.id:
        os_type = None  # The template has it already: one step less.
    return specify(
        facts=verdict.facts,
        job_id=_job_id(engine.clock, kind, vm.vm_id),
        marker=secrets.token_hex(4),
        strategy=strategy,
        os_type=os_type,
        cpu_factor=float(request.custom_config.get("cpu_overcommit", 1.0)),
        memory_factor=float(request.custom_config.get("memory_overcommit", 1.0)),
    )


def _write_job(
    engine: Engine,
    *,
    vm: ProtectedVM,
    spec: FailoverSpecification,
    planned: PlannedSteps,
    request: StartRequest,
    actor: str,
    warnings: list[str],
) -> FailoverJob:
    """Write job, plan and the VM's reservation in one transaction; the unique keys decide between two starts."""
    now = engine.clock.now()
    kind = JobType.LIVE if spec.strategy == Strategy.LIVE else JobType.TEST
    try:
        with transaction.atomic():
            reserve(vm=vm, kind=ReservationKind.FAILOVER, reference=spec.job_id, now=now)
            _refuse_changed_replicas(vm, spec)
            job = FailoverJob.objects.create(
                job_id=spec.job_id,
                job_type=kind,
                vm=vm,
                source_vm_id=vm.vm_id,
                vm_name=request.vm_name or vm.name,
                marker=spec.marker,
                endpoint=str(vm.cloud.uuid),
                specification=spec.as_json(),
                requested_by=actor,
                reason=request.reason,
                skip_validation=request.skip_validation,
                network_mappings=dict(request.network_mappings),
                custom_config=dict(request.custom_config),
                notification_config=dict(request.notification_config),
                warnings=warnings,
                window_seconds=request.window_seconds if isinstance(request, StartTestRequest) else None,
                auto_cleanup=isinstance(request, StartTestRequest) and request.auto_cleanup,
                created_at=now,
                next_look_at=engine.later(engine.rules.patience_with_bell),
            )
            write_plan(engine, job=job, kind=PlanKind.FORWARD, planned=planned)
            record(engine, job, "created", "The failover was asked for.", actor=actor, reason=request.reason)
            request.on_written(job)
            ring_on_commit(engine, job_id=job.pk, phase=Phase.VALIDATING)
    except VMBusy as busy:
        holder = busy.holder
        raise ActiveJob(
            vm_id=vm.vm_id, kind=holder.kind if holder else "failover", reference=holder.reference if holder else "?"
        ) from busy
    except IntegrityError as error:
        refuse_if_active(vm, job_type=kind)
        raise ActiveJob(vm_id=vm.vm_id, kind="failover", reference="that started in the same moment") from error
    return job


def _refuse_changed_replicas(vm: ProtectedVM, spec: FailoverSpecification) -> None:
    """Compare what was validated with the rows, now that the reservation keeps imports from changing them."""
    rows = ReplicaVolume.objects.filter(disk__vm=vm, state=ReplicaState.GOOD).order_by("disk__position")
    if [disk.volume_id for disk in spec.disks] != list(rows.values_list("volume_id", flat=True)):
        raise InventoryChanged(vm.vm_id)


def _job_id(clock: Clock, kind: str, vm_id: str) -> str:
    """Give `{type}-failover-{vm_id}-{unix seconds}`, counted on when two of one VM start in one second."""
    seconds = int(clock.now().timestamp())
    while FailoverJob.objects.filter(job_id=f"{kind}-failover-{vm_id}-{seconds}").exists():
        seconds += 1
    return f"{kind}-failover-{vm_id}-{seconds}"


def _unknown_keys(config: Mapping[str, Any], *, known: frozenset[str]) -> list[str]:
    return [f"custom_config.{key} is not known and has no effect." for key in config if key not in known]
