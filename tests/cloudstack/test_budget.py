"""A cloud is asked no more than it is said to bear, and not at all while it asked to be left alone."""

from __future__ import annotations

from typing import Any

import pytest

from cloudstack import CloudRefusedRead, CloudUnreachable, NotSent, Ticket
from cloudstack.budget import CallBudget
from tests.cloudstack.scripted_cloud import (
    JOB,
    NOW,
    VOLUME,
    MovedClock,
    Parameters,
    Reply,
    ScriptedCloud,
    answer,
    error,
)

LIMITED = "The given user has reached his/her account api limit, please retry after [2500] ms."


def _budget(clock: MovedClock, **options: Any) -> CallBudget:
    def wait(seconds: float) -> None:
        clock.moment += seconds

    return CallBudget(clock=clock, wait=wait, **options)


def test_a_burst_goes_out_at_once_and_the_rest_is_spread() -> None:
    clock = MovedClock()
    budget = _budget(clock, per_second=10.0, burst=5)

    took = []
    for _ in range(10):
        assert budget.take()
        took.append(round(clock.now() - NOW, 3))

    assert took == [0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5]


def test_calls_of_many_threads_at_one_moment_each_get_a_turn_of_their_own() -> None:
    clock, waits = MovedClock(), list[float]()
    budget = CallBudget(per_second=10.0, burst=1, clock=clock, wait=waits.append)

    assert all(budget.take() for _ in range(4))

    assert [round(seconds, 3) for seconds in waits] == [0.1, 0.2, 0.3]


def test_whoever_would_wait_too_long_is_told_at_once() -> None:
    clock = MovedClock()
    budget = CallBudget(per_second=1.0, burst=1, clock=clock, longest_wait=2.0, wait=lambda _: None)

    assert [budget.take() for _ in range(5)] == [True, True, True, False, False]


def test_without_a_limit_nothing_waits() -> None:
    clock = MovedClock()
    budget = _budget(clock, per_second=0.0, burst=1)

    assert all(budget.take() for _ in range(1000))
    assert clock.now() == NOW


@pytest.mark.parametrize(
    ("header", "text", "seconds"),
    [("3", "", 3.0), (None, LIMITED, 2.5), (None, "no", 1.0), ("soon", "no", 1.0), ("9999", "", 30.0)],
)
def test_a_cloud_that_asks_to_be_left_alone_is(header: str | None, text: str, seconds: float) -> None:
    clock = MovedClock()
    budget = _budget(clock, per_second=0.0, burst=1, longest_wait=60.0)

    budget.leave_alone(header=header, text=text)

    assert budget.take()
    assert clock.now() == NOW + seconds


def test_a_clock_that_was_set_back_keeps_nobody_waiting() -> None:
    clock = MovedClock()
    budget = _budget(clock, per_second=0.0, burst=1)
    budget.leave_alone(header="20", text="")

    clock.moment -= 3600.0

    assert budget.take()
    assert clock.now() == NOW - 3600.0


def test_after_a_429_nothing_is_sent_until_its_time_is_over() -> None:
    def script(parameters: Parameters) -> Reply:
        if cloud.clock.now() < NOW + 20.0:
            reply = error(parameters["command"], 429, LIMITED)
            return Reply(reply.status, reply.body, {"Retry-After": "20"})
        return answer(parameters["command"])

    cloud = ScriptedCloud(script)
    gateway = cloud.gateway()
    with pytest.raises(CloudRefusedRead, match="api limit"):
        gateway.volumes([VOLUME])

    with pytest.raises(CloudUnreachable, match="left alone"):
        gateway.volumes([VOLUME])
    assert isinstance(gateway.detach_volume(VOLUME, ticket=Ticket(JOB, NOW + 30)), NotSent)
    assert len(cloud.asked) == 1

    cloud.clock.moment += 20.0
    assert gateway.volumes([VOLUME]) == ()
    assert len(cloud.asked) == 2
