"""This will ask the clouds which async jobs have ended, write the answers and ring. One process watches at a time.

Each cloud is watched for itself (`jobs/engine/endpoint_watch.py`): one that is silent holds up no other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from database.statements import Prepared
from jobs.engine.crew import Questions, Rounds
from jobs.engine.endpoint_watch import EndpointWatch, Out, Pace
from jobs.engine.ports import Engine
from jobs.models import AttemptState, StepAttempt

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


@dataclass
class Watcher:
    """Watches all submitted attempts, by a round for each cloud; in which threads is for `rounds` and `questions`."""

    engine: Engine
    pace: Pace = field(default_factory=Pace)
    rounds: Rounds = field(default_factory=Rounds)
    questions: Callable[[], Questions] = Questions
    _watches: dict[str, EndpointWatch] = field(default_factory=dict)

    def watch_once(self, *, at_most: float = 0.0) -> int:
        """Do one round without asking who watches; the caller holds the role.

        Gives how many answers were written, as far as this is known after `at_most` seconds.
        """
        answers: list[int] = []
        # Asked before the reading: what a round that ends meanwhile was answered is read as still out.
        busy = {endpoint for endpoint in self._watches if self.rounds.under_way(endpoint)}
        for endpoint, out in self._outstanding().items():
            if endpoint not in busy:
                watch = self._watches.get(endpoint) or self._begin_watch(endpoint)
                self.rounds.begin(endpoint, partial(_do_round, watch, out, answers))
        self.rounds.wait(at_most)
        return sum(answers)

    def next_look_at(self) -> float | None:
        """Give the moment (unix seconds) of the next question, None while nothing is out or all is being asked."""
        moments = [watch.next_at for endpoint, watch in self._watches.items() if not self.rounds.under_way(endpoint)]
        return min((moment for moment in moments if moment is not None), default=None)

    def _outstanding(self) -> dict[str, list[Out]]:
        """Give what is out by endpoint, and the endpoints whose watch has something left to write down."""
        grouped: dict[str, list[Out]] = defaultdict(list)
        for attempt_id, endpoint, async_job_id, submitted_at, *names in _SUBMITTED.values():
            since = submitted_at.timestamp() if submitted_at else self.engine.clock.now().timestamp()
            grouped[endpoint].append(Out(attempt_id, async_job_id, since, *names))
        for endpoint, watch in self._watches.items():
            if not watch.is_idle:
                grouped.setdefault(endpoint, [])
        return grouped

    def _begin_watch(self, endpoint: str) -> EndpointWatch:
        self._watches[endpoint] = EndpointWatch(self.engine, endpoint, self.pace, self.questions())
        return self._watches[endpoint]


def _do_round(watch: EndpointWatch, out: list[Out], answers: list[int]) -> None:
    answers.append(watch.do_round(out))
