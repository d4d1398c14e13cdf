"""Rule 3: what exists under our name is adopted after a comparison; a second one is never made beside it."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from inventory.models import HoldMethod
from tests.support.ends_of_tests import assert_in_window
from tests.support.scenes import scene
from tests.support.telling import carry_on, count_of
from tests.support.worlds import remember

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("command", ["createSnapshot", "deployVirtualMachine", "createVolume"])
@pytest.mark.parametrize("kind", ["lost_answer", "restart", "late"])
def test_a_create_whose_answer_is_lost_makes_no_second_thing(command: str, kind: str) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault(command, kind, seconds=20.0 if kind == "late" else 0.0))  # type: ignore[arg-type]
    job = stage.service.start_test("vm-one")

    carry_on(stage)

    # One VM, one copy and one snapshot, all that a test of one disk needs.
    assert_in_window(stage, job, before)


@pytest.mark.parametrize("command", ["createSnapshot", "deployVirtualMachine", "createVolume"])
def test_a_process_that_dies_after_a_create_leaves_what_the_next_one_adopts(command: str) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    stage.service.kill_at(command, moment="after")
    job = stage.service.start_test("vm-one")

    carry_on(stage)

    assert_in_window(stage, job, before)
    assert count_of(stage, command) == 1
