"""This will start many failovers in one request: each for itself, and none of them waits for a cloud that is silent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from cloudstack import Gateway
from inventory.models import TargetCloud
from jobs.engine.isolation import Defect, isolated
from jobs.engine.ports import Engine
from jobs.errors import CloudNotUsable, ListedTwice, UnforeseenError
from jobs.models import FailoverJob, JobType
from jobs.prepared_starts import REFUSALS, Asked, PreparedStart, Refusal, each, prepare_each, silent_cloud
from jobs.runtime import Gateways
from jobs.written_starts import write_each
from validation.errors import NotReady

MOST_STARTS = 500
# So many are validated and written together: few enough that the first failovers begin while the rest is started.
AT_ONCE = 20

Outcome = FailoverJob | PreparedStart | Refusal


@dataclass(frozen=True)
class Wish:
    """This will be one entry of a bulk: the start that is asked for, or what became of it before it could be tried.

    `answer` tells a job, or in a rehearsal its plan, in the words of the door.
    """

    vm_id: str | None
    start: Asked | Refusal | dict[str, Any]
    answer: Callable[[Any], dict[str, Any]] = dict


@dataclass(frozen=True)
class Ended:
    """This will say what became of one start: its answer, or the refusal."""

    vm_id: str | None
    answer: dict[str, Any] | None = None
    refusal: Refusal | None = None


class PatientOnce:
    """This will give gateways, and refuse at once a cloud that an earlier start of the same bulk found silent.

    A hanging cloud costs its first VM up to ten seconds, and the others nothing.
    """

    def __init__(self, gateways: Gateways) -> None:
        self._gateways = gateways
        self._silent: dict[int, CloudNotUsable] = {}

    def __call__(self, cloud: TargetCloud) -> Gateway:
        """Give the gateway; raises what is known of a silent cloud."""
        if cloud.pk in self._silent:
            raise self._silent[cloud.pk]
        return self._gateways(cloud)

    def learn_from(self, refusal: Refusal) -> None:
        """Remember the cloud of the refusal as silent, when it says so."""
        if isinstance(refusal, CloudNotUsable) and refusal.cloud_id is not None:
            self._silent[refusal.cloud_id] = refusal
        elif isinstance(refusal, NotReady) and refusal.verdict.facts.cloud.unreachable:
            self._silent[refusal.verdict.vm.cloud_id] = silent_cloud(refusal.verdict)


def start_each(
    wishes: Iterable[Wish], *, engine: Engine, gateways: Gateways, kind: JobType, actor: str
) -> Iterator[Ended]:
    """Start failovers, a few at a time, and tell of each in the order asked for; `wishes` are taken as they are needed.

    A VM that is listed again is refused: which of its options would count? An error that nobody foresaw costs its own
    VM only.
    """

    def start(asked: Sequence[Asked], patient: PatientOnce) -> list[Outcome]:
        prepared = _prepared(asked, engine=engine, patient=patient, kind=kind)
        ready = [one for one in prepared if isinstance(one, PreparedStart)]
        written = iter(write_each(engine, ready, actor=actor))
        return [next(written) if isinstance(one, PreparedStart) else one for one in prepared]

    return _a_few_at_a_time(wishes, gateways, start)


def rehearse_each(wishes: Iterable[Wish], *, engine: Engine, gateways: Gateways, kind: JobType) -> Iterator[Ended]:
    """Validate and plan as `start_each` does, and start nothing."""

    def prepare(asked: Sequence[Asked], patient: PatientOnce) -> list[Outcome]:
        return list(_prepared(asked, engine=engine, patient=patient, kind=kind))

    return _a_few_at_a_time(wishes, gateways, prepare)


def _prepared(
    asked: Sequence[Asked], *, engine: Engine, patient: PatientOnce, kind: JobType
) -> list[PreparedStart | Refusal]:
    """Validate and plan all together; where that breaks off each by itself, so that one of them spoils no other."""
    prepare = partial(prepare_each, engine=engine, gateways=patient, kind=kind)
    together = isolated(partial(prepare, asked=asked))
    if not isinstance(together, Defect):
        return together
    found: list[PreparedStart | Refusal] = []
    for one in asked:
        alone = isolated(partial(prepare, asked=[one]))
        found += [UnforeseenError(alone.error_id)] if isinstance(alone, Defect) else alone
        if isinstance(refusal := found[-1], REFUSALS):
            patient.learn_from(refusal)
    return found


def _a_few_at_a_time(
    wishes: Iterable[Wish], gateways: Gateways, work: Callable[[Sequence[Asked], PatientOnce], list[Outcome]]
) -> Iterator[Ended]:
    patient, seen, rest = PatientOnce(gateways), set[str](), iter(wishes)
    while some := list(islice(rest, AT_ONCE)):
        tried = [one if isinstance(one, REFUSALS) else one.start for one in each(partial(_once, seen=seen), some)]
        outcomes = iter(work([one for one in tried if isinstance(one, Asked)], patient))
        for wish, one in zip(some, tried, strict=True):
            yield _ended(wish, next(outcomes) if isinstance(one, Asked) else one, patient)


def _once(wish: Wish, *, seen: set[str]) -> Wish:
    if wish.vm_id is not None and wish.vm_id in seen:
        raise ListedTwice(wish.vm_id)
    if wish.vm_id is not None:
        seen.add(wish.vm_id)
    return wish


def _ended(wish: Wish, outcome: Outcome | dict[str, Any], patient: PatientOnce) -> Ended:
    if isinstance(outcome, REFUSALS):
        patient.learn_from(outcome)
        return Ended(wish.vm_id, refusal=outcome)
    return Ended(wish.vm_id, answer=outcome if isinstance(outcome, dict) else wish.answer(outcome))
