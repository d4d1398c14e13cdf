"""This will ask the clouds which async jobs have ended, write the answers and ring. One process watches at a time.

Each cloud is watched for itself (`jobs/engine/endpoint_watch.py`): one that is silent holds up no other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from database.statements import Prepared, PreparedAmong
from jobs.engine.contracts import Clock
from jobs.engine.crew import Questions, Rounds
from jobs.engine.endpoint_watch import EndpointWatch, Out, Pace
from jobs.engine.ports import Engine
from jobs.models import AttemptState, StepAttempt

ROLE = "watcher"

_NOTHING: Mapping[int, Out] = MappingProxyType({})
_OUT = Prepared(lambda: StepAttempt.objects.filter(state=AttemptState.SUBMITTED).order_by().values_list("pk"))
_AMONG = PreparedAmong(
    lambda ids: (
        StepAttempt.objects.filter(state=AttemptState.SUBMITTED, pk__in=ids)
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
    ),
    integers=True,
)
# So many are read at once: each number of them is a statement of its own.
_TOGETHER = 16


@dataclass
class Outstanding:
    """What is out, remembered from round to round.

    Each time all ids of what is out are read, so that nothing is missed, whenever and by whomever it was submitted or
    ended. The rest of an attempt is read once: it stays the same for as long as the attempt is out.
    """

    clock: Clock
    _known: dict[int, tuple[str, Out]] = field(default_factory=dict)
    _by_endpoint: dict[str, dict[int, Out]] = field(default_factory=dict)

    def read(self) -> Mapping[str, Mapping[int, Out]]:
        """Give what is out by endpoint and id; nobody changes it after, for a round may still be at work on it."""
        ids = {attempt_id for (attempt_id,) in _OUT.values()}
        if ids != self._known.keys():
            come = sorted(ids - self._known.keys())
            self._known = {one: known for one, known in self._known.items() if one in ids}
            for first in range(0, len(come), _TOGETHER):
                self._known.update(self._read_some(come[first : first + _TOGETHER]))
            self._by_endpoint = defaultdict(dict)
            for attempt_id, (endpoint, out) in self._known.items():
                self._by_endpoint[endpoint][attempt_id] = out
        return self._by_endpoint

    def _read_some(self, ids: Sequence[int]) -> Iterator[tuple[int, tuple[str, Out]]]:
        for attempt_id, endpoint, async_job_id, submitted_at, *names in _AMONG.values(ids):
            since = submitted_at or self.clock.now()
            yield attempt_id, (endpoint, Out(attempt_id, async_job_id, since.timestamp(), *names))


@dataclass
class Watcher:
    """Watches all submitted attempts, by a round for each cloud; in which threads is for `rounds` and `questions`."""

    engine: Engine
    pace: Pace = field(default_factory=Pace)
    rounds: Rounds = field(default_factory=Rounds)
    questions: Callable[[], Questions] = Questions
    _watches: dict[str, EndpointWatch] = field(default_factory=dict)
    _outstanding: Outstanding = field(init=False)

    def __post_init__(self) -> None:
        """Begin without memory."""
        self._outstanding = Outstanding(self.engine.clock)

    def watch_once(self, *, at_most: float = 0.0) -> int:
        """Do one round without asking who watches; the caller holds the role.

        Gives how many answers were written, as far as this is known after `at_most` seconds.
        """
        answers: list[int] = []
        # Asked before the reading: what a round that ends meanwhile was answered is read as still out.
        busy = {endpoint for endpoint in self._watches if self.rounds.under_way(endpoint)}
        for endpoint, out in self._to_watch().items():
            if endpoint not in busy:
                watch = self._watches.get(endpoint) or self._begin_watch(endpoint)
                self.rounds.begin(endpoint, partial(_do_round, watch, out, answers))
        self.rounds.wait(at_most)
        return sum(answers)

    def next_look_at(self) -> float | None:
        """Give the moment (unix seconds) of the next question, None while nothing is out or all is being asked."""
        moments = [watch.next_at for endpoint, watch in self._watches.items() if not self.rounds.under_way(endpoint)]
        return min((moment for moment in moments if moment is not None), default=None)

    def _to_watch(self) -> dict[str, Mapping[int, Out]]:
        """Give what is out by endpoint, and the endpoints whose watch has something left to write down."""
        left = {endpoint: _NOTHING for endpoint, watch in self._watches.items() if not watch.is_idle}
        return {**left, **self._outstanding.read()}

    def _begin_watch(self, endpoint: str) -> EndpointWatch:
        self._watches[endpoint] = EndpointWatch(self.engine, endpoint, self.pace, self.questions())
        return self._watches[endpoint]


def _do_round(watch: EndpointWatch, out: Mapping[int, Out], answers: list[int]) -> None:
    answers.append(watch.do_round(out))
