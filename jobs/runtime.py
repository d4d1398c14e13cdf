"""This will put the engine together with what it needs here: system clock, Celery bell, clouds, inventory."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar, cast

import requests
import structlog
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

from cloudstack import AsyncJob, CloudError, DestroyPort, Gateway
from database.statements import Prepared
from inventory.clouds import gateway_for
from inventory.models import Appliance, ProtectedVM, ReplicaState, Replication, ReplicaVolume, TargetCloud
from inventory.reservations import release
from inventory.secrets import SecretUnreadable
from inventory.trust import doubt
from jobs import leftovers, measuring, queue
from jobs.at_work import left_at_work
from jobs.commands import CommandCatalogue
from jobs.commands.base import words_are_transient
from jobs.destroy_port import LedgerOfDestruction, was_ever_replica
from jobs.engine.contracts import AsyncAnswer, Clock
from jobs.engine.journal import SEEN_RUNNING
from jobs.engine.leases import own_identity
from jobs.engine.ports import Bell, Engine, Rules
from jobs.generation.guard import GenerationGuard
from jobs.known import appliance_of, cloud_at, cloud_of, is_replica, vm_of
from jobs.models import AttemptState, FailoverJob, JobType, Outcome, Phase, Step, StepAttempt, StepState
from jobs.notices import tell_of, tell_of_end
from jobs.plans.specification import FailoverSpecification, Strategy
from jobs.replication_hooks import replication_of
from jobs.rollback_windows import open_rollback_window
from jobs.start_options import accepts_stalled
from jobs.world import Glimpses, ReplicationUnreachable, World
from networks.designations import purpose_is_test
from networks.models import Purpose
from notifications.models import Event
from validation.services import validate

log = structlog.get_logger(__name__)

Gateways = Callable[[TargetCloud], Gateway]
Row = TypeVar("Row", ProtectedVM, TargetCloud, Appliance, Gateway)

KEPT_FOR = timedelta(seconds=5)
MOST_KEPT = 2000


class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """Give the present."""
        return datetime.now(tz=UTC)


@dataclass(frozen=True)
class UnixClock:
    """The same time as unix seconds, as the gateway wants it."""

    clock: Clock

    def now(self) -> float:
        """Give unix seconds."""
        return self.clock.now().timestamp()


# Urgencies (0 first): whoever is nearer to a running VM goes first, so that of many failovers the first are up
# early instead of all at once at the end.
_URGENCY: dict[str, int] = {
    Phase.POWERING_ON: 0,
    Phase.SWITCHING_VOLUME: 1,
    Phase.CREATING_VM: 2,
    Phase.SNAPSHOTTING: 3,
    Phase.REVERTING: 4,
    Phase.CLEANUP: 5,
    Phase.VALIDATING: 6,
}


def priority_of(phase: str) -> int:
    """Give a phase's urgency as the broker of the settings counts it."""
    return settings.LEAST_URGENT - _URGENCY[phase] if settings.IS_RABBITMQ else _URGENCY[phase]


class CeleryBell:
    """Rings by a Celery message; a broker that is gone costs time and nothing else."""

    def ring(self, *, job_id: int, phase: str) -> None:
        """Send (job id, phase) once, without publish retries; the sweeper finds what was lost."""
        from jobs.tasks import PHASE_TASKS

        try:
            PHASE_TASKS[phase].apply_async(args=(job_id, phase), retry=False, priority=priority_of(phase))
        except (OperationalError, OSError) as error:
            log.warning("bell_lost", job=job_id, phase=phase, error=str(error))


@dataclass(frozen=True)
class CloudJobs:
    """The async jobs of one cloud, in the engine's words."""

    gateway: Gateway

    def one(self, async_job_id: str) -> AsyncAnswer | None:
        """Give the job, or None when the cloud knows none of that id."""
        job = self.gateway.async_job(async_job_id)
        return None if job is None else _answer_of(job)

    def unfinished(self) -> frozenset[str]:
        """Give the ids of all unfinished jobs."""
        return self.gateway.unfinished_async_jobs()


def _answer_of(job: AsyncJob) -> AsyncAnswer:
    text = job.error_text or ("" if job.status != "failed" else "The job failed without a result.")
    return AsyncAnswer(
        status=job.status,
        # A job that failed with 431 was refused before any host was asked (facts section 15).
        refused=job.status == "failed" and job.error_code == 431,
        transient=words_are_transient(code=job.error_code, text=text),
        code=job.error_code,
        text=text,
    )


@dataclass(frozen=True)
class Clouds:
    """The worlds of jobs, by their target cloud."""

    clock: Clock
    gateways: Gateways
    hook_sessions: Callable[[], requests.Session] = requests.Session
    _read: dict[tuple[str, str], tuple[datetime, Any]] = field(default_factory=dict)
    _glimpses: dict[int, Glimpses] = field(default_factory=dict)

    def of(self, job: FailoverJob) -> World:
        """Give the world of a job."""
        vm = self._vm_of(job)
        gateway = self._gateway_of(vm.cloud)
        return World(
            gateway=gateway,
            glimpses=self._glimpses_of(job.pk),
            replication=replication_of(vm, clock=self.clock, session_factory=self.hook_sessions),
            findings=lambda: self._findings(job, vm, gateway),
            is_replica=is_replica,
            was_ever_replica=was_ever_replica,
            network_findings=findings_about_networks,
            replication_mark=lambda: replication_mark(vm),
            was_started=lambda: was_started(job),
            clock_skew=lambda: gateway.clock_skew,
            expunge_allowed=bool(vm.cloud.expunge_allowed),
        )

    def about_to_change(self, job: FailoverJob, resources: Iterable[str]) -> None:
        """Forget what was read of these resources."""
        self._glimpses_of(job.pk).forget(resources)

    def async_jobs(self, endpoint: str) -> CloudJobs:
        """Give the async jobs of a cloud by its uuid."""
        cloud = self._kept(("cloud", endpoint), lambda: cloud_at(endpoint))
        return CloudJobs(self._gateway_of(cloud))

    def clock_skew_seconds(self, job: FailoverJob) -> float | None:
        """Give the skew that was last measured on the answers of the job's cloud."""
        return self._gateway_of(self._vm_of(job).cloud).clock_skew

    def _glimpses_of(self, job_pk: int) -> Glimpses:
        if len(self._glimpses) > MOST_KEPT:
            self._glimpses.clear()
        return self._glimpses.setdefault(job_pk, Glimpses(self.clock.now))

    def _vm_of(self, job: FailoverJob) -> ProtectedVM:
        """Give the job's VM with its cloud and appliance."""
        vm = self._kept(("vm", str(job.vm_id)), lambda: vm_of(job.vm_id))
        vm.cloud = self._kept(("cloud of", str(vm.cloud_id)), lambda: cloud_of(vm.cloud_id))
        vm.appliance = self._kept(("appliance", str(vm.appliance_id)), lambda: appliance_of(vm.appliance_id))
        return vm

    def _gateway_of(self, cloud: TargetCloud) -> Gateway:
        """Give the gateway to a cloud; to find it by its credentials these are deciphered, which takes time."""
        return self._kept(("gateway", str(cloud.pk)), lambda: self.gateways(cloud))

    def _kept(self, key: tuple[str, str], read: Callable[[], Row]) -> Row:
        """Read a row of the inventory seldom: every command of a job asks for its VM and cloud."""
        now = self.clock.now()
        read_at, row = self._read.get(key, (None, None))
        if row is None or read_at is None or not now - KEPT_FOR < read_at <= now:
            if len(self._read) > MOST_KEPT:
                self._read.clear()
            row = read()
            self._read[key] = (now, row)
        return cast("Row", row)

    def _findings(self, job: FailoverJob, vm: ProtectedVM, gateway: Gateway) -> list[str]:
        verdict = validate(
            vm=vm,
            purpose=purpose_of(job),
            overrides=job.network_mappings,
            gateway=gateway,
            clock=UnixClock(self.clock),
            own_reference=job.job_id,
            copies_disks=job.specification["strategy"] != Strategy.BOOT_AND_REVERT,
            accepts_stalled=accepts_stalled(job.custom_config),
            from_older_point=job.specification["strategy"] == Strategy.FROM_SNAPSHOTS,
        )
        for volume in verdict.facts.cloud.volumes.values():
            self._glimpses_of(job.pk).note(f"volume:{volume.id}", volume)
        blocking = verdict.blocking(safety_only=job.skip_validation)
        findings = [f"{judged.check.name}: {judged.finding.message}." for judged in blocking]
        return findings + left_at_work(job.vm_id, gateway)


_STARTS = Prepared(
    lambda job_id: (
        StepAttempt.objects.filter(step__plan__job_id=job_id, step__command="start_target")
        .order_by()
        .values_list("state", "answer")
    )
)


def was_started(job: FailoverJob) -> bool:
    """Whether the target VM was ever told to start, or seen running; a start that surely was refused is none."""
    told = any(
        state != AttemptState.NOT_DONE or answer.get("kind") not in {"refused", "not_sent"}
        for state, answer in _STARTS.values(job_id=job.pk)
    )
    return told or job.events.filter(kind=SEEN_RUNNING).exists()


def findings_about_networks(network_ids: list[str], is_test: bool) -> list[str]:
    """Say which networks must not be used for a test (or for a live failover), as their designations are now."""
    findings = []
    for network_id in network_ids:
        designated = purpose_is_test(network_id=network_id)
        if is_test and designated is not True:
            findings.append(f"Network {network_id} is not known as a test network: no test VM is put there.")
        elif not is_test and designated is True:
            findings.append(f"Network {network_id} is a test network: no live VM is put there.")
    return findings


def replication_mark(vm: ProtectedVM) -> str:
    """Give change ids and newest run of a VM as one text; it changes whenever a sync starts or ends."""
    replicas = ReplicaVolume.objects.filter(disk__vm=vm).order_by("disk__position")
    newest = Replication.objects.filter(vm=vm).order_by("-id").values_list("replication_id", "status", "finished_at")
    syncs = [(row.change_id, str(row.last_sync_at)) for row in replicas]
    return json.dumps([syncs, [[str(part) for part in run] for run in newest[:3]]])


def purpose_of(job: FailoverJob) -> Purpose:
    """Give the purpose for networks and validation."""
    return Purpose.LIVE if job.job_type == JobType.LIVE else Purpose.TEST


@dataclass(frozen=True)
class CloudGate:
    """Lets jobs begin as the limits of their cloud and appliance allow."""

    def obstacle(self, job: FailoverJob) -> str:
        """Say which limit a queued job waits for."""
        place = queue.place_under_lock(job)
        return place.reason if place else ""


@dataclass(frozen=True)
class InventoryLedger:
    """Keeps job row and inventory in step with the engine, in its transactions."""

    bell: Bell
    now: Callable[[], datetime]

    def step_done(
        self, *, job: FailoverJob, command: str, result: Mapping[str, Any], seconds: float
    ) -> Mapping[str, Any]:
        """Mark replicas that were reverted unverified; show target VM and the boot disk's snapshot on the job's row."""
        measuring.step_took(command, seconds)
        if command == "deploy_target":
            return {"destination_vm_id": result["vm_id"]}
        if command == "revert_snapshot" and result.get("reverted"):
            self.content_in_doubt(job=job)
        elif command == "take_snapshot" and result["volume_id"] == job.specification["disks"][0]["volume_id"]:
            return {"snapshot_id": result["snapshot_id"]}
        return {}

    def started(self, *, job: FailoverJob) -> None:
        """Tell that it has begun."""
        tell_of(job, Event.STARTED, words="A worker took the job.", now=self.now())

    def asked(self, *, job: FailoverJob, words: str) -> None:
        """Tell that a person is needed."""
        tell_of(job, Event.QUESTION, words=words, now=self.now())

    def lets_be_left(self, *, job: FailoverJob, step: Step) -> str:
        """Name who had the cleanup forced, where the step is about nothing but what the test made."""
        return leftovers.forced_by(job) if leftovers.may_be_left(step) else ""

    def left(self, *, step: Step) -> Mapping[str, Any]:
        """Name the resource, why it was left and what to do."""
        return leftovers.entry_of(step)

    def overdue(self, *, job: FailoverJob, words: str) -> None:
        """Tell that the test VM runs beyond its time."""
        tell_of(job, Event.OVERDUE, words=words, now=self.now())

    def window_opened(self, *, job: FailoverJob) -> None:
        """Give back the VM where the test runs on copies; where it runs on the replicas, nobody else may touch them."""
        tell_of(job, Event.RUNNING, words="The test VM runs.", now=self.now())
        measuring.target_runs(job, now=self.now())
        if not FailoverSpecification.from_json(job.specification).boots_replicas:
            release(vm=job.vm, reference=job.job_id)
        queue.ring_next(self.bell, job=job)

    def content_in_doubt(self, *, job: FailoverJob) -> None:
        """Mark the job's replicas unverified: nothing replicates to them or fails over from them unseen (rule 8)."""
        ReplicaVolume.objects.filter(volume_id__in=_disks_of(job)).update(
            state=ReplicaState.UNVERIFIED, state_since=datetime.now(tz=UTC)
        )

    def finished(self, *, job: FailoverJob, words: str) -> None:
        """Give back the VM, and the job's turn to the next; what a host may have detached unseen is in doubt."""
        tell_of_end(job, words=words, now=self.now())
        measuring.job_ended(job, now=self.now())
        if in_doubt := _perhaps_detached(job):
            ReplicaVolume.objects.filter(volume_id__in=in_doubt).update(
                state=ReplicaState.UNVERIFIED, state_since=datetime.now(tz=UTC)
            )
        if job.outcome == Outcome.COMMITTED:
            doubt(volume_ids=_disks_of(job), state=ReplicaState.HANDED_OVER, now=datetime.now(tz=UTC))
        open_rollback_window(job, now=self.now())
        release(vm=vm_of(job.vm_id), reference=job.job_id)
        queue.ring_next(self.bell, job=job)


_FAILED_DETACHES = Prepared(
    lambda job_id: (
        StepAttempt.objects.filter(
            step__plan__job_id=job_id,
            step__command="detach_from_appliance",
            answer__kind__in=["failed", "vanished"],
        )
        .order_by()
        .values_list("step__arguments", "step__state")
    )
)


def _disks_of(job: FailoverJob) -> list[str]:
    return [disk.volume_id for disk in FailoverSpecification.from_json(job.specification).disks]


def _perhaps_detached(job: FailoverJob) -> list[str]:
    """Give the replicas whose detach failed in CloudStack and was not brought to an end.

    The record still shows them on the appliance, but a host that went on after its management server had given up may
    have taken them out of it (faults 15 and 26). The replication engine can tell, by reading the disk: nobody else can.
    """
    failed = _FAILED_DETACHES.values(job_id=job.pk)
    return sorted({str(arguments["volume_id"]) for arguments, state in failed if state != StepState.DONE})


def engine_with(
    *,
    clock: Clock,
    bell: Bell,
    gateways: Gateways,
    owner: str,
    rules: Rules | None = None,
    hook_sessions: Callable[[], requests.Session] = requests.Session,
    new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    obstacle: Callable[[str], str] = lambda _: "",
) -> Engine:
    """Put an engine together; tests pass their own clock, bell and gateways."""
    return Engine(
        clock=clock,
        bell=bell,
        worlds=Clouds(clock=clock, gateways=gateways, hook_sessions=hook_sessions),
        catalogue=CommandCatalogue(),
        ledger=InventoryLedger(bell=bell, now=clock.now),
        gate=CloudGate(),
        owner=owner,
        new_id=new_id,
        # Credentials that cannot be opened are one cloud's trouble: they must not end the watcher of all others.
        unreachable=(CloudError, ReplicationUnreachable, SecretUnreadable),
        rules=rules or Rules(),
        obstacle=obstacle,
    )


@cache
def process_gateways() -> Gateways:
    """Give the gateways of this process, on the system's clock and with the ledger as destroy port."""
    unix = UnixClock(SystemClock())
    port: DestroyPort = LedgerOfDestruction()
    return lambda cloud: gateway_for(cloud, clock=unix, destroy_port=port)


@cache
def process_engine() -> Engine:
    """Give this process's engine; its name tells the process from an earlier one with the same pid."""
    host, pid, _ = own_identity()
    clock = SystemClock()
    return engine_with(
        clock=clock,
        obstacle=GenerationGuard(process_gateways(), now=clock.now).obstacle,
        bell=CeleryBell(),
        gateways=process_gateways(),
        owner=f"{host}:{pid}:{secrets.token_hex(4)}",
    )


def ring_on_commit(engine: Engine, *, job_id: int, phase: str) -> None:
    """Ring when the transaction that wrote the job has committed; before it nobody could see the job."""
    transaction.on_commit(lambda: engine.bell.ring(job_id=job_id, phase=phase))
