"""Rule 4: nothing that holds a replica is ever destroyed, and no replica is ever deleted."""

from __future__ import annotations

import pytest

from inventory.models import HoldMethod, ReplicaVolume
from jobs import verbs
from jobs.commands.clones import DeleteClone
from jobs.destroy_port import LedgerOfDestruction
from jobs.engine.contracts import Refuse
from jobs.models import Outcome
from tests.support.scenes import scene
from tests.support.service import describe
from tests.support.telling import answer, carry_on, count_of, until_called, until_done
from tests.support.worlds import assert_waits_for_operator

pytestmark = pytest.mark.django_db


def test_a_test_vm_that_got_a_replica_from_a_strangers_hand_is_kept_until_the_replica_is_off() -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    job = stage.service.start_test("vm-one")
    carry_on(stage)
    job.refresh_from_db()
    replica = next(volume for volume in stage.simulator.volumes() if volume.name == "replica-three-disk-0")
    place = (replica.vm_id, replica.device_id)
    stage.simulator.call("detachVolume", id=replica.id)
    stage.service.clock.stepped.advance(2.0)
    stage.simulator.call("attachVolume", id=replica.id, virtualmachineid=job.destination_vm_id)
    stage.service.clock.stepped.advance(2.0)

    stage.service.clean_up(job)
    carry_on(stage)

    assert_waits_for_operator(job, kind="undo_step")
    assert count_of(stage, "destroyVirtualMachine") == 0
    stage.simulator.call("detachVolume", id=replica.id)
    stage.service.clock.stepped.advance(2.0)
    stage.simulator.call("attachVolume", id=replica.id, virtualmachineid=place[0], deviceid=place[1])
    stage.service.clock.stepped.advance(2.0)
    answer(stage, job, "retry")
    carry_on(stage)
    job.refresh_from_db()
    assert job.outcome == Outcome.SUCCEEDED, describe(job)


def test_the_command_that_deletes_copies_refuses_every_replica() -> None:
    stage = scene()
    job = stage.service.start_test("vm-one")
    world = stage.service.engine.worlds.of(job)

    for volume in stage.simulator.volumes():
        if volume.replica:
            guarded = DeleteClone(volume_id=volume.id, label="a disk").guard(world)
            assert isinstance(guarded, Refuse)
            assert "replica" in guarded.sentence


def test_the_port_that_is_asked_before_anything_is_destroyed_refuses_replicas_and_appliances() -> None:
    stage = scene()
    port = LedgerOfDestruction()

    for volume in stage.simulator.volumes():
        if volume.replica:
            assert port.refusal(kind="volume", id=volume.id) is not None
    assert port.refusal(kind="virtual_machine", id=stage.inventory.appliance.virtual_machine_id) is not None


@pytest.mark.parametrize("is_proved", [False, True])
def test_the_port_refuses_the_vm_of_a_test_that_has_not_begun_to_undo_it(is_proved: bool) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    job = stage.service.start_test("vm-one", custom_config={"test_strategy": "boot_and_revert"})
    until_done(stage, job, "deploy")
    job.refresh_from_db()
    target = job.destination_vm_id
    port = LedgerOfDestruction(proved={("virtual_machine", target)} if is_proved else ())
    assert port.refusal(kind="virtual_machine", id=target) is not None

    carry_on(stage)
    assert port.refusal(kind="virtual_machine", id=target) is not None, "a replica is its root disk now"

    stage.service.clean_up(job)
    carry_on(stage)
    assert stage.simulator.vm(target) is None


def test_the_port_refuses_a_replica_even_where_it_was_proved_to_be_ours() -> None:
    stage = scene()

    for volume in stage.simulator.volumes():
        if volume.replica:
            port = LedgerOfDestruction(proved={("volume", volume.id)})
            assert "replica" in (port.refusal(kind="volume", id=volume.id) or "")


def test_a_volume_that_the_inventory_forgot_is_still_refused_as_the_replica_that_it_was() -> None:
    stage = scene()
    job = stage.service.start_live("vm-two")
    carry_on(stage)
    job.refresh_from_db()
    volumes = [disk["volume_id"] for disk in job.specification["disks"]]
    ReplicaVolume.objects.filter(volume_id__in=volumes).delete()

    for volume_id in volumes:
        assert "replica" in (LedgerOfDestruction().refusal(kind="volume", id=volume_id) or "")


def test_a_vm_in_service_is_refused_until_its_rollback_runs_and_for_ever_after_a_commit() -> None:
    stage = scene()
    port = LedgerOfDestruction()
    job = stage.service.start_live("vm-one")
    carry_on(stage)
    job.refresh_from_db()
    assert "only its rollback" in (port.refusal(kind="virtual_machine", id=job.destination_vm_id) or "")

    verbs.commit(engine=stage.service.engine, job_id=job.job_id, actor="olga")
    carry_on(stage)

    assert "only its rollback" in (port.refusal(kind="virtual_machine", id=job.destination_vm_id) or "")


def test_a_vm_whose_start_is_still_under_way_is_not_removed_by_anybody() -> None:
    stage = scene()
    job = stage.service.start_live("vm-one")
    until_called(stage, "attachVolume")
    job.refresh_from_db()

    refusal = LedgerOfDestruction().refusal(kind="virtual_machine", id=job.destination_vm_id)

    assert refusal is not None
