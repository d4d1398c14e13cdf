"""Every call of the live plan and of its undo goes wrong in every way, one at a time; each run ends right.

The cases are generated from the calls of an undisturbed run, so that a new step brings its own.
Which end is right is decided by rule: what CloudStack refused before the point of no return is undone; what failed or
whose answer was lost is read back and goes on; what never ends waits for a person; a killed worker changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import pytest
from pytest_django import DjangoDbBlocker

from cloudstack_simulator import Fault
from jobs.models import FailoverJob, Outcome
from tests.faults.cases import KINDS, MOMENTS, SYNCHRONOUS, Case, cases
from tests.support.checkpoints import Checkpoint, Departure, Road, kept, surveyed
from tests.support.scenes import Scene, scene
from tests.support.worlds import (
    assert_all_back,
    assert_failed_over,
    assert_journal_agrees,
    assert_never_harmed,
    assert_waits_for_operator,
    remember,
)

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

VM = "vm-two"
# The calls that change the cloud, in a run of the live plan over two disks, and in the undo of one whose protection
# was refused. A test below proves that these lists are what such runs really call.
FORWARD = {
    "detachVolume": 3,
    "createSnapshot": 2,
    "deployVirtualMachine": 1,
    "deleteVolume": 1,
    "attachVolume": 2,
    "updateVirtualMachine": 1,
    "startVirtualMachine": 1,
}
UNDO = {"detachVolume": 2, "attachVolume": 2, "destroyVirtualMachine": 1, "deleteSnapshot": 2}
PROTECTION_REFUSED = Fault("updateVirtualMachine", "refuse")


def _begun() -> Checkpoint:
    stage = scene()
    before = remember(stage.simulator)
    return Checkpoint(stage, _start(stage).pk, before)


def _attached() -> Checkpoint:
    """Lead to where the last disk is being attached: the protection comes next, and can be refused."""
    point = _begun()
    calls = point.stage.simulator.calls
    point.stage.service.run(until=lambda: calls.count("attachVolume") == FORWARD["attachVolume"])
    return point


def _as_it_comes(stage: Scene, job: FailoverJob) -> None:
    del stage, job


def _refuse_protection(stage: Scene, job: FailoverJob) -> None:
    del job
    stage.simulator.faults.add(PROTECTION_REFUSED)


_WAYS = {"forward": (_begun, _as_it_comes), "undo": (_attached, _refuse_protection)}


@pytest.fixture(scope="module")
def road(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Road]:
    """Give the road through a part of the plan; the cases of the part share it."""
    del django_db_setup
    lead, act = _WAYS[request.param]
    with django_db_blocker.unblock(), kept(lead) as start:
        yield surveyed(start, act)


@pytest.fixture(scope="module")
def point(request: pytest.FixtureRequest, road: Road, django_db_blocker: DjangoDbBlocker) -> Iterator[Departure]:
    """Give the moment before a call of the road; what can happen to the call starts from there."""
    _, command, nth = request.param
    with django_db_blocker.unblock(), kept(lambda: road.departure(command, nth)) as there:
        yield there


def _all(part: str, calls: Mapping[str, int], kinds: tuple[str, ...]) -> pytest.MarkDecorator:
    """Run a test on the road through the part with each case of the calls."""
    rows = [pytest.param(part, case.call, case, marks=case.marks, id=str(case)) for case in cases(part, calls, kinds)]
    return pytest.mark.parametrize(("road", "point", "case"), rows, indirect=["road", "point"], scope="module")


def _counted(simulator_calls: list[str]) -> Counter[str]:
    return Counter(simulator_calls)


def _start(stage: Scene) -> FailoverJob:
    return stage.service.start_live(VM)


def _run(stage: Scene) -> None:
    stage.service.run(at_each_step=lambda: assert_never_harmed(stage.simulator))
    assert_journal_agrees(stage.simulator)


def test_the_generated_cases_cover_every_changing_call_of_the_plan() -> None:
    plain = scene()
    _start(plain)
    plain.service.run()

    assert _counted([call.command for call in plain.simulator.calls.mutating()]) == FORWARD


def test_the_generated_cases_cover_every_changing_call_of_the_undo() -> None:
    undone = scene()
    undone.simulator.faults.add(PROTECTION_REFUSED)
    _start(undone)
    undone.service.run()

    calls = _counted([call.command for call in undone.simulator.calls.mutating()])
    assert calls == Counter(FORWARD) - Counter({"startVirtualMachine": 1}) + Counter(UNDO)


@_all("forward", FORWARD, KINDS)
def test_a_single_fault_in_the_live_plan_ends_right(point: Departure, case: Case) -> None:
    stage, job = point.go_on()
    stage.simulator.faults.add(case.fault_at(point.nth))

    _run(stage)

    assert stage.simulator.faults.fired, "the fault never took place"
    if case.kind == "refuse" or (case.kind == "fail" and case.command == "createSnapshot"):
        # A failed createSnapshot leaves a snapshot in state Error: it is not taken again beside it, all is undone.
        assert_all_back(stage.simulator, job, point.before, outcome=Outcome.FAILED)
    elif case.kind == "hang" and case.command not in SYNCHRONOUS:
        assert_waits_for_operator(job, kind="endless_job")
    else:
        assert_failed_over(stage.simulator, job, point.before)


@_all("forward", FORWARD, MOMENTS)
def test_a_worker_killed_around_a_call_of_the_live_plan_changes_nothing(point: Departure, case: Case) -> None:
    stage, job = point.go_on()
    stage.service.kill_at(case.command, nth=point.nth, moment=case.kind)

    _run(stage)

    assert stage.service.kills_fired == 1
    assert_failed_over(stage.simulator, job, point.before)


@_all("undo", UNDO, KINDS)
def test_a_single_fault_in_the_undo_ends_right(point: Departure, case: Case) -> None:
    stage, job = point.go_on()
    stage.simulator.faults.add(case.fault_at(point.nth))

    _run(stage)

    assert case.fault_at(point.nth) in stage.simulator.faults.fired, "the fault never took place"
    if case.kind == "hang":
        assert_waits_for_operator(job, kind="endless_job")
    else:
        assert_all_back(stage.simulator, job, point.before, outcome=Outcome.FAILED)


@_all("undo", UNDO, MOMENTS)
def test_a_worker_killed_around_a_call_of_the_undo_changes_nothing(point: Departure, case: Case) -> None:
    stage, job = point.go_on()
    stage.service.kill_at(case.command, nth=point.nth, moment=case.kind)

    _run(stage)

    assert stage.service.kills_fired == 1
    assert_all_back(stage.simulator, job, point.before, outcome=Outcome.FAILED)
