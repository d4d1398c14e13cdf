"""Rule 7: snapshots and copies cover every disk at one point, or none is kept."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from inventory.models import HoldMethod
from jobs.models import Outcome
from tests.support.ends_of_tests import assert_removed
from tests.support.first_everywhere import first_everywhere
from tests.support.scenes import scene
from tests.support.service import describe
from tests.support.telling import carry_on, count_of
from tests.support.worlds import remember

pytestmark = pytest.mark.django_db


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["clone", "detached_clone", "boot_and_revert"])
@pytest.mark.parametrize("nth", first_everywhere([2, 1, 3]))
def test_one_snapshot_of_three_that_cannot_be_taken_undoes_the_set(strategy: str, nth: int) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("createSnapshot", "refuse", nth=nth))
    job = stage.service.start_test("vm-three", custom_config={"test_strategy": strategy})

    carry_on(stage)

    assert_removed(stage, job, before, outcome=Outcome.FAILED)
    assert count_of(stage, "createVolume") == count_of(stage, "startVirtualMachine") == 0


def test_replication_is_held_while_the_set_is_cut_and_let_go_after_it() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    seen: set[bool] = set()
    stage.service.start_test("vm-three")

    def look() -> None:
        if count_of(stage, "createSnapshot") and not count_of(stage, "createVolume"):
            seen.add("vm-three" in stage.hook.held)

    stage.service.run(at_each_step=look)

    assert seen == {True}
    assert stage.hook.held == {}


def test_a_vm_is_not_started_when_somebody_took_a_disk_off_it() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    job = stage.service.start_live("vm-two")
    # The first disk was seen to hang on the VM, and nobody looks at it again before the start.
    stage.service.run(until=lambda: count_of(stage, "attachVolume") == 2)
    target = next(vm for vm in stage.simulator.vms() if job.marker in vm.name)
    stage.simulator.call("detachVolume", id=target.volumes[0])
    stage.service.clock.stepped.advance(30.0)

    stage.service.run()

    job.refresh_from_db()
    assert job.outcome == Outcome.FAILED, describe(job)
    assert "but should be" in job.error_message
    assert count_of(stage, "startVirtualMachine") == 0
