"""Judge the simulated world and the journal at the end of a story: which end is right, by rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cloudstack_simulator import Simulator
from inventory.models import VMReservation
from jobs.models import FailoverJob, JobState, Outcome, Reservation, StepAttempt
from jobs.models.attempt import UNFINISHED_ATTEMPTS
from jobs.plans.specification import FailoverSpecification
from tests.support.service import describe


@dataclass(frozen=True)
class Before:
    """Where the replicas were before the story, and what they held."""

    places: dict[str, tuple[str | None, int | None]]
    contents: dict[str, tuple[str, ...]]
    machines: frozenset[str]


def remember(simulator: Simulator) -> Before:
    """Note the world as it is now."""
    volumes = [volume for volume in simulator.volumes() if volume.replica]
    return Before(
        places={volume.id: (volume.vm_id, volume.device_id) for volume in volumes},
        contents={volume.id: volume.content for volume in volumes},
        machines=frozenset(vm.id for vm in simulator.vms()),
    )


def assert_never_harmed(simulator: Simulator) -> None:
    """What must hold at every moment: no replica lost or shared, nothing destroyed but what we made."""
    assert simulator.alarms() == []
    for volume in simulator.deleted_volumes():
        assert not volume.replica, f"replica {volume.name} was deleted by {volume.deleted_by}"
    for volume in simulator.volumes():
        if volume.replica:
            assert len(volume.holders) <= 1, f"{volume.name} is held by {volume.holders}"
            assert volume.state not in {"Destroy", "Expunging", "Expunged"}


def assert_journal_agrees(simulator: Simulator) -> None:
    """Every mutating call was intended beforehand, and no id was used twice."""
    ids = [call.customjobid for call in simulator.calls.mutating() if call.customjobid]
    known = set(StepAttempt.objects.values_list("async_job_id", flat=True))
    assert len(ids) == len(set(ids)), "an async job id was sent twice"
    assert set(ids) <= known, "a call was made that no attempt intended"


def assert_failed_over(simulator: Simulator, job: FailoverJob, before: Before) -> None:
    """The target runs with every replica at its place; the rollback points exist; nothing else changed."""
    job.refresh_from_db()
    assert job.outcome == Outcome.SUCCEEDED, describe(job)
    spec = FailoverSpecification.from_json(job.specification)
    target = simulator.vm(job.destination_vm_id)
    assert target is not None, describe(job)
    assert (target.state, target.running_on_hypervisor, target.delete_protection) == ("Running", True, True), describe(
        job
    )
    assert dict(target.volumes) == {disk.target_device_id: disk.volume_id for disk in spec.disks}, describe(job)
    assert [nic.network_id for nic in target.nics] == [nic.network_id for nic in spec.nics]
    for disk in spec.disks:
        volume = simulator.volume(disk.volume_id)
        assert volume is not None, describe(job)
        assert volume.holders == {target.id}, describe(job)
        assert volume.written_by <= {target.id}, describe(job)
        assert volume.content[: len(before.contents[volume.id])] == before.contents[volume.id], describe(job)
        points = [snapshot for snapshot in simulator.snapshots() if snapshot.volume_id == volume.id]
        assert [(point.state, point.content, point.torn) for point in points] == [
            ("BackedUp", before.contents[volume.id], False)
        ], describe(job)
    assert_others_untouched(simulator, before, but={disk.volume_id for disk in spec.disks})
    _assert_nothing_else_made(simulator, before, keep={target.id})
    assert_released(job)


def assert_all_back(simulator: Simulator, job: FailoverJob, before: Before, *, outcome: Outcome) -> None:
    """Every replica hangs where it hung, unwritten; nothing of ours is left."""
    job.refresh_from_db()
    assert job.outcome == outcome, describe(job)
    assert_others_untouched(simulator, before, but=())
    _assert_nothing_else_made(simulator, before, keep=())
    assert [snapshot.name for snapshot in simulator.snapshots() if snapshot.name.startswith(job.marker)] == [], (
        describe(job)
    )
    assert_released(job)


def assert_waits_for_operator(job: FailoverJob, *, kind: str) -> None:
    """The job waits visibly, with a question of the kind and safe choices."""
    job.refresh_from_db()
    assert job.state == JobState.WAITING_FOR_OPERATOR, describe(job)
    asked = [question for question in job.questions.all() if question.answered_at is None]
    assert [question.kind for question in asked] == [kind], describe(job)
    assert all(question.choices for question in asked)


def assert_others_untouched(simulator: Simulator, before: Before, *, but: Iterable[str]) -> None:
    """All replicas but these are where they were, held by whom they were, with what they held."""
    for volume_id in before.places.keys() - set(but):
        volume = simulator.volume(volume_id)
        assert volume is not None
        assert (volume.vm_id, volume.device_id) == before.places[volume_id], volume
        assert volume.holders == {before.places[volume_id][0]}, volume
        assert volume.content == before.contents[volume_id], volume


def _assert_nothing_else_made(simulator: Simulator, before: Before, *, keep: Iterable[str]) -> None:
    left = {vm.id for vm in simulator.vms() if vm.state not in {"Destroyed", "Expunging"}}
    assert left - before.machines - set(keep) == set(), "a VM is left that nobody owns"
    stray = [
        volume.name
        for volume in simulator.volumes()
        if not volume.replica and volume.vm_id not in before.machines and volume.vm_id not in set(keep)
    ]
    assert stray == [], "a volume is left that nobody owns"


def assert_released(job: FailoverJob) -> None:
    """A finished job holds nothing."""
    assert not VMReservation.objects.filter(reference=job.job_id).exists()
    assert not Reservation.objects.filter(job=job).exists()
    assert not StepAttempt.objects.filter(step__plan__job=job, state__in=UNFINISHED_ATTEMPTS).exists()
