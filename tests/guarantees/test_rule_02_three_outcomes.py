"""Rule 2: an attempt is done, not done, or unknown; only what surely was not done is sent again."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from inventory.models import HoldMethod
from jobs.models import AttemptState, StepAttempt
from tests.support.ends_of_tests import assert_in_window
from tests.support.scenes import scene
from tests.support.telling import carry_on, count_of
from tests.support.worlds import remember

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("command", ["createVolume", "attachVolume", "startVirtualMachine"])
def test_a_failed_job_whose_work_was_done_is_not_sent_again(command: str) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault(command, "done_then_fail"))
    job = stage.service.start_test("vm-one")

    carry_on(stage)

    assert_in_window(stage, job, before)
    assert count_of(stage, command) == 1


@pytest.mark.parametrize("command", ["createVolume", "attachVolume", "startVirtualMachine"])
def test_a_failed_job_is_sent_again_only_after_two_readings_apart_saw_no_effect(command: str) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault(command, "fail"))
    job = stage.service.start_test("vm-one")

    carry_on(stage)

    assert_in_window(stage, job, before)
    assert count_of(stage, command) == 2
    failed = StepAttempt.objects.get(state=AttemptState.NOT_DONE)
    assert [reading["sight"] for reading in failed.readings[-2:]] == ["absent", "absent"]
    first, second = [call.at for call in stage.simulator.calls.mutating() if call.command == command]
    rules = stage.service.engine.rules
    assert second - first >= rules.settle_after_failure + rules.gap_after_failure


def test_a_revert_that_was_refused_is_not_taken_for_done() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-one", custom_config={"test_strategy": "boot_and_revert"})
    carry_on(stage)
    stage.simulator.faults.add(Fault("revertSnapshot", "refuse"))

    stage.service.clean_up(job)
    carry_on(stage)

    assert count_of(stage, "revertSnapshot") == 2
    replica = stage.simulator.volume(job.specification["disks"][0]["volume_id"])
    assert replica is not None
    assert replica.content == before.contents[replica.id]
