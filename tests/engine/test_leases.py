"""One process plays a role at a time: a living owner keeps it, and of two who see it free one takes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from jobs.engine.leases import beat, take_role
from jobs.engine.ports import Engine
from jobs.engine.timings import learn, usual_seconds
from jobs.models import CommandTiming, ProcessLease, RoleLease
from tests.support.scenes import Scene, scene
from tests.support.service import VirtualClock

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage() -> Scene:
    """Give a scene whose service's process lives."""
    stage = scene()
    beat(stage.service.engine)
    return stage


def _another(stage: Scene) -> Engine:
    """Give the engine of another process that lives."""
    engine = replace(stage.service.engine, owner="another")
    beat(engine)
    return engine


class _JustBefore:
    """Lets somebody else write just before the first statement that begins so."""

    def __init__(self, beginning: str, write: Callable[[], object]) -> None:
        self._beginning, self._write = beginning, write
        self.is_done = False

    def __call__(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if sql.startswith(self._beginning) and not self.is_done:
            self.is_done = True
            self._write()
        return execute(sql, *rest)


def test_a_beat_makes_the_process_known_and_renews_its_lease(stage: Scene) -> None:
    until = ProcessLease.objects.get().valid_until
    stage.service.clock.stepped.advance(5.0)

    beat(stage.service.engine)

    lease = ProcessLease.objects.get()
    assert (lease.owner, (lease.valid_until - until).total_seconds()) == (stage.service.engine.owner, 5.0)


def test_a_role_stays_with_its_owner_while_he_lives(stage: Scene) -> None:
    another = _another(stage)
    assert take_role(stage.service.engine, role="watcher")

    assert not take_role(another, role="watcher")
    assert take_role(stage.service.engine, role="watcher")
    assert take_role(another, role="sealer")


def test_the_role_of_a_dead_owner_is_free(stage: Scene) -> None:
    another = _another(stage)
    assert take_role(stage.service.engine, role="watcher")
    stage.service.end_process()

    assert take_role(another, role="watcher")
    assert RoleLease.objects.get().owner == "another"


def test_a_role_that_a_clock_which_ran_ahead_took_for_long_is_free(stage: Scene) -> None:
    ahead = replace(_another(stage), clock=VirtualClock(stage.service.clock.stepped, ahead=86400.0))
    beat(ahead)
    assert take_role(ahead, role="watcher")

    # Its process is of another host, and gone: nothing but the clock could tell.
    ProcessLease.objects.filter(owner=ahead.owner).update(host="elsewhere")

    assert take_role(stage.service.engine, role="watcher")


def test_a_role_that_nobody_renewed_is_free_even_if_its_owner_lives(stage: Scene) -> None:
    another = _another(stage)
    assert take_role(stage.service.engine, role="watcher")
    stage.service.clock.stepped.advance(stage.service.engine.rules.lease)
    beat(stage.service.engine)
    beat(another)

    assert take_role(another, role="watcher")
    assert not take_role(stage.service.engine, role="watcher")


@pytest.mark.parametrize("is_owner", [False, True])
def test_a_role_that_somebody_takes_in_the_same_moment_is_his(stage: Scene, is_owner: bool) -> None:
    another, engine = _another(stage), stage.service.engine
    taker = engine.owner if is_owner else "third"
    assert take_role(engine, role="watcher")
    stage.service.clock.stepped.advance(engine.rules.lease)
    until = engine.later(engine.rules.lease)
    other = _JustBefore('UPDATE "jobs_rolelease"', lambda: RoleLease.objects.update(owner=taker, valid_until=until))

    with connection.execute_wrapper(other):
        assert not take_role(another, role="watcher")

    assert RoleLease.objects.get().owner == taker


def test_nothing_that_two_learn_at_once_is_lost() -> None:
    learn(endpoint="cloud", command="deploy", seconds=[10.0, 20.0])
    assert usual_seconds(endpoint="cloud") == {"deploy": pytest.approx(13.0)}
    other = _JustBefore(
        'UPDATE "jobs_commandtiming"', lambda: CommandTiming.objects.update(mean_seconds=100.0, samples=3)
    )

    with connection.execute_wrapper(other):
        learn(endpoint="cloud", command="deploy", seconds=[200.0])

    assert usual_seconds(endpoint="cloud") == {"deploy": pytest.approx(130.0)}
    assert CommandTiming.objects.get().samples == 4


def test_of_two_who_are_the_first_to_learn_of_a_command_neither_is_lost() -> None:
    # Before the insert's own savepoint: what is written within it would go with it.
    other = _JustBefore(
        "SAVEPOINT",
        lambda: CommandTiming.objects.create(endpoint="cloud", command="deploy", mean_seconds=10.0, samples=1),
    )

    with connection.execute_wrapper(other):
        learn(endpoint="cloud", command="deploy", seconds=[20.0])

    assert usual_seconds(endpoint="cloud") == {"deploy": pytest.approx(13.0)}
    assert CommandTiming.objects.get().samples == 2
