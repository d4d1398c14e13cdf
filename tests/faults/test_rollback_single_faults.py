"""Every call of a rollback and of a commit goes wrong in every way, one at a time.

In an undo all is tried again; what never ends waits for a person; a killed worker changes nothing. After each end the
replicas hang where they hung, hold what they held before the first start, and are called unverified.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import pytest
from pytest_django import DjangoDbBlocker

from jobs import verbs
from jobs.models import FailoverJob
from tests.faults.cases import KINDS, MOMENTS, SYNCHRONOUS, Case, cases
from tests.support.checkpoints import Checkpoint, Departure, Road, kept, surveyed
from tests.support.ends_of_rollbacks import assert_committed, assert_rolled_back
from tests.support.scenes import Scene, scene
from tests.support.worlds import assert_journal_agrees, assert_never_harmed, assert_waits_for_operator, remember

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

# Over two disks; a test below proves that such runs really call these.
ROLLBACK = {
    "stopVirtualMachine": 1,
    "updateVirtualMachine": 1,
    "detachVolume": 2,
    "revertSnapshot": 2,
    "attachVolume": 2,
    "destroyVirtualMachine": 1,
}
COMMIT = {"deleteSnapshot": 2}


def _failed_over() -> Checkpoint:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_live("vm-two")
    stage.service.run()
    return Checkpoint(stage, job.pk, before)


def _roll_back(stage: Scene, job: FailoverJob) -> None:
    verbs.roll_back(engine=stage.service.engine, job_id=job.job_id, typed_name=job.vm_name, actor="olga")


def _commit(stage: Scene, job: FailoverJob) -> None:
    verbs.commit(engine=stage.service.engine, job_id=job.job_id, actor="olga")


@pytest.fixture(scope="module")
def failed_over(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Checkpoint]:
    """Give a live failover that succeeded; all cases share it."""
    del django_db_setup
    with django_db_blocker.unblock(), kept(_failed_over) as there:
        yield there


@pytest.fixture(scope="module")
def road(request: pytest.FixtureRequest, failed_over: Checkpoint, django_db_blocker: DjangoDbBlocker) -> Road:
    """Give the road through a rollback or a commit; its cases share it."""
    with django_db_blocker.unblock():
        return surveyed(failed_over, request.param)


@pytest.fixture(scope="module")
def point(request: pytest.FixtureRequest, road: Road, django_db_blocker: DjangoDbBlocker) -> Iterator[Departure]:
    """Give the moment before a call of the road; what can happen to the call starts from there."""
    _, command, nth = request.param
    with django_db_blocker.unblock(), kept(lambda: road.departure(command, nth)) as there:
        yield there


def _all(
    act: Callable[[Scene, FailoverJob], None], calls: Mapping[str, int], kinds: tuple[str, ...]
) -> pytest.MarkDecorator:
    """Run a test on the road with each case of the calls."""
    rows = [
        pytest.param(act, case.call, case, marks=case.marks, id=str(case)) for case in cases(act.__name__, calls, kinds)
    ]
    return pytest.mark.parametrize(("road", "point", "case"), rows, indirect=["road", "point"], scope="module")


def _run(stage: Scene) -> None:
    stage.service.run(at_each_step=lambda: assert_never_harmed(stage.simulator))
    assert_journal_agrees(stage.simulator)


def _calls(stage: Scene) -> Counter[str]:
    return Counter(call.command for call in stage.simulator.calls.mutating())


def test_the_generated_cases_cover_every_changing_call_of_the_rollback(failed_over: Checkpoint) -> None:
    stage, job = failed_over.go_on()
    calls = _calls(stage)
    _roll_back(stage, job)
    stage.service.run()
    assert _calls(stage) - calls == ROLLBACK


def test_the_generated_cases_cover_every_changing_call_of_the_commit(failed_over: Checkpoint) -> None:
    stage, job = failed_over.go_on()
    calls = _calls(stage)
    _commit(stage, job)
    stage.service.run()
    assert _calls(stage) - calls == COMMIT


@_all(_roll_back, ROLLBACK, KINDS)
def test_a_single_fault_in_a_rollback_ends_right(point: Departure, case: Case) -> None:
    stage, job = point.go_on()
    stage.simulator.faults.add(case.fault_at(point.nth))

    _run(stage)

    assert stage.simulator.faults.fired, "the fault never took place"
    if case.kind == "hang" and case.command not in SYNCHRONOUS:
        assert_waits_for_operator(job, kind="endless_job")
    else:
        assert_rolled_back(stage, job, point.before)


@_all(_roll_back, ROLLBACK, MOMENTS)
def test_a_worker_killed_in_a_rollback_changes_nothing(point: Departure, case: Case) -> None:
    stage, job = point.go_on()
    stage.service.kill_at(case.command, nth=point.nth, moment=case.kind)

    _run(stage)

    assert stage.service.kills_fired == 1
    assert_rolled_back(stage, job, point.before)


@_all(_commit, COMMIT, KINDS)
def test_a_single_fault_in_a_commit_ends_right(point: Departure, case: Case) -> None:
    stage, job = point.go_on()
    stage.simulator.faults.add(case.fault_at(point.nth))

    _run(stage)

    assert stage.simulator.faults.fired, "the fault never took place"
    if case.kind == "hang":
        assert_waits_for_operator(job, kind="endless_job")
    else:
        assert_committed(stage, job)


@_all(_commit, COMMIT, MOMENTS)
def test_a_worker_killed_in_a_commit_changes_nothing(point: Departure, case: Case) -> None:
    stage, job = point.go_on()
    stage.service.kill_at(case.command, nth=point.nth, moment=case.kind)

    _run(stage)

    assert stage.service.kills_fired == 1
    assert_committed(stage, job)
