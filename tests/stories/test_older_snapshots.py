"""A sync is torn, and older snapshots of the VM's disks are left: a test goes on from those, beside the replica."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from inventory.models import ReplicaState, Replication, ReplicationKind, ReplicationStatus, ReplicaVolume
from jobs import verbs
from jobs.errors import ContradictoryOptions
from jobs.models import FailoverJob, JobState, Outcome
from jobs.plans.specification import Strategy
from jobs.presentation import status_body
from jobs.snapshot_sets import sets_of
from tests.support.scenes import Scene, scene
from tests.support.service import describe
from tests.support.telling import carry_on
from tests.support.worlds import assert_others_untouched, assert_released, remember
from validation.errors import NotReady

pytestmark = pytest.mark.django_db

VM, NAME = "vm-two", "two"


def _rolled_back(stage: Scene) -> FailoverJob:
    """A live failover that was rolled back: its rollback points stay, and its replicas are unverified."""
    job = stage.service.start_live(VM)
    carry_on(stage)
    verbs.roll_back(engine=stage.service.engine, job_id=job.job_id, typed_name=NAME, actor="olga")
    carry_on(stage)
    job.refresh_from_db()
    assert job.outcome == Outcome.ROLLED_BACK, describe(job)
    return job


def _torn(stage: Scene, *, kind: ReplicationKind = ReplicationKind.INCREMENTAL) -> None:
    """The engine writes a part of the next sync to the first disk, and falls silent."""
    disk = ReplicaVolume.objects.get(disk__vm__vm_id=VM, disk__position=0)
    assert stage.simulator.appliance_writes(disk.volume_id, "half-a-sync")
    now = stage.service.clock.now()
    Replication.objects.create(
        vm=stage.inventory.vms[NAME],
        replication_id="sync-7",
        kind=kind,
        status=ReplicationStatus.REPLICATING,
        percentage=43.0,
        started_at=now - timedelta(hours=2),
        last_word_at=now - timedelta(hours=1),
    )


def _from(job_id: str, **more: object) -> dict[str, object]:
    return {
        "vm_name": NAME,
        "reason": "the site burnt in a sync",
        "custom_config": {"from_snapshots_of": job_id},
        **more,
    }


@pytest.mark.slow
@pytest.mark.parametrize("state", [ReplicaState.GOOD, ReplicaState.UNVERIFIED, ReplicaState.NEEDS_FULL_RESYNC])
def test_a_test_runs_on_copies_of_the_older_snapshots_and_no_replica_is_touched(state: ReplicaState) -> None:
    stage = scene()
    held = {volume.id: volume.content for volume in stage.simulator.volumes() if volume.replica}
    before_it = _rolled_back(stage)
    ReplicaVolume.objects.filter(disk__vm__vm_id=VM).update(state=state)
    _torn(stage)
    before = remember(stage.simulator)
    points = {point.id for point in stage.simulator.snapshots()}
    calls = {name: stage.simulator.calls.count(name) for name in ("createSnapshot", "revertSnapshot")}

    job = stage.service.start_test(VM, **_from(before_it.job_id))  # type: ignore[arg-type]
    carry_on(stage)

    job.refresh_from_db()
    assert job.state == JobState.WINDOW_OPEN, describe(job)
    target = stage.simulator.vm(job.destination_vm_id)
    assert target is not None and target.running_on_hypervisor
    for disk in job.specification["disks"]:
        runs_on = stage.simulator.volume(target.volumes[disk["target_device_id"]])
        assert runs_on is not None and not runs_on.replica
        assert runs_on.content == (*held[disk["volume_id"]], f"boot:{target.id}:1"), "as of the older point"
    assert_others_untouched(stage.simulator, before, but=())
    assert {name: stage.simulator.calls.count(name) for name in calls} == calls

    stage.service.clean_up(job)
    carry_on(stage)
    job.refresh_from_db()
    assert (job.state, job.outcome) == (JobState.FINISHED, Outcome.SUCCEEDED), describe(job)
    assert {point.id for point in stage.simulator.snapshots()} == points, "they stay"
    assert stage.simulator.vm(job.destination_vm_id) is None
    assert [volume.name for volume in stage.simulator.volumes() if job.marker in volume.name] == []
    assert set(ReplicaVolume.objects.filter(disk__vm__vm_id=VM).values_list("state", flat=True)) == {state}
    assert_others_untouched(stage.simulator, before, but=())
    assert_released(job)


@pytest.mark.slow
def test_the_choice_is_recorded_and_shown_for_ever() -> None:
    stage = scene()
    before_it = _rolled_back(stage)
    _torn(stage)
    job = stage.service.start_test(VM, **_from(before_it.job_id))  # type: ignore[arg-type]
    carry_on(stage)
    Replication.objects.all().delete()

    shown = status_body(FailoverJob.objects.get(pk=job.pk), now=stage.service.clock.now())["job_details"]

    older = shown["older_snapshots"]
    assert (older["job_id"], older["chosen_by"]) == (before_it.job_id, "tester")
    assert older["reason"] == "the site burnt in a sync"
    chosen = {disk["volume_id"]: disk["snapshot_id"] for disk in older["disks"]}
    assert chosen == {disk["volume_id"]: disk["snapshot_id"] for disk in shown["evidence"]["disks"]}
    assert set(chosen.values()) == {point.id for point in stage.simulator.snapshots()}
    assert shown["stalled_replication"]["replication_id"] == "sync-7"
    assert before_it.job_id in " ".join(shown["warnings"])
    assert "burnt" in str(AuditEvent.objects.get(kind="older_snapshots_chosen").fields)


def test_a_refusal_for_a_torn_replica_offers_every_older_point() -> None:
    stage = scene()
    before_it = _rolled_back(stage)
    ReplicaVolume.objects.filter(disk__vm__vm_id=VM).update(state=ReplicaState.GOOD)
    _torn(stage)

    with pytest.raises(NotReady, match="sync-7 is stalled") as refused:
        stage.service.start_test(VM)

    (found,) = [judged.finding for judged in refused.value.blocking]
    assert any(f'from_snapshots_of "{before_it.job_id}"' in action for action in found.required_actions)


@pytest.mark.slow
def test_a_replica_that_is_good_is_offered_no_older_point() -> None:
    stage = scene()
    _rolled_back(stage)
    ReplicaVolume.objects.filter(disk__vm__vm_id=VM).update(state=ReplicaState.GOOD)

    job = stage.service.start_test(VM)
    carry_on(stage)

    job.refresh_from_db()
    assert job.specification["strategy"] == Strategy.CLONE
    assert "snapshot_id" not in job.specification["disks"][0], "an older release reads it too"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"vm_name": "one"}, "vm_name"),
        ({"reason": " "}, "reason"),
        ({"custom_config": {"from_snapshots_of": "test-failover-nobody-1"}}, "from_snapshots_of"),
    ],
)
def test_nobody_goes_on_from_older_snapshots_without_name_reason_and_a_set(more: dict[str, object], field: str) -> None:
    stage = scene()
    before_it = _rolled_back(stage)
    _torn(stage)

    with pytest.raises(ContradictoryOptions, match=field):
        stage.service.start_test(VM, **_from(before_it.job_id, **more))  # type: ignore[arg-type]

    assert FailoverJob.objects.count() == 1


@pytest.mark.slow
def test_a_set_that_is_not_whole_any_more_is_refused() -> None:
    stage = scene()
    before_it = _rolled_back(stage)
    _torn(stage)
    lost = sorted(point.id for point in stage.simulator.snapshots())[0]
    stage.simulator.call("deleteSnapshot", id=lost)
    stage.service.clock.stepped.advance(60.0)

    with pytest.raises(ContradictoryOptions, match=lost):
        stage.service.start_test(VM, **_from(before_it.job_id))  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_snapshot_that_is_lost_after_the_start_fails_the_test_and_leaves_nothing() -> None:
    stage = scene()
    before_it = _rolled_back(stage)
    _torn(stage)
    before = remember(stage.simulator)
    job = stage.service.start_test(VM, **_from(before_it.job_id))  # type: ignore[arg-type]
    lost = stage.simulator.cloud.world.snapshots[job.specification["disks"][1]["snapshot_id"]]
    lost.removed = True

    carry_on(stage)

    job.refresh_from_db()
    assert (job.state, job.outcome) == (JobState.FINISHED, Outcome.FAILED), describe(job)
    assert [volume.name for volume in stage.simulator.volumes() if job.marker in volume.name] == []
    assert_others_untouched(stage.simulator, before, but=())
    assert_released(job)


def test_a_live_failover_never_runs_from_older_snapshots() -> None:
    stage = scene()
    before_it = _rolled_back(stage)
    ReplicaVolume.objects.filter(disk__vm__vm_id=VM).update(state=ReplicaState.GOOD)
    _torn(stage)

    with pytest.raises(ContradictoryOptions, match="from_snapshots_of"):
        stage.service.start_live(VM, **_from(before_it.job_id))


@pytest.mark.slow
def test_sets_are_known_only_where_they_are_whole_standing_and_of_the_disks_of_today() -> None:
    stage = scene()
    before_it = _rolled_back(stage)
    vm = stage.inventory.vms[NAME]
    assert [one.job_id for one in sets_of(vm)] == [before_it.job_id]

    FailoverJob.objects.filter(pk=before_it.pk).update(outcome=Outcome.COMMITTED)
    assert sets_of(vm) == [], "a commit removes them"
    FailoverJob.objects.filter(pk=before_it.pk).update(outcome=Outcome.ROLLED_BACK)
    ReplicaVolume.objects.filter(disk__vm=vm, disk__position=1).update(volume_id="another")
    assert sets_of(vm) == [], "the VM has another disk since"
