"""How a test stays off production while networks change sides around it."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from inventory.models import HoldMethod
from jobs.models import FailoverJob, Outcome
from networks.models import NetworkDesignation, NetworkMapping
from tests.support.ends_of_tests import assert_in_window, assert_removed
from tests.support.scenes import scene
from tests.support.telling import carry_on, count_of, until_called
from tests.support.worlds import remember

pytestmark = pytest.mark.django_db


@pytest.mark.slow
def test_a_network_that_becomes_production_between_start_and_deploy_gets_no_test_vm() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    # The first deploy is sent away, so that the hand comes between the checks and the deploy that counts.
    stage.simulator.faults.add(Fault("deployVirtualMachine", "refuse", error_code=503, text="try again later"))
    job = stage.service.start_test("vm-two")
    until_called(stage, "deployVirtualMachine")

    _turn_into_production(job)
    carry_on(stage)

    assert_removed(stage, job, before, outcome=Outcome.FAILED)
    assert "not known as a test network" in job.error_message
    assert count_of(stage, "deployVirtualMachine") == 1


def test_a_network_that_becomes_production_during_the_window_does_not_keep_the_test_from_its_cleanup() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    job = stage.service.start_test("vm-two")
    carry_on(stage)
    assert_in_window(stage, job, before)

    _turn_into_production(job)
    stage.service.clean_up(job)
    carry_on(stage)

    assert_removed(stage, job, before, outcome=Outcome.SUCCEEDED)


def _turn_into_production(job: FailoverJob) -> None:
    """Change the rows as a foreign hand would, past every door."""
    networks = [nic["network_id"].lower() for nic in job.specification["nics"]]
    NetworkMapping.objects.filter(is_test_network=False).delete()
    NetworkMapping.objects.filter(is_test_network=True).update(is_test_network=False)
    assert NetworkDesignation.objects.filter(network_id__in=networks).update(is_test_network=False)
