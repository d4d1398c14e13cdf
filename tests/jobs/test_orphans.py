"""This will prove what counts as an orphan, what is proved ours, and that nothing else is ever removed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudstack import Gateway
from cloudstack_simulator import Fault
from inventory.models import ReplicaState, ReplicaVolume, TargetCloud
from jobs import services
from jobs.destroy_port import LedgerOfDestruction
from jobs.made import Kind
from jobs.models import FailoverJob, JobState, Outcome, Step
from jobs.orphans import Orphan, find_orphans
from jobs.presentation import status_body
from jobs.removal import Removal, remove_orphan
from tests.support.scenes import Scene, scene
from tests.support.simulator_line import gateway_for
from tests.support.worlds import assert_never_harmed, assert_others_untouched, remember

pytestmark = pytest.mark.django_db

VM = "vm-one"


def _gateway(stage: Scene, *orphans: Orphan) -> Gateway:
    port = LedgerOfDestruction(proved=[(orphan.kind, orphan.id) for orphan in orphans])
    return gateway_for(stage.simulator, destroy_port=port)


def _found(stage: Scene) -> list[Orphan]:
    return find_orphans(gateway=_gateway(stage), cloud=TargetCloud.objects.get())


def _remove(stage: Scene, orphan: Orphan) -> Removal:
    return remove_orphan(
        orphan,
        engine=stage.service.engine,
        gateway=_gateway(stage, orphan),
        expunge=True,
        pause=stage.service.clock.stepped.advance,
    )


def _in_window(stage: Scene, **request: object) -> FailoverJob:
    job = stage.service.start_test(VM, **request)  # type: ignore[arg-type]
    stage.service.run(until=lambda: FailoverJob.objects.filter(pk=job.pk, state=JobState.WINDOW_OPEN).exists())
    job.refresh_from_db()
    return job


def _skipping(stage: Scene, job: FailoverJob, *, command: str) -> None:
    """Clean up with a command that is refused every time, and have an operator skip what asks for it."""
    stage.simulator.faults.add(Fault(command, "refuse", times=5))
    stage.service.clean_up(job)
    stage.service.run()
    question = job.questions.get(answered_at__isnull=True)
    services.answer(
        engine=stage.service.engine, job_id=job.job_id, question_id=question.pk, choice="skip", actor="tester"
    )
    stage.service.run()
    job.refresh_from_db()
    assert job.state == JobState.FINISHED


def test_a_test_that_was_cleaned_up_leaves_no_orphan() -> None:
    stage = scene()
    job = _in_window(stage)
    stage.service.clean_up(job)
    stage.service.run()

    assert _found(stage) == []


def test_what_an_open_job_made_is_no_orphan() -> None:
    stage = scene()
    _in_window(stage)

    assert _found(stage) == []


def test_a_failed_over_vm_and_its_way_back_are_no_orphans() -> None:
    stage = scene()
    job = stage.service.start_live(VM)
    stage.service.run()
    job.refresh_from_db()
    assert job.outcome == Outcome.SUCCEEDED

    assert _found(stage) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "kind"), [("deleteSnapshot", Kind.SNAPSHOT), ("destroyVirtualMachine", Kind.MACHINE)]
)
def test_what_a_cleanup_skipped_is_proved_by_the_journal_and_removed(command: str, kind: Kind) -> None:
    stage = scene()
    before = remember(stage.simulator)
    job = _in_window(stage)
    _skipping(stage, job, command=command)

    (orphan,) = _found(stage)
    assert (orphan.kind, orphan.may_go, orphan.job) == (kind, True, job)
    removal = _remove(stage, orphan)

    assert removal.gone, removal.words
    assert _found(stage) == []
    assert_never_harmed(stage.simulator)
    assert_others_untouched(stage.simulator, before, but=())
    told = status_body(job, now=stage.service.clock.now())["job_details"]["evidence"]["made"]
    assert {thing["end"] for thing in told} == {"removed"}
    assert job.events.filter(kind="orphan", async_job_id__gt="").exists()


def test_a_clone_that_was_left_is_removed() -> None:
    stage = scene()
    job = _in_window(stage)
    # The first deletion of a volume in a cleanup is that of the clone.
    _skipping(stage, job, command="deleteVolume")

    (orphan,) = _found(stage)

    assert orphan.kind == Kind.VOLUME
    assert _remove(stage, orphan).gone
    assert_never_harmed(stage.simulator)


@pytest.mark.slow
def test_what_no_answer_ever_named_is_proved_by_its_name_alone() -> None:
    stage = scene()
    job = _in_window(stage)
    _skipping(stage, job, command="deleteSnapshot")
    Step.objects.filter(plan__job=job, command="take_snapshot").update(result={}, state="failed")

    (orphan,) = _found(stage)

    assert orphan.may_go and "under this name" in orphan.proof
    assert LedgerOfDestruction().refusal(kind="snapshot", id=orphan.id) is not None
    assert _remove(stage, orphan).gone


def test_what_only_looks_like_ours_is_listed_and_stays() -> None:
    stage = scene()
    job = _in_window(stage)
    _skipping(stage, job, command="deleteSnapshot")
    Step.objects.filter(plan__job=job, command="take_snapshot").delete()

    (orphan,) = _found(stage)

    assert not orphan.may_go
    assert "journal does not hold it" in orphan.obstacle
    assert not _remove(stage, orphan).gone
    assert [snapshot.id for snapshot in stage.simulator.snapshots()] == [orphan.id]


@pytest.mark.slow
def test_a_marker_that_this_database_does_not_know_is_listed_and_stays() -> None:
    stage = scene()
    job = _in_window(stage)
    _skipping(stage, job, command="deleteSnapshot")
    FailoverJob.objects.filter(pk=job.pk).update(endpoint="another cloud")

    (orphan,) = _found(stage)

    assert (orphan.job, orphan.may_go) == (None, False)
    assert job.marker in orphan.obstacle


def test_a_clone_that_hangs_on_a_vm_and_its_vm_stay() -> None:
    stage = scene()
    job = _in_window(stage)
    FailoverJob.objects.filter(pk=job.pk).update(state="finished", outcome="failed", status="failed")

    found = {orphan.kind: orphan for orphan in _found(stage)}

    assert job.destination_vm_id in found[Kind.VOLUME].obstacle
    assert "disks hang on it" in found[Kind.MACHINE].obstacle
    assert found[Kind.SNAPSHOT].may_go


def test_a_replica_stays_also_when_a_journal_says_that_we_made_it() -> None:
    stage = scene()
    job = _in_window(stage)
    stage.service.clean_up(job)
    stage.service.run()
    replica = ReplicaVolume.objects.filter(disk__vm__vm_id=VM).get()
    Step.objects.filter(plan__job=job, command="create_clone").update(result={"volume_id": replica.volume_id})
    before = remember(stage.simulator)

    (orphan,) = _found(stage)

    assert "replica" in orphan.obstacle
    # Even if somebody lost the obstacle on the way, it is seen again, and the port has the last word.
    assert "replica" in _remove(stage, replace(orphan, obstacle="")).words
    assert LedgerOfDestruction(proved=[("volume", replica.volume_id)]).refusal(kind="volume", id=replica.volume_id)
    assert_others_untouched(stage.simulator, before, but=())


def test_a_job_that_works_again_keeps_what_was_found() -> None:
    stage = scene()
    job = _in_window(stage)
    _skipping(stage, job, command="deleteSnapshot")
    (orphan,) = _found(stage)

    stage.service.clean_up(job)
    removal = _remove(stage, orphan)

    assert (removal.gone, removal.words) == (False, "its job works on it again")


def test_a_booted_replicas_snapshot_goes_only_when_the_replica_is_good_again() -> None:
    stage = scene()
    job = _in_window(stage, custom_config={"test_strategy": "boot_and_revert"})
    stage.service.clean_up(job)
    stage.service.run()

    (kept,) = _found(stage)
    assert "until its replica is verified" in kept.obstacle
    ReplicaVolume.objects.update(state=ReplicaState.GOOD)

    (orphan,) = _found(stage)
    assert _remove(stage, orphan).gone
    assert_never_harmed(stage.simulator)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["refuse", "fail"])
def test_a_removal_that_fails_is_told_in_the_clouds_words(kind: str) -> None:
    stage = scene()
    job = _in_window(stage)
    _skipping(stage, job, command="deleteSnapshot")
    (orphan,) = _found(stage)
    stage.simulator.faults.add(Fault("deleteSnapshot", kind, text="no room to breathe"))  # type: ignore[arg-type]

    removal = _remove(stage, orphan)

    assert not removal.gone and removal.words
    assert [again.id for again in _found(stage)] == [orphan.id]


@pytest.mark.slow
def test_a_removal_whose_answer_was_lost_is_read_back() -> None:
    stage = scene()
    job = _in_window(stage)
    _skipping(stage, job, command="deleteVolume")
    (orphan,) = _found(stage)
    stage.simulator.faults.add(Fault("deleteVolume", "lost_answer"))

    assert _remove(stage, orphan).gone
