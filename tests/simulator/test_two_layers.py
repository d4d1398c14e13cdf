"""This will take record and hypervisor apart as CloudStack does, and see that the alarms notice."""

from __future__ import annotations

from cloudstack_simulator import Fault
from tests.simulator.driving import OTHER_REPLICA, REPLICA, Operator


def _running_target(operator: Operator) -> str:
    operator.done("detachVolume", id=OTHER_REPLICA)
    vm_id = operator.deploy()
    operator.done("attachVolume", id=OTHER_REPLICA, virtualmachineid=vm_id, deviceid=0)
    operator.done("startVirtualMachine", id=vm_id)
    return vm_id


def test_a_duplicate_detach_rips_the_record_off_the_next_owner() -> None:
    """apache/cloudstack#14214, as recorded in file 08."""
    operator = Operator()
    target = _running_target(operator)
    first = operator.submit("detachVolume", id=REPLICA)
    operator.cloud.faults.add(Fault("createSnapshot", "slow", seconds=20.0))
    operator.submit("createSnapshot", volumeid="5b7d1e20-0005-4000-8000-000000000301", name="slow")
    duplicate = operator.submit("detachVolume", id=REPLICA)

    assert operator.wait(first).succeeded
    operator.done("attachVolume", id=REPLICA, virtualmachineid=target, deviceid=1)
    assert operator.wait(duplicate).succeeded

    volume = operator.cloud.volume(REPLICA)
    assert volume is not None
    assert volume.vm_id is None
    assert volume.holders == {target}


def test_a_disk_in_two_running_domains_at_once_raises_an_alarm() -> None:
    operator = Operator()
    target = _running_target(operator)
    operator.cloud.faults.add(Fault("createSnapshot", "slow", seconds=20.0))
    operator.done("detachVolume", id=REPLICA)
    operator.done("attachVolume", id=REPLICA, virtualmachineid=target, deviceid=1)
    operator.cloud.faults.add(Fault("createSnapshot", "slow", seconds=50.0))
    operator.submit("createSnapshot", volumeid=OTHER_REPLICA, name="slow")
    duplicate = operator.submit("detachVolume", id=REPLICA)
    operator.wait(duplicate)
    assert operator.cloud.alarms() == []

    operator.cloud.faults.add(Fault("detachVolume", "late", seconds=500.0))
    operator.done("attachVolume", id=REPLICA, virtualmachineid=target, deviceid=1)
    operator.run("detachVolume", id=REPLICA)
    # the record is freed by hand, as an administrator might: the domain keeps the disk
    operator.cloud.cloud.world.place(operator.cloud.cloud.world.volumes[REPLICA], None, None)
    operator.done("attachVolume", id=REPLICA, virtualmachineid=operator.appliance, deviceid=1)

    assert operator.cloud.alarms() == [f"disk replica-one-disk-0 ({REPLICA}) is held by target and oma1 at once"]


def test_a_stopped_vm_gives_up_its_disks_and_a_started_one_takes_what_the_record_says() -> None:
    operator = Operator()
    target = _running_target(operator)

    operator.done("stopVirtualMachine", id=target)
    stopped = operator.cloud.volume(OTHER_REPLICA)
    operator.done("startVirtualMachine", id=target)
    started = operator.cloud.volume(OTHER_REPLICA)

    assert stopped is not None and (stopped.vm_id, stopped.holders) == (target, frozenset())
    assert started is not None and started.holders == {target}


def test_the_appliance_cannot_write_a_disk_that_its_domain_does_not_hold() -> None:
    operator = Operator()
    operator.done("detachVolume", id=REPLICA)

    assert not operator.cloud.appliance_writes(REPLICA, "52 3c/1")


def test_writing_a_replica_that_a_guest_wrote_without_a_revert_raises_an_alarm() -> None:
    operator = Operator()
    target = _running_target(operator)
    operator.done("stopVirtualMachine", id=target)
    operator.done("detachVolume", id=OTHER_REPLICA)
    operator.done("attachVolume", id=OTHER_REPLICA, virtualmachineid=operator.appliance, deviceid=2)

    assert operator.cloud.appliance_writes(OTHER_REPLICA, "52 3c/1")

    assert len(operator.cloud.alarms()) == 1
    assert "both wrote disk replica-two-disk-0" in operator.cloud.alarms()[0]


def test_a_full_copy_makes_a_written_replica_good_again() -> None:
    operator = Operator()
    target = _running_target(operator)
    operator.done("stopVirtualMachine", id=target)
    operator.done("detachVolume", id=OTHER_REPLICA)
    operator.done("attachVolume", id=OTHER_REPLICA, virtualmachineid=operator.appliance, deviceid=2)

    assert operator.cloud.appliance_writes(OTHER_REPLICA, "full 1")

    volume = operator.cloud.volume(OTHER_REPLICA)
    assert volume is not None and volume.content == ("appliance:full 1",)
    assert operator.cloud.alarms() == []


def test_expunging_a_vm_deletes_the_replica_at_device_0_even_a_protected_one_and_raises_an_alarm() -> None:
    operator = Operator()
    operator.done("detachVolume", id=REPLICA)
    assert operator.cloud.call("updateVolume", who="admin", id=REPLICA, deleteprotection=True).status == 200
    operator.settle()
    target = operator.deploy()
    operator.done("attachVolume", id=REPLICA, virtualmachineid=target, deviceid=0)

    operator.done("destroyVirtualMachine", id=target, expunge=True)

    assert operator.cloud.volume(REPLICA) is None
    deleted = {volume.id: volume.deleted_by for volume in operator.cloud.deleted_volumes()}
    assert deleted[REPLICA] == "destroyVirtualMachine"
    assert operator.cloud.alarms() == [f"replica replica-one-disk-0 ({REPLICA}) was deleted by destroyVirtualMachine"]


def test_a_restart_lets_the_host_finish_a_detach_that_the_record_does_not_show() -> None:
    operator = Operator()
    operator.submit("detachVolume", id=REPLICA)
    operator.clock.advance(0.5)

    operator.cloud.restart_management_server()
    operator.settle()

    volume = operator.cloud.volume(REPLICA)
    assert volume is not None
    assert (volume.vm_id, volume.holders) == (operator.appliance, frozenset())
    operator.done("detachVolume", id=REPLICA)
    again = operator.cloud.volume(REPLICA)
    assert again is not None and again.vm_id is None


def test_a_snapshot_cut_in_the_middle_of_a_sync_is_torn_and_so_is_its_clone() -> None:
    operator = Operator()
    operator.cloud.begin_sync([REPLICA])
    operator.cloud.appliance_writes(REPLICA, "52 3c/1 first half")
    snapshot_id = operator.done("createSnapshot", volumeid=REPLICA, name="torn")
    operator.cloud.end_sync("52 3c/1")
    whole_id = operator.done("createSnapshot", volumeid=REPLICA, name="whole")

    clone_id = operator.done("createVolume", snapshotid=snapshot_id, name="clone")

    torn = {snapshot.id: snapshot.torn for snapshot in operator.cloud.snapshots()}
    clone = operator.cloud.volume(clone_id)
    assert torn == {snapshot_id: True, whole_id: False}
    assert clone is not None and clone.torn


def test_a_clone_holds_what_its_snapshot_held_and_writing_it_leaves_the_replica_alone() -> None:
    operator = Operator()
    operator.cloud.appliance_writes(REPLICA, "52 3c/1")
    snapshot_id = operator.done("createSnapshot", volumeid=REPLICA, name="test")
    operator.cloud.appliance_writes(REPLICA, "52 3c/2")
    clone_id = operator.done("createVolume", snapshotid=snapshot_id, name="clone")
    target = operator.deploy(networkids=operator.network("OSSEA-TEST-ISO"))
    operator.done("attachVolume", id=clone_id, virtualmachineid=target, deviceid=0)

    operator.done("startVirtualMachine", id=target)

    clone, replica = operator.cloud.volume(clone_id), operator.cloud.volume(REPLICA)
    assert clone is not None and replica is not None
    assert clone.content == (f"replica:{REPLICA}:base", "appliance:52 3c/1", f"boot:{target}:1")
    assert replica.content == (f"replica:{REPLICA}:base", "appliance:52 3c/1", "appliance:52 3c/2")
    assert operator.cloud.alarms() == []
