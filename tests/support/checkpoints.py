"""Keep a point of a story, world and rows, from which many cases go on: what led there is played once.

The rows are kept by an open transaction around the tests, the world by a copy. Each case gets a service of its own: a
process that knows what the database holds and nothing else.
"""

from __future__ import annotations

import copy
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from django.db import transaction

from cloudstack_simulator import Simulator, SteppedClock
from cloudstack_simulator.cloud import Cloud
from jobs.models import FailoverJob
from tests.support.scenes import Scene
from tests.support.service import Service
from tests.support.worlds import Before, assert_never_harmed

Point = TypeVar("Point", bound="Checkpoint")


@dataclass(frozen=True)
class Checkpoint:
    """A point of a job; `before` is the world as it was before the job began."""

    stage: Scene
    job_id: int
    before: Before

    def go_on(self) -> tuple[Scene, FailoverJob]:
        """Give a scene that goes on from here; the checkpoint stays as it is."""
        simulator = copied(self.stage.simulator)
        hook = self.stage.hook.copied_to(simulator)
        service = Service(simulator, hook_sessions=hook.session, longest_step=600.0)
        return Scene(simulator, self.stage.inventory, service, hook), FailoverJob.objects.get(pk=self.job_id)


@dataclass(frozen=True)
class Departure(Checkpoint):
    """The last moment at which a call is still to come; `nth` says which of its command it is, counted from here."""

    nth: int

    def go_on(self) -> tuple[Scene, FailoverJob]:
        """Give a scene that goes on from here, with what is still to go wrong on this road."""
        stage, job = super().go_on()
        for fault in self.stage.simulator.faults.left():
            stage.simulator.faults.add(fault)
        return stage, job


@dataclass(frozen=True)
class Road:
    """Where a checkpoint leads when `act` is done there: in which round which call of which command is made."""

    start: Checkpoint
    act: Callable[[Scene, FailoverJob], None]
    rounds: Mapping[tuple[str, int], int]

    def departure(self, command: str, nth: int) -> Departure:
        """Go as far as to the round before the one that makes this call."""
        for rounds in reversed(range(self.rounds[command, nth])):
            here = transaction.savepoint()
            there = self._after(rounds, command, nth)
            if there.nth > 0:
                transaction.savepoint_commit(here)
                return there
            # Ids are of chance, and with them the order of what comes at once: a call can be made a round sooner.
            transaction.savepoint_rollback(here)
        raise AssertionError(f"{command} is made before the first round")

    def _after(self, rounds: int, command: str, nth: int) -> Departure:
        stage, job = self.start.go_on()
        made = stage.simulator.calls.count(command)
        self.act(stage, job)
        if rounds:
            stage.service.run(until=_after_rounds(rounds), at_each_step=lambda: assert_never_harmed(stage.simulator))
        return Departure(stage, job.pk, self.start.before, nth - (stage.simulator.calls.count(command) - made))


def surveyed(start: Checkpoint, act: Callable[[Scene, FailoverJob], None]) -> Road:
    """Go the road once, and forget that; note in which round each changing call is made."""
    rounds: dict[tuple[str, int], int] = {}
    counted: Counter[str] = Counter()
    with transaction.atomic():
        stage, job = start.go_on()
        known = len(stage.simulator.calls.mutating())
        act(stage, job)
        passed = 0

        def note() -> None:
            nonlocal passed
            passed += 1
            for call in stage.simulator.calls.mutating()[known + counted.total() :]:
                counted[call.command] += 1
                rounds[call.command, counted[call.command]] = passed

        stage.service.run(at_each_step=note)
        transaction.set_rollback(True)
    return Road(start, act, rounds)


def _after_rounds(count: int) -> Callable[[], bool]:
    passed = itertools.count(1)
    return lambda: next(passed) == count


@contextmanager
def kept(lead_there: Callable[[], Point]) -> Iterator[Point]:
    """Keep the rows that lead to a checkpoint until the end of the block, and no longer."""
    with transaction.atomic():
        yield lead_there()
        transaction.set_rollback(True)


def copied(simulator: Simulator) -> Simulator:
    """Give a cloud with the same world at the same moment, as after a restart; no fault is planned there."""
    cloud = Cloud(simulator.cloud.catalogue, copy.deepcopy(simulator.cloud.world), scenario=simulator.cloud.scenario)
    cloud.now, cloud.job_seconds = simulator.cloud.now, simulator.cloud.job_seconds
    account = next(row for row in cloud.world.accounts.values() if row.api_key == simulator.api_key)
    twin = Simulator(cloud, clock=SteppedClock(simulator.clock.now()), owner=account.name, state=None, journal={})
    twin.calls = copy.deepcopy(simulator.calls)
    return twin
