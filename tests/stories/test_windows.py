"""What may happen while a test VM runs: the service dies, clocks jump, a live failover comes, nobody cleans up."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from inventory.models import HoldMethod
from jobs.models import JobState, Outcome, Phase, PlanKind
from tests.support.ends_of_tests import assert_in_window, assert_removed, ours
from tests.support.scenes import Scene, scene
from tests.support.telling import carry_on, count_of, for_seconds, until_done, until_ended, without_service
from tests.support.worlds import assert_failed_over, remember
from validation.errors import NotReady

pytestmark = pytest.mark.django_db

STRATEGIES = ("clone", "detached_clone", "boot_and_revert")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_restart_in_the_window_changes_neither_the_test_nor_its_end(strategy: str) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    job = stage.service.start_test(
        "vm-two", window_seconds=600, auto_cleanup=True, custom_config={"test_strategy": strategy}
    )
    carry_on(stage)
    job.refresh_from_db()
    ends = job.window_ends_at

    without_service(stage, 120.0)
    for_seconds(stage, 60.0)

    assert_in_window(stage, job, before)
    assert job.window_ends_at == ends
    until_ended(stage, job)
    assert ends is not None
    assert ends.timestamp() <= stage.simulator.clock.now() < ends.timestamp() + 60.0
    assert_removed(stage, job, before, outcome=Outcome.SUCCEEDED)


def test_a_ring_in_the_window_does_not_end_it() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-one", window_seconds=600, auto_cleanup=True)
    carry_on(stage)

    for phase in Phase.values:
        stage.service.bell.ring(job_id=job.pk, phase=phase)
    for_seconds(stage, 60.0)

    assert_in_window(stage, job, before)
    assert not job.plans.filter(kind=PlanKind.CLEANUP).exists()


def test_a_window_runs_from_the_moment_the_vm_was_seen_running() -> None:
    stage = scene()
    stage.simulator.faults.add(Fault("startVirtualMachine", "slow", seconds=300.0))

    job = stage.service.start_test("vm-one", window_seconds=900)
    carry_on(stage)

    job.refresh_from_db()
    assert job.window_opened_at is not None
    assert job.window_ends_at is not None
    assert job.window_opened_at.timestamp() == pytest.approx(stage.simulator.clock.now(), abs=5.0)
    assert (job.window_opened_at - job.created_at).total_seconds() > 300.0
    assert (job.window_ends_at - job.window_opened_at).total_seconds() == 900.0


def test_a_window_that_ends_while_the_service_is_down_is_cleaned_up_once_after_its_return() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-one", window_seconds=600, auto_cleanup=True)
    carry_on(stage)

    without_service(stage, 3 * 3600.0)
    until_ended(stage, job)
    for_seconds(stage, 3600.0)

    assert_removed(stage, job, before, outcome=Outcome.SUCCEEDED)
    assert job.plans.filter(kind=PlanKind.CLEANUP).count() == 1
    assert count_of(stage, "destroyVirtualMachine") == 1


@pytest.mark.slow
def test_a_clock_that_jumps_ahead_ends_the_window_early_but_little_is_sent_until_it_is_right_again() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-one", window_seconds=600, auto_cleanup=True)
    carry_on(stage)
    made = len(stage.simulator.calls.mutating())

    stage.service.clock.ahead = 7200.0
    for_seconds(stage, 300.0)
    # The newest three of five answers must tell of it; until then a call may pass.
    assert len(stage.simulator.calls.mutating()) <= made + 1
    assert job.plans.get(kind=PlanKind.CLEANUP).steps.filter(reason__contains="s off ours").exists()

    stage.service.clock.ahead = 0.0
    until_ended(stage, job)
    assert_removed(stage, job, before, outcome=Outcome.SUCCEEDED)
    assert count_of(stage, "destroyVirtualMachine") == 1


def test_a_clock_that_jumps_back_makes_the_window_longer_and_nothing_worse() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-one", window_seconds=600, auto_cleanup=True)
    carry_on(stage)

    stage.service.clock.ahead = -7200.0
    for_seconds(stage, 3600.0)
    assert_in_window(stage, job, before)

    stage.service.clock.ahead = 0.0
    until_ended(stage, job)
    assert_removed(stage, job, before, outcome=Outcome.SUCCEEDED)
    assert job.plans.filter(kind=PlanKind.CLEANUP).count() == 1


def test_a_test_that_nobody_cleans_up_is_called_overdue_and_left_alone_until_somebody_asks() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-one", window_seconds=600)
    carry_on(stage)

    for_seconds(stage, 3 * 3600.0)

    assert_in_window(stage, job, before)
    assert job.overdue_since is not None
    assert job.events.filter(kind="overdue").count() == 1
    stage.service.clean_up(job)
    carry_on(stage)
    assert_removed(stage, job, before, outcome=Outcome.SUCCEEDED)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["clone", "detached_clone"])
def test_a_live_failover_during_the_window_and_the_test_do_not_touch_each_other(strategy: str) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    test = stage.service.start_test("vm-two", window_seconds=3600, custom_config={"test_strategy": strategy})
    carry_on(stage)

    live = stage.service.start_live("vm-two")
    until_ended(stage, live)
    assert test.plans.filter(kind=PlanKind.CLEANUP).count() == 0
    test.refresh_from_db()
    assert test.state == JobState.WINDOW_OPEN
    stage.service.clean_up(test)
    carry_on(stage)

    test.refresh_from_db()
    assert test.outcome == Outcome.SUCCEEDED
    assert ours(stage, test) == set()
    # All that is left is the live failover, as if no test had ever been.
    assert_failed_over(stage.simulator, live, before)
    assert stage.hook.held == {"vm-two": live.job_id}


@pytest.mark.slow
def test_a_live_failover_half_done_when_the_test_is_cleaned_up_ends_right() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    test = stage.service.start_test("vm-two", window_seconds=3600)
    carry_on(stage)

    live = stage.service.start_live("vm-two")
    until_done(stage, live, "snapshot-disk0")
    stage.service.clean_up(test)
    carry_on(stage)

    assert ours(stage, test) == set()
    assert_failed_over(stage.simulator, live, before)


def test_no_live_failover_starts_while_a_test_runs_on_the_replicas() -> None:
    stage = scene()
    stage.service.start_test("vm-one", custom_config={"test_strategy": "boot_and_revert"})
    carry_on(stage)

    with pytest.raises(NotReady, match="active failover job"):
        stage.service.start_live("vm-one")


@pytest.mark.slow
def test_names_of_a_test_and_a_live_failover_of_one_vm_never_collide() -> None:
    stage = scene()
    there = set(_names(stage))
    stage.service.start_test("vm-three", window_seconds=3600)
    carry_on(stage)
    stage.service.start_live("vm-three")
    carry_on(stage)

    made = [name.lower() for name in _names(stage) if name not in there]
    assert len(made) == len(set(made)) == 2 + 3 + 3 + 3  # VMs, the test's copies, the snapshots of both


def _names(stage: Scene) -> list[str]:
    """Give the names of everything in the cloud."""
    simulator = stage.simulator
    machines, volumes, snapshots = simulator.vms(), simulator.volumes(), simulator.snapshots()
    return [*(vm.name for vm in machines), *(row.name for row in volumes), *(row.name for row in snapshots)]
