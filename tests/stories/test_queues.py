"""Many failovers are asked for at once, and cloud or appliance take only so many: the others queue and say so."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from inventory.models import Appliance, TargetCloud
from jobs import services
from jobs.models import FailoverJob, JobState, Outcome, Priority
from jobs.presentation import status_body
from jobs.queue import place_of
from tests.support.scenes import Scene, scene
from tests.support.telling import carry_on

pytestmark = pytest.mark.django_db


def _started(stage: Scene, vm_id: str, *, priority: Priority = Priority.NORMAL) -> FailoverJob:
    return stage.service.start_live(vm_id, priority=priority)


def _running_at_once(stage: Scene) -> int:
    """Run to the end and give the largest number of failovers that ran at one moment."""
    seen: list[int] = []
    stage.service.run(at_each_step=lambda: seen.append(FailoverJob.objects.filter(state=JobState.RUNNING).count()))
    return max(seen)


def _order_of_starts() -> list[str]:
    return list(FailoverJob.objects.order_by("started_at").values_list("source_vm_id", flat=True))


@pytest.mark.slow
def test_a_cloud_that_takes_one_failover_at_once_gets_one_at_once_in_the_order_of_the_requests() -> None:
    stage = scene()
    TargetCloud.objects.update(most_running=1)
    for vm_id in ("vm-three", "vm-one", "vm-two"):
        _started(stage, vm_id)

    assert _running_at_once(stage) == 1

    assert _order_of_starts() == ["vm-three", "vm-one", "vm-two"]
    assert set(FailoverJob.objects.values_list("outcome", flat=True)) == {Outcome.SUCCEEDED}


@pytest.mark.slow
def test_an_urgent_failover_goes_before_those_that_were_asked_for_earlier() -> None:
    stage = scene()
    TargetCloud.objects.update(most_running=1)
    _started(stage, "vm-one", priority=Priority.LOW)
    _started(stage, "vm-two")
    _started(stage, "vm-three", priority=Priority.HIGH)

    stage.service.run()

    assert _order_of_starts() == ["vm-three", "vm-two", "vm-one"]


def test_a_queued_failover_says_where_it_stands_and_what_it_waits_for() -> None:
    stage = scene()
    TargetCloud.objects.update(most_running=1)
    first, second, third = (_started(stage, vm_id) for vm_id in ("vm-one", "vm-two", "vm-three"))
    stage.service.run(until=lambda: FailoverJob.objects.filter(pk=first.pk, state=JobState.RUNNING).exists())

    bodies = [status_body(FailoverJob.objects.get(pk=job.pk), now=stage.service.clock.now()) for job in (second, third)]

    assert [body["queue"]["position"] for body in bodies] == [1, 2]
    assert "1 failovers at once are allowed on cloud" in bodies[0]["queue"]["reason"]
    assert bodies[0]["current_steps"] == [bodies[0]["queue"]["reason"]]
    assert bodies[0]["status"] == "pending"


def test_a_full_appliance_keeps_nobody_of_another_appliance_from_going() -> None:
    stage = scene()
    other = Appliance.objects.get()
    TargetCloud.objects.update(most_running=2)
    full = Appliance.objects.create(
        cloud=other.cloud, name="full", virtual_machine_id="00000000-0000-0000-0000-000000000001", most_running=1
    )
    jobs = [_started(stage, vm_id) for vm_id in ("vm-one", "vm-two", "vm-three")]
    for job in jobs[:2]:
        # The first two hang on the appliance that takes one at once.
        job.vm.appliance = full
        job.vm.save(update_fields=["appliance"])
    FailoverJob.objects.filter(pk=jobs[0].pk).update(state=JobState.RUNNING)

    places = [place_of(job, vm=type(job.vm).objects.get(pk=job.vm_id)) for job in jobs[1:]]

    assert places[0] is not None and "appliance full" in places[0].reason
    assert places[1] is None


def test_a_queued_failover_that_is_cancelled_ends_without_its_turn_and_changes_nothing() -> None:
    stage = scene()
    TargetCloud.objects.update(most_running=1)
    stage.simulator.faults.add(Fault("detachVolume", "slow", seconds=600.0))
    first, second = _started(stage, "vm-one"), _started(stage, "vm-two")
    stage.service.run(until=lambda: stage.simulator.calls.count("detachVolume") == 1)

    services.cancel(engine=stage.service.engine, job_id=second.job_id, actor="olga")
    stage.service.run(until=lambda: FailoverJob.objects.filter(pk=second.pk, state=JobState.FINISHED).exists())

    second.refresh_from_db()
    assert (second.outcome, second.started_at) == (Outcome.CANCELLED, None)
    assert FailoverJob.objects.get(pk=first.pk).state == JobState.RUNNING


@pytest.mark.slow
def test_a_test_in_its_window_leaves_its_turn_to_the_next() -> None:
    stage = scene()
    TargetCloud.objects.update(most_running=1)
    test = stage.service.start_test("vm-one")
    live = _started(stage, "vm-two")

    carry_on(stage)

    assert FailoverJob.objects.get(pk=test.pk).state == JobState.WINDOW_OPEN
    assert FailoverJob.objects.get(pk=live.pk).outcome == Outcome.SUCCEEDED
