"""Keep a point of a story, world and rows, from which many cases go on: what led there is played once.

The rows are kept by an open transaction around the tests, the world by a copy. Each case gets a service of its own: a
process that knows what the database holds and nothing else.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction

from cloudstack_simulator import Simulator, SteppedClock
from cloudstack_simulator.cloud import Cloud
from jobs.models import FailoverJob
from tests.support.scenes import Scene
from tests.support.service import Service
from tests.support.worlds import Before


@dataclass(frozen=True)
class Checkpoint:
    """A point of a job; `before` is the world as it was before the job began, `calls` how many changes it made."""

    stage: Scene
    job_id: int
    before: Before

    def go_on(self) -> tuple[Scene, FailoverJob]:
        """Give a scene that goes on from here; the checkpoint stays as it is."""
        simulator = copied(self.stage.simulator)
        hook = self.stage.hook.copied_to(simulator)
        service = Service(simulator, hook_sessions=hook.session, longest_step=600.0)
        return Scene(simulator, self.stage.inventory, service, hook), FailoverJob.objects.get(pk=self.job_id)


@contextmanager
def kept(lead_there: Callable[[], Checkpoint]) -> Iterator[Checkpoint]:
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
