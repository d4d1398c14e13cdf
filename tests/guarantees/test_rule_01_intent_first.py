"""Rule 1: the attempt with its command, arguments and async job id is committed before the call."""

from __future__ import annotations

import uuid

import pytest

from inventory.models import HoldMethod
from jobs.models import AttemptState, Outcome, StepAttempt
from tests.support.ends_of_tests import assert_in_window, assert_removed
from tests.support.scenes import scene
from tests.support.telling import carry_on, count_of
from tests.support.worlds import remember

pytestmark = pytest.mark.django_db


@pytest.mark.slow
@pytest.mark.parametrize("command", ["createSnapshot", "deployVirtualMachine", "createVolume", "startVirtualMachine"])
def test_a_process_that_dies_before_its_call_has_left_the_intent_with_a_fresh_job_id(command: str) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-one")
    stage.service.kill_at(command, moment="before")

    stage.service.run(until=lambda: stage.service.kills_fired == 1)

    assert count_of(stage, command) == 0
    intended = StepAttempt.objects.get(state=AttemptState.INTENDED)
    assert str(uuid.UUID(intended.async_job_id)) == intended.async_job_id
    assert intended.step.arguments
    carry_on(stage)
    assert_in_window(stage, job, before)
    assert count_of(stage, command) == 1


def test_every_changing_call_of_a_test_and_its_cleanup_was_intended_and_no_id_was_used_twice() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-three")
    carry_on(stage)
    stage.service.clean_up(job)
    carry_on(stage)

    assert_removed(stage, job, before, outcome=Outcome.SUCCEEDED)
    made = [call for call in stage.simulator.calls.mutating() if call.customjobid]
    intents = {row.async_job_id: row for row in StepAttempt.objects.all()}
    for call in made:
        # The database keeps microseconds, the virtual clock finer fractions.
        assert intents[str(call.customjobid)].intent_at.timestamp() <= call.at + 1e-5
