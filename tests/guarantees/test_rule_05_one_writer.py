"""Rule 5: one moving job per VM, one unfinished async job per volume, one hot-plug at a time per appliance."""

from __future__ import annotations

import itertools

import pytest

from inventory.models import HoldMethod
from jobs.errors import ActiveJob
from jobs.models import FailoverJob, JobEvent, JobState, Reservation, Step, StepAttempt
from tests.support.scenes import scene
from tests.support.telling import carry_on

pytestmark = pytest.mark.django_db


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["clone", "detached_clone"])
def test_what_is_done_to_one_appliance_is_done_one_after_the_other(strategy: str) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    for vm in ("vm-one", "vm-two", "vm-three"):
        stage.service.start_test(vm, custom_config={"test_strategy": strategy})

    carry_on(stage)

    assert set(FailoverJob.objects.values_list("state", flat=True)) == {JobState.WINDOW_OPEN}
    hot = {"detach_from_appliance", "return_to_appliance"} | ({"take_snapshot"} if strategy == "clone" else set())
    spans = sorted(
        (attempt.intent_at, attempt.ended_at)
        for attempt in StepAttempt.objects.filter(step__command__in=hot)
        if attempt.ended_at is not None
    )
    assert len(spans) >= 6
    for (_, ended), (begun, _) in itertools.pairwise(spans):
        assert ended <= begun


@pytest.mark.parametrize("first", ["live", "test"])
@pytest.mark.parametrize("second", ["live", "test"])
def test_a_vm_that_is_being_worked_on_is_not_given_to_a_second_job(first: str, second: str) -> None:
    stage = scene()
    start = {"live": stage.service.start_live, "test": stage.service.start_test}
    holder = start[first]("vm-one")

    with pytest.raises(ActiveJob, match=holder.job_id):
        start[second]("vm-one")

    assert FailoverJob.objects.count() == 1


def test_a_step_that_queues_says_for_what_and_which_job_has_it() -> None:
    stage = scene()
    for vm in ("vm-one", "vm-two"):
        stage.service.start_live(vm)
    waiting = Step.objects.exclude(waiting_for="")

    stage.service.run(until=waiting.exists)

    for step in waiting:
        holder = Reservation.objects.get(resource=step.waiting_for).job
        assert step.reason == f"Waits for {step.waiting_for}, which {holder.job_id} uses just now."
    stage.service.run()
    assert not JobEvent.objects.filter(kind="defect").exists()
