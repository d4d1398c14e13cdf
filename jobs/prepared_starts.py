"""This will prepare starts of failovers, many as well as one: validate, resolve, plan; no job is written here."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from time import perf_counter_ns
from typing import Any, TypeVar

from django.db.models import Q, QuerySet

from cloudstack import CloudError, Gateway, OsType
from database.statements import Prepared, PreparedAmong
from inventory.models import ProtectedVM
from inventory.secrets import SecretUnreadable
from jobs.engine.contracts import PlannedSteps
from jobs.engine.ports import Engine
from jobs.errors import (
    ActiveJob,
    CloudNotUsable,
    CloudSilent,
    JobError,
    RevertForbidden,
    ServicePaused,
    SnapshotsForbidden,
    VMNotFound,
)
from jobs.generation.guard import paused_reason
from jobs.known import appliance_of, cloud_of
from jobs.models import FailoverJob, JobState, JobType, Priority
from jobs.models.job import MOVING_STATES
from jobs.plans.live import live_failover
from jobs.plans.resolve import Unresolvable, by_words, os_type_of, specify
from jobs.plans.specification import FailoverSpecification, Strategy
from jobs.plans.test import plan_of_test
from jobs.runtime import Gateways, UnixClock
from jobs.snapshot_sets import SnapshotSet, chosen_set, older_points_of, with_snapshots
from jobs.start_options import (
    accepts_stalled,
    older_snapshots,
    refuse_contradictions,
    refuse_unexplained_acceptance,
    warnings_about,
)
from networks.models import Purpose
from validation.checks.source import stalled_details
from validation.cloud_facts import settled
from validation.errors import NotReady
from validation.facts import Facts, Subject, gather_each
from validation.services import judge_each, refuse_unless_ready
from validation.verdict import Verdict

# What booting the replicas needs beyond every other test.
_REVERT_API = "revertSnapshot"
_ABOUT_THE_CLOUD = frozenset({"OSSEA_API_ERROR", "OSSEA_NOT_CONFIGURED"})

Refusal = JobError | NotReady | Unresolvable
REFUSALS = (JobError, NotReady, Unresolvable)

_VMS = PreparedAmong(lambda vm_ids: ProtectedVM.objects.filter(vm_id__in=vm_ids).order_by())

T = TypeVar("T")
R = TypeVar("R")


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
    # The older snapshots that a test is made of, where somebody asked for that.
    chosen: SnapshotSet | None = None


@dataclass(frozen=True)
class Asked:
    """One start that is asked for."""

    vm_id: str
    request: StartRequest


def prepare_each(
    *, engine: Engine, gateways: Gateways, kind: JobType, asked: Sequence[Asked]
) -> list[PreparedStart | Refusal]:
    """Validate and plan each start; in the place of one that is refused stands the refusal.

    What they need is read together: every table of the database once, the replicas of a cloud by one call, and at most
    the time of their own judging passes before all are prepared. No VM may be asked for twice. A refusal is VMNotFound,
    ServicePaused, ActiveJob, CloudNotUsable, ContradictoryOptions, SnapshotsForbidden, RevertForbidden, Unresolvable or
    NotReady (with the findings); once a cloud is found silent the others of that cloud are refused with CloudSilent.
    """
    known = _known_of(asked, kind=kind, engine=engine)
    admitted = each(partial(_admitted, kind=kind, known=known, gateways=gateways), asked)
    judged = _judged(engine, admitted)
    return each(partial(_planned, kind=kind, os_types=_OsTypes(engine)), judged)


def each(work: Callable[[T], R], some: Iterable[T | Refusal]) -> list[R | Refusal]:
    """Do the work with those that nothing refused so far; what refuses one of them stops no other."""
    done: list[R | Refusal] = []
    for one in some:
        if isinstance(one, REFUSALS):
            done.append(one)
            continue
        try:
            done.append(work(one))
        except REFUSALS as refusal:
            done.append(refusal)
    return done


def refuse_if_paused() -> None:
    """Begin nothing from a database that is older than the world; raises ServicePaused."""
    if paused := paused_reason():
        raise ServicePaused(paused)


def silent_cloud(verdict: Verdict) -> CloudSilent:
    """Give what a verdict says of a cloud that did not answer, without what it says of the VM."""
    about = [judged for judged in verdict.blocking(safety_only=True) if judged.error_code in _ABOUT_THE_CLOUD]
    actions = [action for judged in about for action in judged.finding.required_actions]
    texts = [text for judged in about for text in judged.finding.errors]
    code = about[0].error_code if about else "OSSEA_API_ERROR"
    words = "; ".join(texts) or str(verdict.facts.cloud.unreachable)
    return CloudSilent(words, error_code=code, required_actions=tuple(actions))


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
        case Strategy.FROM_SNAPSHOTS:
            return [
                f"The test runs on copies of the snapshots that {spec.snapshots_by} cut at {spec.snapshots_at}, not of "
                "the replica as it is now."
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


@dataclass(frozen=True)
class _Job:
    """What a start must know of another job of its VM."""

    job_id: str
    job_type: str
    state: str
    destination_vm_id: str


@dataclass(frozen=True)
class _Known:
    """What the database says of the VMs that are asked for, before anything is read of a cloud."""

    paused: str
    vms: Mapping[str, ProtectedVM]
    jobs: Mapping[int, Sequence[_Job]]
    seconds: int


def _known_of(asked: Sequence[Asked], *, kind: JobType, engine: Engine) -> _Known:
    vms = {vm.vm_id: vm for vm in _VMS.rows([one.vm_id for one in asked])}
    clouds = {pk: cloud_of(pk) for pk in {vm.cloud_id for vm in vms.values()}}
    appliances = {pk: appliance_of(pk) for pk in {vm.appliance_id for vm in vms.values()}}
    for vm in vms.values():
        vm.cloud, vm.appliance = clouds[vm.cloud_id], appliances[vm.appliance_id]
    seconds = int(engine.clock.now().timestamp())
    ids = [_job_id(kind, vm_id, seconds) for vm_id in vms]
    jobs = _jobs_of([vm.pk for vm in vms.values()], ids) if vms else {}
    return _Known(paused=paused_reason() if vms else "", vms=vms, jobs=jobs, seconds=seconds)


def _jobs_of(vm_ids: Sequence[int], job_ids: Sequence[str]) -> Mapping[int, Sequence[_Job]]:
    """Give, oldest first, the jobs that have not ended or made a VM, and those that took one of the ids."""
    found: dict[int, list[_Job]] = defaultdict(list)
    for vm_id, *columns in _jobs_of_so_many(len(vm_ids)).values(**_named(vm_ids, job_ids)):
        found[vm_id].append(_Job(*columns))
    return found


@cache
def _jobs_of_so_many(number: int) -> Prepared[FailoverJob]:
    names = tuple(_named(range(number), map(str, range(number))))

    def query(**given: Any) -> QuerySet[FailoverJob, Any]:
        vm_ids, job_ids = [given[name] for name in names[::2]], [given[name] for name in names[1::2]]
        matter = ~Q(state=JobState.FINISHED) | ~Q(destination_vm_id="") | Q(job_id__in=job_ids)
        jobs = FailoverJob.objects.filter(matter, vm__in=vm_ids).order_by("id")
        return jobs.values_list("vm_id", "job_id", "job_type", "state", "destination_vm_id")

    return Prepared(query, texts=frozenset(names[1::2]), names=names)


def _named(vm_ids: Iterable[int], job_ids: Iterable[str]) -> dict[str, int | str]:
    found: dict[str, int | str] = {}
    for at, (vm_id, job_id) in enumerate(zip(vm_ids, job_ids, strict=True)):
        found |= {f"vm{at}": vm_id, f"job{at}": job_id}
    return found


@dataclass(frozen=True)
class _Admitted:
    """A start that nothing in the database forbids, and whom to ask about it."""

    asked: Asked
    gateway: Gateway
    subject: Subject
    job_id: str


def _admitted(asked: Asked, *, kind: JobType, known: _Known, gateways: Gateways) -> _Admitted:
    request = asked.request
    refuse_contradictions(request.custom_config, kind=kind)
    vm = known.vms.get(asked.vm_id)
    if vm is None:
        raise VMNotFound(asked.vm_id)
    refuse_unexplained_acceptance(
        request.custom_config, vm_name=vm.name, typed_name=request.vm_name, reason=request.reason
    )
    if known.paused:
        raise ServicePaused(known.paused)
    jobs = known.jobs.get(vm.pk, ())
    _refuse_if_active(vm, jobs, kind=kind)
    subject = Subject(
        vm=vm,
        purposes=(Purpose.LIVE if kind == JobType.LIVE else Purpose.TEST,),
        overrides=dict(request.network_mappings),
        copies_disks=request.custom_config.get("test_strategy") != Strategy.BOOT_AND_REVERT,
        target_vms={job.destination_vm_id: job.job_id for job in jobs if job.destination_vm_id},
        accepts_stalled=accepts_stalled(request.custom_config),
        older_points=older_points_of,
        from_older_point=bool(older_snapshots(request.custom_config)),
    )
    taken = {job.job_id for job in jobs}
    job_id = _free_job_id(kind, vm.vm_id, seconds=known.seconds, taken=taken)
    return _Admitted(asked, _usable_gateway(vm, gateways), subject, job_id)


def _refuse_if_active(vm: ProtectedVM, jobs: Sequence[_Job], *, kind: JobType) -> None:
    """Name the job that is in the way, before any call to the cloud; the database decides again at the insert.

    A test in its window is in nobody's way but another test's: the replica is free.
    """
    for job in reversed(jobs):
        if job.state in MOVING_STATES or (job.job_type == kind and job.state != JobState.FINISHED):
            raise ActiveJob(vm_id=vm.vm_id, kind="failover", reference=job.job_id)


def _usable_gateway(vm: ProtectedVM, gateways: Gateways) -> Gateway:
    """Give the gateway of the VM's cloud; raises CloudNotUsable when its credentials cannot be opened."""
    try:
        return gateways(vm.cloud)
    except SecretUnreadable as error:
        raise CloudNotUsable(str(error), cloud_id=vm.cloud_id) from error


def _job_id(kind: JobType, vm_id: str, seconds: int) -> str:
    return f"{kind}-failover-{vm_id}-{seconds}"


def _free_job_id(kind: JobType, vm_id: str, *, seconds: int, taken: set[str]) -> str:
    """Give `{type}-failover-{vm_id}-{unix seconds}`, counted on when two of one VM start in one second."""
    wanted = _job_id(kind, vm_id, seconds)
    if wanted not in taken:
        return wanted
    while FailoverJob.objects.filter(job_id=_job_id(kind, vm_id, seconds)).exists():
        seconds += 1
    return _job_id(kind, vm_id, seconds)


@dataclass(frozen=True)
class _Judged:
    """A start with its verdict, which may refuse it."""

    admitted: _Admitted
    verdict: Verdict


def _judged(engine: Engine, admitted: Sequence[_Admitted | Refusal]) -> list[_Judged | Refusal]:
    """Validate the starts cloud by cloud, and leave everything in its place."""
    of_cloud: dict[int, list[_Admitted]] = defaultdict(list)
    for one in admitted:
        if isinstance(one, _Admitted):
            of_cloud[one.subject.vm.cloud_id].append(one)
    found: dict[str, _Judged | Refusal] = {}
    for some in of_cloud.values():
        outcomes = _judged_by(some, gateway=some[0].gateway, engine=engine)
        found |= {one.asked.vm_id: outcome for one, outcome in zip(some, outcomes, strict=True)}
    return [found[one.asked.vm_id] if isinstance(one, _Admitted) else one for one in admitted]


def _judged_by(some: Sequence[_Admitted], *, gateway: Gateway, engine: Engine) -> list[_Judged | Refusal]:
    """Validate what is on one cloud; where it falls silent the first is told all findings, the others just that."""
    clock, started = UnixClock(engine.clock), perf_counter_ns()
    gathered = [facts for (facts,) in gather_each([one.subject for one in some], reads=gateway, clock=clock)]
    told = gathered[: _first_silent(gathered) + 1]
    verdicts = judge_each(told, gateway=gateway, clock=clock, started_ns=started)
    judged: list[_Judged | Refusal] = [_Judged(one, verdict) for one, verdict in zip(some, verdicts, strict=False)]
    return judged + [silent_cloud(verdicts[-1]) for _ in some[len(told) :]]


def _first_silent(gathered: Sequence[Facts]) -> int:
    silent = (position for position, facts in enumerate(gathered) if facts.cloud.unreachable)
    return next(silent, len(gathered))


class _OsTypes:
    """Gives the OS types of clouds; one that does not tell them is asked once."""

    def __init__(self, engine: Engine) -> None:
        self._clock = UnixClock(engine.clock)
        self._silent: dict[int, CloudNotUsable] = {}

    def of(self, vm: ProtectedVM, gateway: Gateway) -> OsType | None:
        """Find the VM's among those of its cloud; raises CloudNotUsable."""
        if vm.cloud_id in self._silent:
            raise self._silent[vm.cloud_id]
        try:
            known = settled(gateway, "os_types", lambda: by_words(gateway.os_types()), clock=self._clock)
        except CloudError as error:
            self._silent[vm.cloud_id] = CloudNotUsable(str(error), cloud_id=vm.cloud_id)
            raise self._silent[vm.cloud_id] from error
        return os_type_of(vm, known)


def _planned(judged: _Judged, *, kind: JobType, os_types: _OsTypes) -> PreparedStart:
    admitted, verdict = judged.admitted, judged.verdict
    request = admitted.asked.request
    refuse_unless_ready(verdict, skip_validation=request.skip_validation)
    older = older_snapshots(request.custom_config)
    chosen = chosen_set(verdict.vm, job_id=older, gateway=admitted.gateway) if older else None
    strategy = Strategy.LIVE if chosen is None else Strategy.FROM_SNAPSHOTS
    if kind == JobType.TEST and chosen is None:
        strategy = choose_strategy(verdict, asked=str(request.custom_config.get("test_strategy", "")))
    spec = _specification(admitted, verdict, strategy=strategy, os_types=os_types)
    spec = spec if chosen is None else with_snapshots(spec, chosen)
    return PreparedStart(
        vm=verdict.vm,
        kind=kind,
        request=request,
        spec=spec,
        planned=live_failover(spec) if kind == JobType.LIVE else plan_of_test(spec),
        warnings=(*_warnings(verdict, request, kind=kind), *_warning_about(spec)),
        torn=stalled_details(verdict.facts),
        chosen=chosen,
    )


def _specification(
    admitted: _Admitted, verdict: Verdict, *, strategy: Strategy, os_types: _OsTypes
) -> FailoverSpecification:
    request = admitted.asked.request
    os_type = verdict.facts.cloud.os_type or os_types.of(verdict.vm, admitted.gateway)
    template = verdict.facts.cloud.template
    if os_type is not None and template is not None and template.os_type_id == os_type.id:
        os_type = None  # The template has it already: one step less.
    return specify(
        facts=verdict.facts,
        job_id=admitted.job_id,
        marker=secrets.token_hex(4),
        strategy=strategy,
        os_type=os_type,
        cpu_factor=float(request.custom_config.get("cpu_overcommit", 1.0)),
        memory_factor=float(request.custom_config.get("memory_overcommit", 1.0)),
    )
