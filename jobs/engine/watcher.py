"""This will ask the cloud which async jobs have ended, write the answers and ring. One process watches at a time.

Few out: each job is asked for when its command usually ends, then often. Many out: one list of unfinished jobs per
endpoint and tick, then one query for each job that left the list, and a query of its own every half minute for all.
What has succeeded is written for many jobs at once.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import structlog

from database.statements import Prepared
from jobs.engine.attempts import log_end, record_async_answer, record_async_successes
from jobs.engine.leases import take_role
from jobs.engine.ports import Engine
from jobs.engine.timings import learn, usual_seconds
from jobs.models import AttemptState, StepAttempt

log = structlog.get_logger(__name__)

ROLE = "watcher"

_SUBMITTED = Prepared(
    lambda: (
        StepAttempt.objects.filter(state=AttemptState.SUBMITTED)
        .order_by("pk")
        .values_list(
            "pk",
            "endpoint",
            "async_job_id",
            "submitted_at",
            "step__command",
            "step__phase",
            "step__key",
            "step__plan__job_id",
            "step__plan__job__job_id",
            "step__plan__job__request_id",
        )
    )
)


@dataclass(frozen=True)
class Pace:
    """How often is asked, in seconds."""

    few: int = 8
    # While few are out: a share of the usual time between two questions about one job, within these bounds.
    share: float = 0.02
    shortest: float = 0.05
    longest: float = 2.0
    # The first look is a little early: half of all jobs end before their mean.
    first_look: float = 0.97
    list_every: float = 0.3
    own_query_every: float = 30.0
    # How long commands usually take is written and read again so often.
    usual_every: float = 2.0
    # So many answers are written in one transaction.
    at_once: int = 16


@dataclass(frozen=True)
class _Out:
    """An attempt whose async job is out: where it runs, since when (unix seconds), and whom its end concerns."""

    attempt_id: int
    endpoint: str
    async_job_id: str
    since: float
    command: str
    phase: str
    step: str
    job_id: int
    job_name: str
    request_id: str


@dataclass
class _Look:
    """When an attempt was last asked for and is to be asked for next, and since when it is out (unix seconds)."""

    next_at: float
    asked_at: float
    since: float


@dataclass
class Watcher:
    """Watches all submitted attempts; `tick` does one round and never waits."""

    engine: Engine
    pace: Pace = field(default_factory=Pace)
    _looks: dict[int, _Look] = field(default_factory=dict)
    _usual: dict[str, tuple[float, dict[str, float]]] = field(default_factory=dict)
    _listed_at: dict[str, float] = field(default_factory=dict)
    _silent_until: dict[str, float] = field(default_factory=dict)
    _next_at: dict[str, float] = field(default_factory=dict)
    _took: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    _learned_at: float = 0.0

    def tick(self) -> int:
        """Do one round; give how many answers were written. Does nothing while another process watches."""
        if not take_role(self.engine, role=ROLE):
            return 0
        return self.watch_once()

    def watch_once(self) -> int:
        """Do one round without asking who watches; the caller holds the role."""
        outstanding = self._outstanding()
        answers = 0
        self._next_at.clear()
        for endpoint, out in outstanding.items():
            # A moment that lies further off than any pause was noted by a clock that has been set back since.
            if self._now() < self._silent_until.get(endpoint, 0.0) <= self._now() + self.pace.longest:
                self._next_at[endpoint] = self._silent_until[endpoint]
                continue
            try:
                answers += self._watch(endpoint, out)
            except self.engine.unreachable as error:
                # The attempts stay submitted: the answer waits in the cloud until it can be read.
                log.warning("endpoint_unreachable", endpoint=endpoint, error=str(error))
                self._silent_until[endpoint] = self._now() + self.pace.longest
        self._learn()
        return answers

    def next_look_at(self) -> float | None:
        """Give the moment (unix seconds) of the next question, None while nothing is out."""
        return min(self._next_at.values(), default=None)

    def _outstanding(self) -> dict[str, list[_Out]]:
        grouped: dict[str, list[_Out]] = defaultdict(list)
        for attempt_id, endpoint, async_job_id, submitted_at, *names in _SUBMITTED.values():
            since = submitted_at.timestamp() if submitted_at else self._now()
            grouped[endpoint].append(_Out(attempt_id, endpoint, async_job_id, since, *names))
        alive = {one.attempt_id for out in grouped.values() for one in out}
        for gone in self._looks.keys() - alive:
            del self._looks[gone]
        return grouped

    def _watch(self, endpoint: str, out: list[_Out]) -> int:
        for one in out:
            if one.attempt_id not in self._looks:
                self._looks[one.attempt_id] = self._first_look(one)
        is_few = len(out) <= self.pace.few
        due = self._due_few(out) if is_few else self._due_many(endpoint, out)
        answers = self._ask(endpoint, due) if due else 0
        looks = [self._looks[one.attempt_id].next_at for one in out if one.attempt_id in self._looks]
        if looks:
            self._next_at[endpoint] = min(looks) if is_few else self._listed_at[endpoint] + self.pace.list_every
        return answers

    def _first_look(self, one: _Out) -> _Look:
        next_at = one.since + self._usual_seconds(one) * self.pace.first_look
        return _Look(next_at=next_at, asked_at=one.since, since=one.since)

    def _due_few(self, out: list[_Out]) -> list[_Out]:
        now = self._now()
        looks = [(one, self._looks[one.attempt_id]) for one in out]
        return [one for one, look in looks if look.next_at <= now or look.asked_at > now]

    def _due_many(self, endpoint: str, out: list[_Out]) -> list[_Out]:
        now = self._now()
        if 0.0 <= now - self._listed_at.get(endpoint, 0.0) < self.pace.list_every:
            return []
        # Only attempts that were submitted before the list was asked for may be missed in it.
        unfinished = self.engine.worlds.async_jobs(endpoint).unfinished()
        self._listed_at[endpoint] = now
        return [
            one
            for one in out
            if one.async_job_id not in unfinished
            or now >= self._looks[one.attempt_id].asked_at + self.pace.own_query_every
        ]

    def _ask(self, endpoint: str, due: list[_Out]) -> int:
        """Ask for each, a few at a time: what is heard of some is worked on while the others are asked for."""
        return sum(
            self._ask_some(endpoint, due[first : first + self.pace.at_once])
            for first in range(0, len(due), self.pace.at_once)
        )

    def _ask_some(self, endpoint: str, due: list[_Out]) -> int:
        jobs = self.engine.worlds.async_jobs(endpoint)
        heard: list[_Out] = []
        succeeded: list[_Out] = []
        try:
            for one in due:
                answer = jobs.one(one.async_job_id)
                if answer is None or answer.status != "pending":
                    names = {"job_id": one.job_name, "request_id": one.request_id or None, "step": one.step}
                    log_end(answer, async_job_id=one.async_job_id, **names)
                look = self._looks[one.attempt_id]
                look.asked_at = self._now()
                # A clock that has been set back since may have noted that it began in what is now the future.
                look.since = min(look.since, look.asked_at)
                look.next_at = look.asked_at + self._pause(one, out_for=look.asked_at - look.since)
                if answer is not None and answer.status == "succeeded":
                    succeeded.append(one)
                elif record_async_answer(self.engine, job_id=one.job_id, attempt_id=one.attempt_id, answer=answer):
                    heard.append(one)
        finally:
            # Also when the cloud falls silent meanwhile: what it has said is worth keeping.
            self._write(succeeded)
            self._ring(heard + succeeded)
        return len(heard) + len(succeeded)

    def _pause(self, one: _Out, *, out_for: float) -> float:
        longest_known = max(self._usual_seconds(one), out_for)
        return min(max(self.pace.shortest, longest_known * self.pace.share), self.pace.longest)

    def _usual_seconds(self, one: _Out) -> float:
        read_at, usual = self._usual.get(one.endpoint, (0.0, {}))
        if self._now() >= read_at + self.pace.usual_every or one.command not in usual:
            usual = usual_seconds(endpoint=one.endpoint)
            usual.setdefault(one.command, 0.0)
            self._usual[one.endpoint] = (self._now(), usual)
        return usual[one.command]

    def _write(self, succeeded: list[_Out]) -> None:
        if not succeeded:
            return
        record_async_successes(self.engine, [(one.job_id, one.attempt_id) for one in succeeded])
        now = self._now()
        for one in succeeded:
            if now >= one.since:
                self._took[one.endpoint, one.command].append(now - one.since)

    def _ring(self, heard: list[_Out]) -> None:
        """Ring once for each job, whatever the number of its answers."""
        for one in heard:
            del self._looks[one.attempt_id]
        for job_id, phase in {one.job_id: one.phase for one in reversed(heard)}.items():
            self.engine.bell.ring(job_id=job_id, phase=phase)

    def _learn(self) -> None:
        """Write from time to time how long commands took lately."""
        if not self._took or 0.0 <= self._now() - self._learned_at < self.pace.usual_every:
            return
        took, self._took = self._took, defaultdict(list)
        for (endpoint, command), seconds in took.items():
            learn(endpoint=endpoint, command=command, seconds=seconds)
        self._learned_at = self._now()

    def _now(self) -> float:
        return self.engine.clock.now().timestamp()
