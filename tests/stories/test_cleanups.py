"""How tests end: at any moment, twice, half-done, without the right to expunge, against what cannot be removed."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from inventory.models import HoldMethod
from jobs.errors import CannotCleanUp
from jobs.leftovers import left_behind
from jobs.models import JobState, Outcome, PlanKind, StepState
from tests.support.choices import hang_the_copy_elsewhere
from tests.support.ends_of_tests import assert_removed, ours
from tests.support.first_everywhere import first_everywhere
from tests.support.scenes import scene
from tests.support.telling import answer, carry_on, count_of, until_called
from tests.support.worlds import assert_waits_for_operator, remember

pytestmark = pytest.mark.django_db

STRATEGIES = ("clone", "detached_clone", "boot_and_revert")
CALLED = ("createSnapshot", "deployVirtualMachine", "attachVolume", "startVirtualMachine")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("called", first_everywhere(CALLED))
def test_a_cleanup_while_the_test_is_still_made_stops_it_and_undoes_it(strategy: str, called: str) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-one", custom_config={"test_strategy": strategy})
    until_called(stage, called)

    stage.service.clean_up(job)
    carry_on(stage)

    assert_removed(stage, job, before, outcome=Outcome.CANCELLED)


def test_a_cleanup_before_the_first_step_changes_nothing_in_the_cloud() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-one")

    stage.service.clean_up(job)
    carry_on(stage)

    assert_removed(stage, job, before, outcome=Outcome.CANCELLED)
    assert stage.simulator.calls.mutating() == []


def test_two_cleanups_at_once_are_one() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-two")
    carry_on(stage)

    stage.service.clean_up(job)
    stage.service.clean_up(job)
    until_called(stage, "stopVirtualMachine")
    stage.service.clean_up(job)
    carry_on(stage)

    assert_removed(stage, job, before, outcome=Outcome.SUCCEEDED)
    assert job.plans.filter(kind=PlanKind.CLEANUP).count() == 1
    assert (count_of(stage, "stopVirtualMachine"), count_of(stage, "destroyVirtualMachine")) == (1, 1)


def test_a_second_cleanup_while_the_first_is_undoing_changes_nothing() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-two")
    until_called(stage, "attachVolume")

    stage.service.clean_up(job)
    stage.service.clean_up(job)
    until_called(stage, "destroyVirtualMachine")
    stage.service.clean_up(job)
    carry_on(stage)

    assert_removed(stage, job, before, outcome=Outcome.CANCELLED)
    assert job.plans.filter(kind=PlanKind.COMPENSATE).count() == 1
    assert job.plans.filter(kind=PlanKind.CLEANUP).count() == 0


def test_a_test_that_left_nothing_has_nothing_to_clean_up() -> None:
    stage = scene()
    job = stage.service.start_test("vm-one")
    carry_on(stage)
    stage.service.clean_up(job)
    carry_on(stage)

    with pytest.raises(CannotCleanUp):
        stage.service.clean_up(job)


def test_a_failed_test_that_was_undone_has_nothing_to_clean_up() -> None:
    stage = scene()
    stage.simulator.faults.add(Fault("startVirtualMachine", "refuse"))
    job = stage.service.start_test("vm-one")
    carry_on(stage)

    with pytest.raises(CannotCleanUp):
        stage.service.clean_up(job)


def test_a_live_failover_is_never_cleaned_up() -> None:
    stage = scene()
    job = stage.service.start_live("vm-one")
    carry_on(stage)

    with pytest.raises(CannotCleanUp):
        stage.service.clean_up(job)


def test_a_key_that_may_not_expunge_says_that_expunge_is_pending() -> None:
    stage = scene(expunge_allowed=False)
    job = stage.service.start_test("vm-one")
    carry_on(stage)
    stage.service.clean_up(job)
    carry_on(stage)

    job.refresh_from_db()
    assert job.outcome == Outcome.SUCCEEDED
    removal = job.plans.get(kind=PlanKind.CLEANUP).steps.get(key="undo-deploy")
    assert removal.result == {"expunge_pending": True}
    destroyed = next(call for call in stage.simulator.calls.mutating() if call.command == "destroyVirtualMachine")
    assert destroyed.params.get("expunge", "false") == "false"
    test_vm = stage.simulator.vm(job.destination_vm_id)
    assert test_vm is not None
    assert (test_vm.state, dict(test_vm.volumes)) == ("Destroyed", {})
    assert ours(stage, job) == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("destroyVirtualMachine", "undo-deploy"),
        ("deleteVolume", "undo-clone-disk0"),
        ("deleteSnapshot", "undo-snapshot-disk0"),
    ],
)
def test_what_cannot_be_removed_becomes_a_question_is_listed_and_goes_at_the_next_cleanup(
    command: str, what: str
) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-one")
    carry_on(stage)
    stage.simulator.faults.add(Fault(command, "refuse", times=1000))

    stage.service.clean_up(job)
    carry_on(stage)
    assert_waits_for_operator(job, kind="undo_step")
    answer(stage, job, "skip")
    carry_on(stage)

    job.refresh_from_db()
    assert job.state == JobState.FINISHED
    assert [entry["step"] for entry in left_behind(job)] == [what]
    assert len(ours(stage, job)) == 1
    stage.simulator.faults.clear()
    stage.service.clean_up(job)
    carry_on(stage)
    assert_removed(stage, job, before, outcome=Outcome.SUCCEEDED)
    assert left_behind(job) == []
    with pytest.raises(CannotCleanUp):
        stage.service.clean_up(job)


def test_a_copy_that_somebody_hung_elsewhere_is_asked_about_and_never_torn_off() -> None:
    stage = scene()
    job = stage.service.start_test("vm-one")
    carry_on(stage)

    copy_id, appliance = hang_the_copy_elsewhere(stage, job)

    assert_waits_for_operator(job, kind="unseen_success")
    kept = stage.simulator.volume(copy_id)
    assert kept is not None
    assert kept.vm_id == appliance


def test_a_question_in_the_cleanup_is_listed_until_the_step_is_tried_again_and_done() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-one")
    carry_on(stage)
    stage.simulator.faults.add(Fault("deleteSnapshot", "refuse", times=1000))
    stage.service.clean_up(job)
    carry_on(stage)
    assert_waits_for_operator(job, kind="undo_step")

    stage.simulator.faults.clear()
    answer(stage, job, "retry")
    carry_on(stage)

    assert_removed(stage, job, before, outcome=Outcome.SUCCEEDED)
    assert not job.plans.get(kind=PlanKind.CLEANUP).steps.exclude(state=StepState.DONE).exists()
