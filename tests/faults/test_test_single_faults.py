"""Every call of the three test plans, of their undo and of their cleanup goes wrong in every way, one at a time.

Which end is right is decided by rule: what CloudStack refused while the test was being made is undone; what failed or
whose answer was lost is read back and goes on; in an undo or cleanup all is tried again; what never ends waits for a
person; a killed worker changes nothing. After each end no replica was written (or it was brought back and is called
unverified), none hangs elsewhere, replication is not held, and nothing of ours is left that the job does not list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from pytest_django import DjangoDbBlocker

from cloudstack_simulator import Fault
from inventory.models import HoldMethod
from jobs.models import FailoverJob, JobState, Outcome
from jobs.plans.specification import Strategy
from tests.faults.cases import KINDS, MOMENTS, SYNCHRONOUS, Case, cases
from tests.support.checkpoints import Checkpoint, Departure, Road, kept, surveyed
from tests.support.ends_of_tests import assert_in_window, assert_removed
from tests.support.scenes import Scene, scene
from tests.support.worlds import (
    assert_journal_agrees,
    assert_never_harmed,
    assert_waits_for_operator,
    remember,
)

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@dataclass(frozen=True, eq=False)
class Trial:
    """A strategy on a VM, with the calls that make it, undo it after a start that came to nothing, and clean it up."""

    strategy: Strategy
    vm_id: str
    forward: dict[str, int]
    undo: dict[str, int]
    cleanup: dict[str, int]
    start_comes_to_nothing: Fault

    def __str__(self) -> str:
        return self.strategy.value


# A test below proves that these lists are what such runs really call.
TRIALS = (
    Trial(
        Strategy.CLONE,
        "vm-two",
        forward={
            "createSnapshot": 2,
            "deployVirtualMachine": 1,
            "detachVolume": 1,
            "deleteVolume": 1,
            "updateVirtualMachine": 1,
            "createVolume": 2,
            "attachVolume": 2,
            "startVirtualMachine": 1,
        },
        undo={"detachVolume": 2, "deleteVolume": 2, "destroyVirtualMachine": 1, "deleteSnapshot": 2},
        cleanup={
            "stopVirtualMachine": 1,
            "detachVolume": 2,
            "deleteVolume": 2,
            "destroyVirtualMachine": 1,
            "deleteSnapshot": 2,
        },
        start_comes_to_nothing=Fault("startVirtualMachine", "refuse"),
    ),
    Trial(
        Strategy.DETACHED_CLONE,
        "vm-one",
        forward={
            "detachVolume": 2,
            "createSnapshot": 1,
            "attachVolume": 2,
            "deployVirtualMachine": 1,
            "deleteVolume": 1,
            "updateVirtualMachine": 1,
            "createVolume": 1,
            "startVirtualMachine": 1,
        },
        undo={"detachVolume": 1, "deleteVolume": 1, "destroyVirtualMachine": 1, "deleteSnapshot": 1},
        cleanup={
            "stopVirtualMachine": 1,
            "detachVolume": 1,
            "deleteVolume": 1,
            "destroyVirtualMachine": 1,
            "deleteSnapshot": 1,
        },
        start_comes_to_nothing=Fault("startVirtualMachine", "refuse"),
    ),
    Trial(
        Strategy.BOOT_AND_REVERT,
        "vm-one",
        forward={
            "detachVolume": 2,
            "createSnapshot": 1,
            "deployVirtualMachine": 1,
            "deleteVolume": 1,
            "updateVirtualMachine": 1,
            "attachVolume": 1,
            "startVirtualMachine": 1,
        },
        undo={"detachVolume": 1, "destroyVirtualMachine": 1, "revertSnapshot": 1, "attachVolume": 1},
        cleanup={
            "stopVirtualMachine": 1,
            "detachVolume": 1,
            "destroyVirtualMachine": 1,
            "revertSnapshot": 1,
            "attachVolume": 1,
        },
        start_comes_to_nothing=Fault("startVirtualMachine", "fail", times=3),
    ),
)


def _begun(trial: Trial) -> Checkpoint:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    job = stage.service.start_test(trial.vm_id, custom_config={"test_strategy": trial.strategy.value})
    return Checkpoint(stage, job.pk, before)


def _attached(trial: Trial) -> Checkpoint:
    """Lead to where the last disk is being attached: the start comes next."""
    point = _begun(trial)
    calls = point.stage.simulator.calls
    point.stage.service.run(until=lambda: calls.count("attachVolume") == trial.forward["attachVolume"])
    return point


def _in_window(trial: Trial) -> Checkpoint:
    point = _begun(trial)
    point.stage.service.run()
    return point


_LEADS = {"forward": _begun, "undo": _attached, "cleanup": _in_window}


def _act(trial: Trial, part: str) -> Callable[[Scene, FailoverJob], None]:
    """Give what leads into the part from its checkpoint."""

    def act(stage: Scene, job: FailoverJob) -> None:
        if part == "undo":
            stage.simulator.faults.add(trial.start_comes_to_nothing)
        elif part == "cleanup":
            stage.service.clean_up(job)

    return act


@pytest.fixture(scope="module")
def road(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Road]:
    """Give the road of a trial through one part; the cases of the part share it."""
    del django_db_setup
    trial, part = request.param
    with django_db_blocker.unblock(), kept(lambda: _LEADS[part](trial)) as start:
        yield surveyed(start, _act(trial, part))


@pytest.fixture(scope="module")
def point(request: pytest.FixtureRequest, road: Road, django_db_blocker: DjangoDbBlocker) -> Iterator[Departure]:
    """Give the moment before a call of the road; what can happen to the call starts from there."""
    _, command, nth = request.param
    with django_db_blocker.unblock(), kept(lambda: road.departure(command, nth)) as there:
        yield there


@dataclass(frozen=True)
class Trouble:
    """A case in one part of a trial; no two are equal, so that pytest keeps those of one point together."""

    trial: Trial
    part: str
    case: Case


def _all(part: str, kinds: tuple[str, ...]) -> pytest.MarkDecorator:
    """Run a test on every trial's road through the part with each of its cases."""
    rows = [
        pytest.param(
            (trial, part),
            case.call,
            Trouble(trial, part, case),
            # What the strategies differ in is the cloud's business, not the database's.
            marks=case.marks if trial is TRIALS[0] else (pytest.mark.any_database,),
            id=f"{trial.strategy}-{part}-{case}",
        )
        for trial in TRIALS
        for case in cases(f"{trial}-{part}", getattr(trial, part), kinds)
    ]
    return pytest.mark.parametrize(("road", "point", "trouble"), rows, indirect=["road", "point"], scope="module")


def _run(stage: Scene) -> None:
    stage.service.run(at_each_step=lambda: assert_never_harmed(stage.simulator))
    assert_journal_agrees(stage.simulator)


def _calls(stage: Scene) -> Counter[str]:
    return Counter(call.command for call in stage.simulator.calls.mutating())


@pytest.mark.parametrize(
    ("road", "trial"),
    # Named by hand: the words of a whole trial hold sets, which two workers of one run would write differently.
    [pytest.param((trial, "cleanup"), trial, id=str(trial)) for trial in TRIALS],
    indirect=["road"],
    scope="module",
)
def test_the_generated_cases_cover_every_changing_call(road: Road, trial: Trial) -> None:
    stage, job = road.start.go_on()
    assert _calls(stage) == trial.forward
    stage.service.clean_up(job)
    stage.service.run()
    assert _calls(stage) - Counter(trial.forward) == trial.cleanup, stage.service.describe()


@_all("forward", KINDS)
def test_a_single_fault_while_a_test_is_made_ends_right(point: Departure, trouble: Trouble) -> None:
    stage, job = point.go_on()
    case = trouble.case
    stage.simulator.faults.add(case.fault_at(point.nth))

    _run(stage)

    assert stage.simulator.faults.fired, "the fault never took place"
    if case.kind == "refuse" or (case.kind == "fail" and case.command == "createSnapshot"):
        # A failed createSnapshot leaves a snapshot in state Error: it is not taken again beside it, all is undone.
        assert_removed(stage, job, point.before, outcome=Outcome.FAILED)
    elif case.kind == "hang" and case.command not in SYNCHRONOUS:
        assert_waits_for_operator(job, kind="endless_job")
    else:
        assert_in_window(stage, job, point.before)


@_all("forward", MOMENTS)
def test_a_worker_killed_while_a_test_is_made_changes_nothing(point: Departure, trouble: Trouble) -> None:
    stage, job = point.go_on()
    case = trouble.case
    stage.service.kill_at(case.command, nth=point.nth, moment=case.kind)

    _run(stage)

    assert stage.service.kills_fired == 1
    assert_in_window(stage, job, point.before)


@_all("undo", KINDS)
def test_a_single_fault_in_the_undo_of_a_test_ends_right(point: Departure, trouble: Trouble) -> None:
    stage, job = point.go_on()
    case = trouble.case
    stage.simulator.faults.add(case.fault_at(point.nth))

    _run(stage)

    assert case.fault_at(point.nth) in stage.simulator.faults.fired, "the fault never took place"
    _assert_undone(stage, job, point, case, outcome=Outcome.FAILED)


@_all("undo", MOMENTS)
def test_a_worker_killed_in_the_undo_of_a_test_changes_nothing(point: Departure, trouble: Trouble) -> None:
    stage, job = point.go_on()
    case = trouble.case
    stage.service.kill_at(case.command, nth=point.nth, moment=case.kind)

    _run(stage)

    assert stage.service.kills_fired == 1
    assert_removed(stage, job, point.before, outcome=Outcome.FAILED)


@_all("cleanup", KINDS)
def test_a_single_fault_in_the_cleanup_of_a_test_ends_right(point: Departure, trouble: Trouble) -> None:
    stage, job = point.go_on()
    case = trouble.case
    stage.simulator.faults.add(case.fault_at(point.nth))

    _run(stage)

    assert stage.simulator.faults.fired, "the fault never took place"
    _assert_undone(stage, job, point, case, outcome=Outcome.SUCCEEDED)


@_all("cleanup", MOMENTS)
def test_a_worker_killed_in_the_cleanup_of_a_test_changes_nothing(point: Departure, trouble: Trouble) -> None:
    stage, job = point.go_on()
    case = trouble.case
    stage.service.kill_at(case.command, nth=point.nth, moment=case.kind)

    _run(stage)

    assert stage.service.kills_fired == 1
    assert_removed(stage, job, point.before, outcome=Outcome.SUCCEEDED)


def _assert_undone(stage: Scene, job: FailoverJob, point: Departure, case: Case, *, outcome: Outcome) -> None:
    """In an undo all is tried again; only what never ends waits, and the job says so."""
    if case.kind == "hang" and case.command not in SYNCHRONOUS:
        assert_waits_for_operator(job, kind="endless_job")
        assert job.state == JobState.WAITING_FOR_OPERATOR
    else:
        assert_removed(stage, job, point.before, outcome=outcome)
