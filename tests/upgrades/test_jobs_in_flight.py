"""A job that is under way under one release goes on under the next, whatever step it is in, and ends right."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cloudstack_simulator import Fault
from inventory.models import HoldMethod
from jobs import verbs
from jobs.models import FailoverJob, Outcome, Plan, PlanKind, Step, StepState
from jobs.plans.specification import Strategy
from tests.support.checkpoints import Checkpoint, kept
from tests.support.ends_of_rollbacks import assert_committed, assert_rolled_back
from tests.support.ends_of_tests import assert_in_window, assert_removed
from tests.support.scenes import Scene, scene
from tests.support.telling import answer
from tests.support.worlds import (
    Before,
    assert_all_back,
    assert_failed_over,
    assert_journal_agrees,
    assert_never_harmed,
    assert_waits_for_operator,
    remember,
)
from tests.upgrades.releases import FORGETFUL_RELEASE, NEXT_RELEASE, Release

# The engine and what it loads are the same on every database.
pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.any_database]

Judge = Callable[[Scene, FailoverJob, Before], None]
TESTS = ((Strategy.CLONE, "vm-two"), (Strategy.DETACHED_CLONE, "vm-one"), (Strategy.BOOT_AND_REVERT, "vm-two"))
each_strategy = pytest.mark.parametrize(("strategy", "vm_id"), TESTS, ids=[row[0].value for row in TESTS])


def _begun(vm_id: str, strategy: Strategy | None = None) -> Checkpoint:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    if strategy is None:
        job = stage.service.start_live(vm_id)
    else:
        job = stage.service.start_test(vm_id, custom_config={"test_strategy": strategy.value})
    return Checkpoint(stage, job.pk, before)


def _upgrade(stage: Scene, release: Release) -> None:
    """End the old process and start one of the release: it knows what the database holds and nothing else."""
    stage.service.end_process()
    stage.service.catalogue = release
    stage.service.start_process()


def _run(stage: Scene) -> None:
    stage.service.run(at_each_step=lambda: assert_never_harmed(stage.simulator))
    assert_journal_agrees(stage.simulator)


def _upgrade_at_every_step(point: Checkpoint, kind: PlanKind, judge: Judge) -> None:
    """Run the plan to its end, and whenever a step of it began or ended run the rest of it under the next release."""
    seen: set[tuple[tuple[str, str], ...]] = set()

    def upgrade_here() -> None:
        steps = dict(Step.objects.filter(plan__job=point.job_id, plan__kind=kind).values_list("key", "state"))
        states = tuple(sorted(steps.items()))
        if not steps or states in seen:
            return
        seen.add(states)
        with kept(lambda: Checkpoint(point.stage, point.job_id, point.before)) as here:
            stage, job = here.go_on()
            _upgrade(stage, NEXT_RELEASE)
            _run(stage)
            judge(stage, job, here.before)

    point.stage.service.run(at_each_step=upgrade_here)
    judge(point.stage, FailoverJob.objects.get(pk=point.job_id), point.before)
    steps = Step.objects.filter(plan__job=point.job_id, plan__kind=kind)
    assert _in_state(StepState.DONE, seen) == {step.key for step in steps}
    # A step whose call the cloud answers at once begins and ends in one moment.
    lasting = {step.key for step in steps if any(one.answer.get("kind") == "succeeded" for one in step.attempts.all())}
    assert lasting
    assert lasting <= _in_state(StepState.RUNNING, seen)


def _in_state(state: StepState, seen: set[tuple[tuple[str, str], ...]]) -> set[str]:
    """Give the steps that were in that state when the release changed."""
    return {key for states in seen for key, its in states if its == state}


def _until_undone(point: Checkpoint, fault: Fault) -> None:
    """Lead to where the undo was planned."""
    point.stage.simulator.faults.add(fault)
    point.stage.service.run(
        until=lambda: Plan.objects.filter(job=point.job_id, kind=PlanKind.COMPENSATE).exists(),
    )


def test_a_live_failover_goes_on_under_the_next_release_from_every_step() -> None:
    def judge(stage: Scene, job: FailoverJob, before: Before) -> None:
        assert_failed_over(stage.simulator, job, before)

    _upgrade_at_every_step(_begun("vm-two"), PlanKind.FORWARD, judge)


@each_strategy
def test_a_test_failover_goes_on_under_the_next_release_from_every_step(strategy: Strategy, vm_id: str) -> None:
    _upgrade_at_every_step(_begun(vm_id, strategy), PlanKind.FORWARD, assert_in_window)


@each_strategy
def test_a_cleanup_goes_on_under_the_next_release_from_every_step(strategy: Strategy, vm_id: str) -> None:
    point = _begun(vm_id, strategy)
    point.stage.service.run()
    point.stage.service.clean_up(FailoverJob.objects.get(pk=point.job_id))

    def judge(stage: Scene, job: FailoverJob, before: Before) -> None:
        assert_removed(stage, job, before, outcome=Outcome.SUCCEEDED)

    _upgrade_at_every_step(point, PlanKind.CLEANUP, judge)


def test_the_undo_of_a_live_failover_goes_on_under_the_next_release_from_every_step() -> None:
    point = _begun("vm-two")
    _until_undone(point, Fault("startVirtualMachine", "refuse"))

    def judge(stage: Scene, job: FailoverJob, before: Before) -> None:
        assert_all_back(stage.simulator, job, before, outcome=Outcome.FAILED)

    _upgrade_at_every_step(point, PlanKind.COMPENSATE, judge)


@each_strategy
def test_the_undo_of_a_test_goes_on_under_the_next_release_from_every_step(strategy: Strategy, vm_id: str) -> None:
    point = _begun(vm_id, strategy)
    _until_undone(point, Fault("startVirtualMachine", "fail", times=3))

    def judge(stage: Scene, job: FailoverJob, before: Before) -> None:
        assert_removed(stage, job, before, outcome=Outcome.FAILED)

    _upgrade_at_every_step(point, PlanKind.COMPENSATE, judge)


def test_a_rollback_goes_on_under_the_next_release_from_every_step() -> None:
    point = _begun("vm-two")
    point.stage.service.run()
    job = FailoverJob.objects.get(pk=point.job_id)
    verbs.roll_back(engine=point.stage.service.engine, job_id=job.job_id, typed_name=job.vm_name, actor="olga")

    _upgrade_at_every_step(point, PlanKind.ROLLBACK, assert_rolled_back)


def test_a_commit_goes_on_under_the_next_release_from_every_step() -> None:
    point = _begun("vm-two")
    point.stage.service.run()
    job = FailoverJob.objects.get(pk=point.job_id)
    verbs.commit(engine=point.stage.service.engine, job_id=job.job_id, actor="olga")

    _upgrade_at_every_step(point, PlanKind.COMMIT, lambda stage, job, _: assert_committed(stage, job))


def test_a_release_that_forgot_a_version_stops_at_the_step_and_the_right_one_goes_on() -> None:
    point = _begun("vm-one")
    stage, job = point.stage, FailoverJob.objects.get(pk=point.job_id)
    stage.service.run(until=lambda: stage.simulator.calls.count("createSnapshot") == 1)

    _upgrade(stage, FORGETFUL_RELEASE)
    _run(stage)
    assert_waits_for_operator(job, kind="defect")
    calls = len(stage.simulator.calls.mutating())

    _upgrade(stage, NEXT_RELEASE)
    answer(stage, job, "look_again")
    _run(stage)

    assert len(stage.simulator.calls.mutating()) > calls
    assert_failed_over(stage.simulator, job, point.before)
