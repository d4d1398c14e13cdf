"""Rule 8: a reverted replica is unverified, keeps its snapshot, and is not failed over from unseen."""

from __future__ import annotations

import pytest

from inventory.models import HoldMethod, ReplicaState, ReplicaVolume
from jobs import services
from jobs.commands.power import StartTarget
from jobs.engine.contracts import Wait
from jobs.models import FailoverJob, Outcome, Step
from tests.support.choices import answer_to, by_hand
from tests.support.scenes import Scene, scene
from tests.support.service import describe
from tests.support.telling import carry_on, until_done
from validation.errors import NotReady

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("skip_validation", [False, True])
def test_a_reverted_replica_is_unverified_and_no_failover_starts_from_it(skip_validation: bool) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    job = stage.service.start_test("vm-two", custom_config={"test_strategy": "boot_and_revert"})
    carry_on(stage)
    stage.service.clean_up(job)
    carry_on(stage)

    replicas = ReplicaVolume.objects.filter(disk__vm=job.vm)
    assert set(replicas.values_list("state", flat=True)) == {ReplicaState.UNVERIFIED}
    kept = {point.volume_id for point in stage.simulator.snapshots() if point.name.startswith(job.marker)}
    assert kept == set(replicas.values_list("volume_id", flat=True))
    for start in (stage.service.start_live, stage.service.start_test):
        with pytest.raises(NotReady):
            start("vm-two", skip_validation=skip_validation)


@pytest.mark.parametrize("strategy", ["live", "boot_and_revert", "clone"])
def test_a_replica_whose_vm_a_stranger_started_before_us_is_not_called_good(strategy: str) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    config = {"test_strategy": strategy}
    is_live = strategy == "live"
    job = stage.service.start_live("vm-two") if is_live else stage.service.start_test("vm-two", custom_config=config)
    until_done(stage, job, "attach-disk0")
    target = Step.objects.get(plan__job=job, key="deploy").result["vm_id"]
    by_hand(stage, "startVirtualMachine", id=target)
    stage.service.clock.stepped.advance(5.0)
    seen = StartTarget(target_vm_id=target, disks={}).guard(stage.service.engine.worlds.of(job))
    assert isinstance(seen, Wait)
    assert seen.in_doubt == (strategy != "clone")

    services.cancel(engine=stage.service.engine, job_id=job.job_id, actor="olga")
    carry_on(stage)
    _stop_and_try_again(stage, job, target)

    job.refresh_from_db()
    assert job.outcome == Outcome.CANCELLED, describe(job)
    states = set(ReplicaVolume.objects.filter(disk__vm=job.vm).values_list("state", flat=True))
    assert states == ({ReplicaState.GOOD} if strategy == "clone" else {ReplicaState.UNVERIFIED})
    kept = [point.name for point in stage.simulator.snapshots() if point.name.startswith(job.marker)]
    assert len(kept) == (2 if strategy == "boot_and_revert" else 0)
    if strategy == "boot_and_revert":
        assert stage.simulator.calls.count("revertSnapshot") == 2


def _stop_and_try_again(stage: Scene, job: FailoverJob, target: str) -> None:
    by_hand(stage, "stopVirtualMachine", id=target, forced="true")
    for question in job.questions.filter(answered_at=None):
        answer_to(stage, job, question, "retry")
