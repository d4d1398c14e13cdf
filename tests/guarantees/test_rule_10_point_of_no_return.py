"""Rule 10: until the start is ordered all is undone by itself; after it only a person turns a live failover back."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from inventory.models import HoldMethod, ReplicaState, ReplicaVolume
from jobs import services
from jobs.errors import CannotCancel
from jobs.models import FailoverJob, Outcome
from tests.support.ends_of_tests import assert_removed
from tests.support.scenes import scene
from tests.support.telling import answer, carry_on
from tests.support.worlds import assert_all_back, assert_waits_for_operator, remember

pytestmark = pytest.mark.django_db


def test_a_live_failover_whose_start_was_ordered_is_not_cancelled() -> None:
    stage = scene()
    job = stage.service.start_live("vm-one")
    stage.service.run(until=lambda: FailoverJob.objects.filter(point_of_no_return_at__isnull=False).exists())

    with pytest.raises(CannotCancel):
        services.cancel(engine=stage.service.engine, job_id=job.job_id, actor="olga")


def test_a_live_failover_whose_start_was_refused_is_undone_by_itself() -> None:
    stage = scene()
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("startVirtualMachine", "refuse"))
    job = stage.service.start_live("vm-two")

    carry_on(stage)

    assert_all_back(stage.simulator, job, before, outcome=Outcome.FAILED)


def test_a_live_failover_whose_start_failed_waits_for_a_person() -> None:
    stage = scene()
    stage.simulator.faults.add(Fault("startVirtualMachine", "fail", times=3))
    job = stage.service.start_live("vm-two")

    carry_on(stage)

    assert_waits_for_operator(job, kind="failed_start")


@pytest.mark.parametrize("retries", [0, 1])
def test_a_start_that_was_refused_after_one_that_failed_waits_for_a_person_all_the_same(retries: int) -> None:
    stage = scene()
    failures = 1 + 2 * retries
    stage.simulator.faults.add(Fault("startVirtualMachine", "fail", times=failures))
    stage.simulator.faults.add(Fault("startVirtualMachine", "refuse", nth=failures + 1))
    job = stage.service.start_live("vm-two")
    carry_on(stage)
    for _ in range(retries):
        answer(stage, job, "retry")
        carry_on(stage)

    assert_waits_for_operator(job, kind="failed_start")
    with pytest.raises(CannotCancel):
        services.cancel(engine=stage.service.engine, job_id=job.job_id, actor="olga")

    answer(stage, job, "undo")
    carry_on(stage)

    states = ReplicaVolume.objects.filter(disk__vm__vm_id="vm-two").values_list("state", flat=True)
    assert set(states) == {ReplicaState.UNVERIFIED}, "the VM may have written while the first start was tried"


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["clone", "detached_clone", "boot_and_revert"])
def test_a_test_has_no_point_of_no_return(strategy: str) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    before = remember(stage.simulator)
    stage.simulator.faults.add(Fault("startVirtualMachine", "fail", times=3))
    job = stage.service.start_test("vm-one", custom_config={"test_strategy": strategy})

    carry_on(stage)

    assert_removed(stage, job, before, outcome=Outcome.FAILED)
