"""Two people press at once: one retries a failover that was left, the other has it undone while the cloud is read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cloudstack import Answer
from inventory.models import TargetCloud
from jobs import verbs
from jobs.errors import CannotRetry
from jobs.models import FailoverJob, Outcome, PlanKind, PlanState
from jobs.retries import retry
from tests.support.choices import by_hand
from tests.support.scenes import Scene, scene
from tests.support.service import KillingLine, describe
from tests.support.telling import answer, carry_on, until_called
from tests.support.worlds import assert_others_untouched, assert_released, remember

pytestmark = pytest.mark.django_db


class _Meanwhile(KillingLine):
    """Lets somebody else act once, while the first answer is on its way."""

    def __init__(self, stage: Scene, act: Callable[[], object]) -> None:
        super().__init__(stage.simulator, stage.service)
        self._act: Callable[[], object] | None = act

    def post(self, form: bytes, *, timeout: float, max_answer_bytes: int) -> Answer:
        heard = super().post(form, timeout=timeout, max_answer_bytes=max_answer_bytes)
        act, self._act = self._act, None
        if act is not None:
            act()
        return heard


def _left(stage: Scene) -> FailoverJob:
    """Leave a failover whose target a stranger started before it had its disks."""
    job = stage.service.start_live("vm-one")
    until_called(stage, "deployVirtualMachine")
    stage.service.clock.stepped.advance(5.0)
    target = next(vm for vm in stage.simulator.vms() if vm.name.startswith("one-"))
    by_hand(stage, "startVirtualMachine", id=target.id)
    carry_on(stage)
    answer(stage, job, "leave")
    carry_on(stage)
    by_hand(stage, "stopVirtualMachine", id=target.id, forced="true")
    return job


def test_a_failover_that_another_has_undone_meanwhile_is_not_gone_on_with() -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = _left(stage)

    def undo() -> None:
        verbs.roll_back(engine=stage.service.engine, job_id=job.job_id, typed_name=job.vm_name, actor="otto")
        carry_on(stage)

    stage.service.lead(TargetCloud.objects.get(), _Meanwhile(stage, undo))
    stage.service.clock.stepped.advance(10.0)
    with pytest.raises(CannotRetry, match="in the same moment"):
        retry(engine=stage.service.engine, gateways=stage.service.gateway, job_id=job.job_id, actor="olga")

    job.refresh_from_db()
    assert job.outcome == Outcome.FAILED, describe(job)
    assert_others_untouched(stage.simulator, before, but=())
    assert_released(job)
    assert job.plans.get(kind=PlanKind.FORWARD).state == PlanState.FAILED
