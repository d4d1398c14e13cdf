"""This will ask the cloud which async jobs have ended, write the answers and ring. One process watches at a time.

Few out: each job is asked for when its command usually ends, then often. Many out: one list of unfinished jobs per
endpoint and tick, then one query for each job that left the list, and a query of its own every half minute for all.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import structlog

from jobs.engine.attempts import record_async_answer
from jobs.engine.contracts import AsyncAnswer
from jobs.engine.leases import take_role
from jobs.engine.ports import Engine
from jobs.engine.timings import usual_seconds
from jobs.models import AttemptState, StepAttempt

log = structlog.get_logger(__name__)

ROLE = "watcher"


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


@dataclass
class _Look:
    """When an attempt was last asked for and is to be asked for next (unix seconds)."""

    next_at: float
    asked_at: float


@dataclass
class Watcher:
    """Watches all submitted attempts; `tick` does one round and never waits."""

    engine: Engine
    pace: Pace = field(default_factory=Pace)
    _looks: dict[int, _Look] = field(default_factory=dict)
    _listed_at: dict[str, float] = field(default_factory=dict)
    _silent_until: dict[str, float] = field(default_factory=dict)
    _next_at: dict[str, float] = field(default_factory=dict)

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
        for endpoint, attempts in outstanding.items():
            if self._now() < self._silent_until.get(endpoint, 0.0):
                self._next_at[endpoint] = self._silent_until[endpoint]
                continue
            try:
                answers += self._watch(endpoint, attempts)
            except self.engine.unreachable as error:
                # The attempts stay submitted: the answer waits in the cloud until it can be read.
                log.warning("endpoint_unreachable", endpoint=endpoint, error=str(error))
                self._silent_until[endpoint] = self._now() + self.pace.longest
        return answers

    def next_look_at(self) -> float | None:
        """Give the moment (unix seconds) of the next question, None while nothing is out."""
        return min(self._next_at.values(), default=None)

    def _outstanding(self) -> dict[str, list[StepAttempt]]:
        rows = StepAttempt.objects.filter(state=AttemptState.SUBMITTED).select_related("step__plan").order_by("pk")
        grouped: dict[str, list[StepAttempt]] = defaultdict(list)
        for attempt in rows:
            grouped[attempt.endpoint].append(attempt)
        alive = {attempt.pk for attempts in grouped.values() for attempt in attempts}
        for gone in self._looks.keys() - alive:
            del self._looks[gone]
        return grouped

    def _watch(self, endpoint: str, attempts: list[StepAttempt]) -> int:
        usual = usual_seconds(endpoint=endpoint)
        for attempt in attempts:
            if attempt.pk not in self._looks:
                self._looks[attempt.pk] = self._first_look(attempt, usual.get(attempt.step.command, 0.0))
        is_few = len(attempts) <= self.pace.few
        due = self._due_few(attempts) if is_few else self._due_many(endpoint, attempts)
        answers = sum(self._ask(endpoint, attempt, usual) for attempt in due)
        out = [self._looks[attempt.pk].next_at for attempt in attempts if attempt.pk in self._looks]
        if out:
            self._next_at[endpoint] = min(out) if is_few else self._listed_at[endpoint] + self.pace.list_every
        return answers

    def _first_look(self, attempt: StepAttempt, usual: float) -> _Look:
        submitted = attempt.submitted_at or attempt.intent_at
        return _Look(next_at=submitted.timestamp() + usual * self.pace.first_look, asked_at=submitted.timestamp())

    def _due_few(self, attempts: list[StepAttempt]) -> list[StepAttempt]:
        now = self._now()
        return [attempt for attempt in attempts if self._looks[attempt.pk].next_at <= now]

    def _due_many(self, endpoint: str, attempts: list[StepAttempt]) -> list[StepAttempt]:
        now = self._now()
        if now < self._listed_at.get(endpoint, 0.0) + self.pace.list_every:
            return []
        # Only attempts that were submitted before the list was asked for may be missed in it.
        unfinished = self.engine.worlds.async_jobs(endpoint).unfinished()
        self._listed_at[endpoint] = now
        return [
            attempt
            for attempt in attempts
            if attempt.async_job_id not in unfinished
            or now >= self._looks[attempt.pk].asked_at + self.pace.own_query_every
        ]

    def _ask(self, endpoint: str, attempt: StepAttempt, usual: dict[str, float]) -> int:
        answer = self.engine.worlds.async_jobs(endpoint).one(attempt.async_job_id)
        look = self._looks[attempt.pk]
        look.asked_at = self._now()
        look.next_at = look.asked_at + self._pause(attempt, usual.get(attempt.step.command, 0.0))
        return self._write(attempt, answer)

    def _pause(self, attempt: StepAttempt, usual: float) -> float:
        out = self._now() - (attempt.submitted_at or attempt.intent_at).timestamp()
        return min(max(self.pace.shortest, max(usual, out) * self.pace.share), self.pace.longest)

    def _write(self, attempt: StepAttempt, answer: AsyncAnswer | None) -> int:
        if not record_async_answer(self.engine, attempt=attempt, answer=answer):
            return 0
        del self._looks[attempt.pk]
        self.engine.bell.ring(job_id=attempt.step.plan.job_id, phase=attempt.step.phase)
        return 1

    def _now(self) -> float:
        return self.engine.clock.now().timestamp()
