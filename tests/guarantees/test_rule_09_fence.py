"""Rule 9: a request that was delayed beyond its deadline does nothing."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from inventory.models import HoldMethod
from tests.support.ends_of_tests import assert_in_window
from tests.support.scenes import scene
from tests.support.telling import carry_on
from tests.support.worlds import remember

pytestmark = pytest.mark.django_db


@pytest.mark.slow
@pytest.mark.parametrize("command", ["createSnapshot", "deployVirtualMachine", "createVolume", "attachVolume"])
def test_a_request_that_arrives_after_its_deadline_changes_nothing(command: str) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    late = stage.service.engine.rules.fence + 12.0
    stage.simulator.faults.add(Fault(command, "late", seconds=late))
    job = stage.service.start_test("vm-one")

    carry_on(stage)

    assert stage.simulator.faults.fired
    assert_in_window(stage, job, before)
