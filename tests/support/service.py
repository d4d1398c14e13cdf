"""Hold a whole service in virtual time: engine, watcher, sweeper and bell on the simulator's clock, in one thread.

A "process" can be killed around any call; the next one starts with what the database holds and nothing else.
"""

from __future__ import annotations

import itertools
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import requests

from cloudstack import Answer, Endpoint, Gateway, Line
from cloudstack_simulator import Simulator, SteppedClock
from database.statements import Prepared
from inventory.clouds import observer_of
from inventory.models import TargetCloud
from jobs import services
from jobs.cleanup import clean_up
from jobs.destroy_port import LedgerOfDestruction
from jobs.engine import leases
from jobs.engine.advance import advance
from jobs.engine.endpoint_watch import Pace
from jobs.engine.ports import Catalogue, Engine
from jobs.engine.sweeper import sweep
from jobs.engine.watcher import ROLE, Watcher
from jobs.models import FailoverJob, JobState, Outcome, ProcessLease
from jobs.runtime import UnixClock, engine_with
from jobs.services import StartRequest, StartTestRequest
from jobs.window_ends import heed_rollback_windows
from tests.support.simulator_line import SIMULATOR_URL, SimulatorLine

# As often as a living process does.
_BEAT_SECONDS = 5.0

# Asked in every round, and so not built anew for each.
LOOKS = Prepared(lambda: FailoverJob.objects.filter(next_look_at__isnull=False).order_by().values_list("next_look_at"))
WINDOWS = Prepared(
    lambda: (
        FailoverJob.objects.filter(
            outcome=Outcome.SUCCEEDED, rollback_window_ends_at__isnull=False, rollback_window_over_at__isnull=True
        )
        .order_by()
        .values_list("rollback_window_ends_at")
    )
)
_MOVING = Prepared(
    lambda: FailoverJob.objects.filter(state__in=[JobState.QUEUED, JobState.RUNNING]).order_by().values_list("pk")[:1]
)


class WorkerKilled(BaseException):
    """The process dies here: no handler of the service may catch it."""


@dataclass
class VirtualClock:
    """The engine's view of the clock that the test moves."""

    stepped: SteppedClock
    ahead: float = 0.0

    def now(self) -> datetime:
        """Give the simulator's present, or what a clock that is `ahead` seconds off takes for it."""
        return datetime.fromtimestamp(self.stepped.now() + self.ahead, tz=UTC)


@dataclass
class ListBell:
    """Keeps rings until the service is driven; `mute` loses them all."""

    rings: deque[tuple[int, str]] = field(default_factory=deque)
    mute: bool = False

    def ring(self, *, job_id: int, phase: str) -> None:
        """Keep the ring, once."""
        if not self.mute and (job_id, phase) not in self.rings:
            self.rings.append((job_id, phase))


class KillingLine(SimulatorLine):
    """Passes calls on, and kills the process before or after the one that the test names."""

    def __init__(self, simulator: Simulator, service: Service) -> None:
        """Serve this service."""
        super().__init__(simulator)
        self._service = service

    def post(self, form: bytes, *, timeout: float, max_answer_bytes: int) -> Answer:
        """Die before, or answer and die after, or just answer."""
        moment = self._service.take_kill(form.decode())
        if moment == "before":
            raise WorkerKilled
        answer = super().post(form, timeout=timeout, max_answer_bytes=max_answer_bytes)
        if moment == "after":
            raise WorkerKilled
        return answer


@dataclass
class _Kill:
    command: str
    nth: int
    moment: str


@dataclass
class Service:
    """The service of one test. `run` drives it until nothing moves, and moves the clock."""

    simulator: Simulator
    bell: ListBell = field(default_factory=ListBell)
    hook_sessions: Callable[[], requests.Session] = requests.Session
    # Time moves on by no more than this at once while the cloud is changed; the longer it has been left alone, the
    # further, up to the second of them. Cases that wait for hours need not look every minute.
    longest_step: float = 60.0
    longest_of_all: float = 600.0
    # What the next process takes for the commands there are; its release's own without one.
    catalogue: Catalogue | None = None
    kills_fired: int = 0
    _kill: _Kill | None = None
    _beaten_at: float = float("-inf")
    _watches: bool = False
    _driven_at: float = 0.0
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        """Start the first process."""
        assert isinstance(self.simulator.clock, SteppedClock)
        self.clock = VirtualClock(self.simulator.clock)
        self._gateways: dict[str, Gateway] = {}
        self._ids = random_ids()
        self.start_process()

    def start_process(self) -> None:
        """Begin a process: a new owner, an empty queue, a watcher without memory."""
        self.bell.rings.clear()
        self._beaten_at = float("-inf")
        self._watches = False
        engine = engine_with(
            clock=self.clock,
            bell=self.bell,
            gateways=self.gateway,
            owner=f"process-{next(self._numbers)}",
            hook_sessions=self.hook_sessions,
            new_id=self._ids,
        )
        self.engine: Engine = engine if self.catalogue is None else replace(engine, catalogue=self.catalogue)
        # Asks a little less often than in earnest: virtual time costs nothing, calls do.
        longest = max(2 * self.longest_step, self.longest_of_all)
        self.watcher = Watcher(self.engine, Pace(shortest=0.25, share=0.25, longest=longest, list_shortest=0.3))

    def end_process(self) -> None:
        """End the process: a dead one of this host is known at once; another host's only when its lease is out."""
        ProcessLease.objects.filter(owner=self.engine.owner).update(process_start="gone")

    def gateway(self, cloud: TargetCloud) -> Gateway:
        """Give the gateway to the simulator, whatever the row's address says."""
        key = str(cloud.uuid)
        if key not in self._gateways:
            self._gateways[key] = self._new_gateway(cloud)
        return self._gateways[key]

    def lead(self, cloud: TargetCloud, line: Line) -> None:
        """Let all that is said to this cloud from now on go over this line."""
        self._gateways[str(cloud.uuid)] = self._new_gateway(cloud, lambda: line)

    def _new_gateway(self, cloud: TargetCloud, new_line: Callable[[], Line] | None = None) -> Gateway:
        endpoint = Endpoint(url=SIMULATOR_URL, api_key=self.simulator.api_key, secret_key=self.simulator.secret_key)
        return Gateway(
            endpoint,
            clock=UnixClock(self.clock),
            destroy_port=LedgerOfDestruction(),
            new_line=new_line or self._new_line,
            observer=observer_of(cloud),
        )

    def _new_line(self) -> Line:
        return KillingLine(self.simulator, self)

    # --- what a test does ---

    def start_live(self, vm_id: str, **request: Any) -> FailoverJob:
        """Start a live failover as the API does."""
        return services.start_live(
            engine=self.engine, gateways=self.gateway, vm_id=vm_id, request=StartRequest(**request), actor="tester"
        )

    def start_test(self, vm_id: str, *, window_seconds: int = 1800, **request: Any) -> FailoverJob:
        """Start a test failover as the API does."""
        asked = StartTestRequest(window_seconds=window_seconds, **request)
        return services.start_test(
            engine=self.engine, gateways=self.gateway, vm_id=vm_id, request=asked, actor="tester"
        )

    def clean_up(self, job: FailoverJob) -> FailoverJob:
        """Ask for the cleanup of a test as the API does."""
        return clean_up(engine=self.engine, job=job, actor="tester")

    def kill_at(self, command: str, *, nth: int = 1, moment: str) -> None:
        """Kill the process before or after its nth call of a command from now."""
        self._kill = _Kill(command, nth, moment)

    def take_kill(self, body: str) -> str:
        """Give the moment at which this call kills the process, or nothing."""
        kill = self._kill
        if kill is None or f"command={kill.command}&" not in f"{body}&":
            return ""
        kill.nth -= 1
        if kill.nth > 0:
            return ""
        self._kill = None
        self.kills_fired += 1
        return kill.moment

    def run(
        self,
        *,
        until: Callable[[], bool] | None = None,
        limit_seconds: float = 10 * 3600.0,
        at_each_step: Callable[[], None] | None = None,
    ) -> None:
        """Drive the service until every job ended or waits for a person (or `until` says so)."""
        stepped = self.clock.stepped
        end = stepped.now() + limit_seconds
        self._driven_at = stepped.now()
        while stepped.now() < end:
            self._one_round()
            if at_each_step is not None:
                at_each_step()
            if until() if until is not None else self.is_quiet():
                return
            if not self.bell.rings:
                stepped.advance(self._seconds_to_next_event())
        raise AssertionError(f"after {limit_seconds} virtual seconds jobs still move: {self.describe()}")

    def is_quiet(self) -> bool:
        """Whether no job can move without a person."""
        return not _MOVING.values()

    def describe(self) -> str:
        """Say where every job is, for messages of failed assertions."""
        return "\n".join(describe(job) for job in FailoverJob.objects.all())

    def _one_round(self) -> None:
        try:
            now = self.clock.stepped.now()
            if not 0.0 <= now - self._beaten_at < _BEAT_SECONDS:
                leases.beat(self.engine)
                self._beaten_at = now
                self._watches = leases.take_role(self.engine, role=ROLE)
            # Whoever watches renews that with his life; who does not asks each time whether he may now.
            if self._watches:
                self.watcher.watch_once()
            else:
                self._watches = leases.take_role(self.engine, role=ROLE)
            # As in earnest the sweeper is the slower one: it looks for what nobody rang for.
            if not self.bell.rings:
                sweep(self.engine)
                heed_rollback_windows(self.engine)
            while self.bell.rings:
                job_id, phase = self.bell.rings.popleft()
                advance(self.engine, job_id=job_id, phase=phase)
        except WorkerKilled:
            self.end_process()
            self.start_process()

    def _seconds_to_next_event(self) -> float:
        now = self.clock.stepped.now()
        moments: list[float] = [look.timestamp() for (look,) in (*LOOKS.values(), *WINDOWS.values())]
        moments += [moment for moment in (self.watcher.next_look_at(), self.simulator.next_event_at()) if moment]
        later = [moment - now for moment in moments if moment > now]
        changes = self.simulator.calls.mutating()
        left_alone = now - max([self._driven_at, *(change.at for change in changes[-1:])])
        longest = max(self.longest_step, min(left_alone * 0.1, self.longest_of_all))
        # A busy process looks late: after hours in which nothing changed, by a minute of each.
        soonest = min([*later, longest])
        return max(soonest, left_alone / 64 if left_alone > 600.0 else 0.0) + 0.001


def random_ids() -> Callable[[], str]:
    """Give fresh async job ids."""
    return lambda: str(uuid.uuid4())


def describe(job: FailoverJob) -> str:
    """Say in lines where a job is."""
    lines = [f"{job.job_id}: {job.status}/{job.state}/{job.outcome} {job.error_message}"]
    for plan in job.plans.all():
        lines.append(f"  plan {plan.kind} {plan.state} {plan.stop_reason}")
        for step in plan.steps.prefetch_related("attempts"):
            lines.append(f"    {step.state:8} {step.key} {step.reason}")
            lines.extend(f"        {a.state} {a.answer} {a.readings[-1:]} {a.explanation}" for a in step.attempts.all())
    lines.extend(f"  question {question.kind}: {question.text}" for question in job.questions.all())
    lines.extend(f"  defect {event.message}" for event in job.events.filter(kind="defect"))
    return "\n".join(lines)


Json = Mapping[str, Any]
