"""This will start failovers: validate, resolve, plan, and write the job; or stop before the writing (a dry run)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q

from cloudstack import CloudError, Gateway
from inventory.models import ProtectedVM, ReplicaState, ReplicaVolume
from inventory.secrets import SecretUnreadable
from jobs.engine.contracts import Clock, PlannedSteps
from jobs.engine.journal import record, write_plan
from jobs.engine.ports import Engine
from jobs.errors import (
    ActiveJob,
    CloudNotUsable,
    InventoryChanged,
    RevertForbidden,
    ServicePaused,
    SnapshotsForbidden,
    VMNotFound,
)
from jobs.generation.guard import paused_reason
from jobs.holding import hold_vm
from jobs.models import FailoverJob, JobState, JobType, Phase, PlanKind, Priority
from jobs.models.job import MOVING_STATES
from jobs.open_failovers import target_vms_of
from jobs.plans.live import live_failover
from jobs.plans.resolve import os_type_of, specify
from jobs.plans.specification import FailoverSpecification, Strategy
from jobs.plans.test import plan_of_test
from jobs.rollback_windows import window_asked_for
from jobs.runtime import Gateways, UnixClock, ring_on_commit
from jobs.start_options import (
    accepts_stalled,
    refuse_contradictions,
    refuse_unexplained_acceptance,
    warnings_about,
)
from networks.models import Purpose
from validation.checks.source import stalled_details
from validation.cloud_facts import settled
from validation.services import refuse_unless_ready, validate
from validation.verdict import Verdict

# What booting the replicas needs beyond every other test.
_REVERT_API = "revertSnapshot"


@dataclass(frozen=True)
class StartRequest:
    """What a start asks for, parsed; what nobody knows is kept and named in the job's warnings."""

    vm_name: str = ""
    skip_validation: bool = False
    network_mappings: Mapping[str, str] = field(default_factory=dict)
    custom_config: Mapping[str, Any] = field(default_factory=dict)
    notification_config: Mapping[str, Any] = field(default_factory=dict)
    unknown_fields: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    priority: int = Priority.NORMAL
    # Is called in the transaction that writes the job; what it raises leaves no job.
    on_written: Callable[[FailoverJob], None] = field(default=lambda _: None, compare=False)


@dataclass(frozen=True)
class StartTestRequest(StartRequest):
    """What a test start asks for beside the rest: how long the test VM runs, and whether the clock cleans up."""

    window_seconds: int = 0
    auto_cleanup: bool = False


@dataclass(frozen=True)
class PreparedStart:
    """A start that nothing forbids, with its whole plan; no job is written yet."""

    vm: ProtectedVM
    kind: JobType
    request: StartRequest
    spec: FailoverSpecification
    planned: PlannedSteps
    warnings: tuple[str, ...]
    # What the replica holds, when its newest sync stalled and somebody asked to go on from it.
    torn: Mapping[str, Any] | None = None


def start_live(*, engine: Engine, gateways: Gateways, vm_id: str, request: StartRequest, actor: str) -> FailoverJob:
    """Validate and start a live failover; raises what `prepare_live` raises, and then there is no job."""
    return _write_job(engine, prepare_live(engine=engine, gateways=gateways, vm_id=vm_id, request=request), actor=actor)


def start_test(*, engine: Engine, gateways: Gateways, vm_id: str, request: StartTestRequest, actor: str) -> FailoverJob:
    """Validate and start a test failover; it ends by `cleanup`, or by the clock with `auto_cleanup`.

    Raises what `prepare_test` raises, and then there is no job.
    """
    return _write_job(engine, prepare_test(engine=engine, gateways=gateways, vm_id=vm_id, request=request), actor=actor)


def prepare_live(*, engine: Engine, gateways: Gateways, vm_id: str, request: StartRequest) -> PreparedStart:
    """Validate and plan a live failover.

    Raises VMNotFound, CloudNotUsable, ActiveJob, ContradictoryOptions, NotReady (with the findings).
    """
    refuse_contradictions(request.custom_config, kind=JobType.LIVE)
    vm = protected_vm(vm_id)
    refuse_unexplained_acceptance(
        request.custom_config, vm_name=vm.name, typed_name=request.vm_name, reason=request.reason
    )
    refuse_if_paused()
    refuse_if_active(vm, job_type=JobType.LIVE)
    gateway = usable_gateway(vm, gateways)
    verdict = _verdict(engine, vm=vm, purpose=Purpose.LIVE, gateway=gateway, request=request)
    refuse_unless_ready(verdict, skip_validation=request.skip_validation)
    spec = _specification(engine, verdict, gateway, request, kind=JobType.LIVE, strategy=Strategy.LIVE)
    return PreparedStart(
        vm=vm,
        kind=JobType.LIVE,
        request=request,
        spec=spec,
        planned=live_failover(spec),
        warnings=tuple(_warnings(verdict, request, kind=JobType.LIVE)),
        torn=stalled_details(verdict.facts),
    )


def prepare_test(*, engine: Engine, gateways: Gateways, vm_id: str, request: StartTestRequest) -> PreparedStart:
    """Validate and plan a test failover.

    Raises VMNotFound, CloudNotUsable, ActiveJob, NotReady, SnapshotsForbidden, RevertForbidden.
    """
    vm = protected_vm(vm_id)
    refuse_unexplained_acceptance(
        request.custom_config, vm_name=vm.name, typed_name=request.vm_name, reason=request.reason
    )
    refuse_if_paused()
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
    strategy = choose_strategy(verdict, asked=asked)
    spec = _specification(engine, verdict, gateway, request, kind=JobType.TEST, strategy=strategy)
    return PreparedStart(
        vm=vm,
        kind=JobType.TEST,
        request=request,
        spec=spec,
        planned=plan_of_test(spec),
        warnings=(*_warnings(verdict, request, kind=JobType.TEST), *_warning_about(spec)),
        torn=stalled_details(verdict.facts),
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


def _warnings(verdict: Verdict, request: StartRequest, *, kind: JobType) -> list[str]:
    offering = verdict.facts.cloud.offering
    return warnings_about(
        kind=kind,
        custom_config=request.custom_config,
        notification_config=request.notification_config,
        unknown_fields=request.unknown_fields,
        is_sized=offering is not None and offering.is_customized,
    )


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
        target_vms=target_vms_of(vm),
        accepts_stalled=accepts_stalled(request.custom_config),
    )


def protected_vm(vm_id: str) -> ProtectedVM:
    """Give the VM by the source's id; raises VMNotFound."""
    vm = ProtectedVM.objects.select_related("cloud", "appliance").filter(vm_id=vm_id).first()
    if vm is None:
        raise VMNotFound(vm_id)
    return vm


def refuse_if_paused() -> None:
    """Begin nothing from a database that is older than the world; raises ServicePaused."""
    if paused := paused_reason():
        raise ServicePaused(paused)


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
            known = settled(gateway, "os_types", gateway.os_types, clock=UnixClock(engine.clock))
            os_type = os_type_of(vm, known)
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


def _write_job(engine: Engine, prepared: PreparedStart, *, actor: str) -> FailoverJob:
    """Write job, plan and the VM's reservation in one transaction; the unique keys decide between two starts."""
    vm, spec, request, kind = prepared.vm, prepared.spec, prepared.request, prepared.kind
    asked = dict(request.custom_config) if kind == JobType.LIVE else {}
    rollback_seconds, after_rollback = window_asked_for(asked)
    now = engine.clock.now()
    try:
        with transaction.atomic():
            hold_vm(vm, job_id=spec.job_id, now=now)
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
                request_id=str(structlog.contextvars.get_contextvars().get("request_id", ""))[:100],
                priority=request.priority,
                skip_validation=request.skip_validation,
                network_mappings=dict(request.network_mappings),
                custom_config=dict(request.custom_config),
                notification_config=dict(request.notification_config),
                unknown_fields=dict(request.unknown_fields),
                warnings=list(prepared.warnings),
                window_seconds=request.window_seconds if isinstance(request, StartTestRequest) else None,
                auto_cleanup=isinstance(request, StartTestRequest) and request.auto_cleanup,
                rollback_window_seconds=rollback_seconds,
                after_rollback_window=after_rollback,
                created_at=now,
                next_look_at=engine.later(engine.rules.patience_with_bell),
            )
            write_plan(engine, job=job, kind=PlanKind.FORWARD, planned=prepared.planned)
            said: dict[str, Any] = {"reason": request.reason}
            if request.skip_validation:
                said["skip_validation"] = True
            record(engine, job, "created", "The failover was asked for.", actor=actor, **said)
            if prepared.torn is not None:
                words = f"Goes on from a replica whose sync {prepared.torn['replication_id']} stalled and may be torn."
                torn: dict[str, Any] = {"reason": request.reason, "stalled_replication": dict(prepared.torn)}
                record(engine, job, "stalled_replication_accepted", words, actor=actor, **torn)
            request.on_written(job)
            ring_on_commit(engine, job_id=job.pk, phase=Phase.VALIDATING)
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
