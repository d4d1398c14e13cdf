"""This will watch the async jobs of one cloud: when each is asked for, what is written of it, who is rung.

Few out: each job is asked for when its command usually ends, then often. Many out: one list of unfinished jobs per
tick, then one query for each job that left the list, and a query of its own every half minute for all. What has
succeeded is written for many jobs at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from jobs.engine.attempts import log_end, record_async_answer, record_async_successes
from jobs.engine.contracts import AsyncAnswer
from jobs.engine.crew import Questions
from jobs.engine.ports import Engine
from jobs.engine.timings import learn, usual_seconds

log = structlog.get_logger(__name__)


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
    # While many are out: a cloud that answers the list quickly is asked often, a loaded one seldom. Between two lists
    # lies so many times what the last one took, within these bounds.
    list_rest: float = 20.0
    list_shortest: float = 0.1
    list_longest: float = 0.5
    own_query_every: float = 30.0
    # How long commands usually take is written and read again so often.
    usual_every: float = 2.0
    # So many answers are written in one transaction.
    at_once: int = 16


@dataclass(frozen=True)
class Out:
    """An attempt whose async job is out: since when (unix seconds), and whom its end concerns."""

    attempt_id: int
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
class EndpointWatch:
    """Watches the submitted attempts of one endpoint; one round at a time, and a round never waits for a job's end."""

    engine: Engine
    endpoint: str
    pace: Pace
    questions: Questions
    # The moment (unix seconds) of the next question, None while nothing is out.
    next_at: float | None = None
    _looks: dict[int, _Look] = field(default_factory=dict)
    _usual_read_at: float = 0.0
    _usual: dict[str, float] = field(default_factory=dict)
    _list_again_at: float = 0.0
    _silent_until: float = 0.0
    _took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _learned_at: float = 0.0

    @property
    def is_idle(self) -> bool:
        """Say whether a round with nothing out would change nothing."""
        return not self._looks and not self._took

    def do_round(self, out: Mapping[int, Out]) -> int:
        """Ask for what is due of all that is out, by id; give how many answers were written."""
        answers = 0
        self._forget_all_but(out)
        if self._lies_ahead(self._silent_until, by=self.pace.longest):
            self.next_at = self._silent_until
        else:
            try:
                answers = self._watch(out)
            except self.engine.unreachable as error:
                # The attempts stay submitted: the answer waits in the cloud until it can be read.
                log.warning("endpoint_unreachable", endpoint=self.endpoint, error=str(error))
                self.next_at = self._silent_until = self._now() + self.pace.longest
        self._learn()
        return answers

    def _forget_all_but(self, out: Mapping[int, Out]) -> None:
        for gone in self._looks.keys() - out.keys():
            del self._looks[gone]

    def _lies_ahead(self, moment: float, *, by: float) -> bool:
        """Say whether it is still to come; one further off than any pause was noted by a clock set back since."""
        return self._now() < moment <= self._now() + by

    def _watch(self, out: Mapping[int, Out]) -> int:
        for come in out.keys() - self._looks.keys():
            self._looks[come] = self._first_look(out[come])
        is_few = len(out) <= self.pace.few
        due = self._due_few(out.values()) if is_few else self._due_many(out.values())
        answers = self._ask(due) if due else 0
        self.next_at = self._next_question_at(is_few=is_few)
        return answers

    def _next_question_at(self, *, is_few: bool) -> float | None:
        if not self._looks:
            return None
        return min(look.next_at for look in self._looks.values()) if is_few else self._list_again_at

    def _first_look(self, one: Out) -> _Look:
        next_at = one.since + self._usual_seconds(one) * self.pace.first_look
        return _Look(next_at=next_at, asked_at=one.since, since=one.since)

    def _due_few(self, out: Iterable[Out]) -> list[Out]:
        now = self._now()
        looks = [(one, self._looks[one.attempt_id]) for one in out]
        return [one for one, look in looks if look.next_at <= now or look.asked_at > now]

    def _due_many(self, out: Iterable[Out]) -> list[Out]:
        if self._lies_ahead(self._list_again_at, by=self.pace.list_longest):
            return []
        # Only attempts that were submitted before the list was asked for may be missed in it.
        asked_at = self._now()
        unfinished = self.engine.worlds.async_jobs(self.endpoint).unfinished()
        now = self._now()
        rest = (now - asked_at) * self.pace.list_rest
        self._list_again_at = now + min(max(rest, self.pace.list_shortest), self.pace.list_longest)
        return [
            one
            for one in out
            if one.async_job_id not in unfinished
            or now >= self._looks[one.attempt_id].asked_at + self.pace.own_query_every
        ]

    def _ask(self, due: list[Out]) -> int:
        """Ask for each, a few at a time: what is heard of some is worked on while the others are asked for."""
        return sum(
            self._ask_some(due[first : first + self.pace.at_once]) for first in range(0, len(due), self.pace.at_once)
        )

    def _ask_some(self, due: list[Out]) -> int:
        jobs = self.engine.worlds.async_jobs(self.endpoint)
        heard: list[Out] = []
        succeeded: list[Out] = []
        try:
            for one, answer in self.questions.each(lambda one: jobs.one(one.async_job_id), due):
                self._note(one, answer)
                if answer is not None and answer.status == "succeeded":
                    succeeded.append(one)
                elif record_async_answer(self.engine, job_id=one.job_id, attempt_id=one.attempt_id, answer=answer):
                    heard.append(one)
        finally:
            # Also when the cloud falls silent meanwhile: what it has said is worth keeping.
            self._write(succeeded)
            self._ring(heard + succeeded)
        return len(heard) + len(succeeded)

    def _note(self, one: Out, answer: AsyncAnswer | None) -> None:
        """Tell the log of an end, and note when to ask for it again."""
        if answer is None or answer.status != "pending":
            names = {"job_id": one.job_name, "request_id": one.request_id or None, "step": one.step}
            log_end(answer, async_job_id=one.async_job_id, **names)
        look = self._looks[one.attempt_id]
        look.asked_at = self._now()
        # A clock that has been set back since may have noted that it began in what is now the future.
        look.since = min(look.since, look.asked_at)
        look.next_at = look.asked_at + self._pause(one, out_for=look.asked_at - look.since)

    def _pause(self, one: Out, *, out_for: float) -> float:
        longest_known = max(self._usual_seconds(one), out_for)
        return min(max(self.pace.shortest, longest_known * self.pace.share), self.pace.longest)

    def _usual_seconds(self, one: Out) -> float:
        if self._now() >= self._usual_read_at + self.pace.usual_every or one.command not in self._usual:
            self._usual = usual_seconds(endpoint=self.endpoint)
            self._usual.setdefault(one.command, 0.0)
            self._usual_read_at = self._now()
        return self._usual[one.command]

    def _write(self, succeeded: list[Out]) -> None:
        if not succeeded:
            return
        record_async_successes(self.engine, [(one.job_id, one.attempt_id) for one in succeeded])
        now = self._now()
        for one in succeeded:
            if now >= one.since:
                self._took[one.command].append(now - one.since)

    def _ring(self, heard: list[Out]) -> None:
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
        for command, seconds in took.items():
            learn(endpoint=self.endpoint, command=command, seconds=seconds)
        self._learned_at = self._now()

    def _now(self) -> float:
        return self.engine.clock.now().timestamp()
