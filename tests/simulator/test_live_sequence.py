"""This will run the live failover and its undo by plain calls, and look at both layers."""

from __future__ import annotations

from tests.simulator.driving import REPLICA, Operator


def test_a_replica_becomes_the_root_of_a_running_vm_and_the_guest_writes_to_it() -> None:
    operator = Operator()
    assert operator.cloud.appliance_writes(REPLICA, "52 3c/1")

    operator.done("detachVolume", id=REPLICA)
    vm_id = operator.deploy()
    operator.done("attachVolume", id=REPLICA, virtualmachineid=vm_id, deviceid=0)
    operator.done("startVirtualMachine", id=vm_id)

    volume, machine = operator.cloud.volume(REPLICA), operator.cloud.vm("target")
    assert volume is not None and machine is not None
    assert (volume.type, volume.device_id, volume.vm_id) == ("ROOT", 0, vm_id)
    assert volume.holders == {vm_id}
    assert volume.content == (f"replica:{REPLICA}:base", "appliance:52 3c/1", f"boot:{vm_id}:1")
    assert machine.running_on_hypervisor and machine.volumes == {0: REPLICA}
    assert operator.cloud.alarms() == []


def test_the_undo_brings_the_replica_and_its_content_back_to_the_appliance() -> None:
    operator = Operator()
    operator.done("detachVolume", id=REPLICA)
    snapshot_id = operator.done("createSnapshot", volumeid=REPLICA, name="rollback")
    vm_id = operator.deploy()
    operator.done("attachVolume", id=REPLICA, virtualmachineid=vm_id, deviceid=0)
    operator.done("startVirtualMachine", id=vm_id)

    operator.done("stopVirtualMachine", id=vm_id)
    operator.done("detachVolume", id=REPLICA)
    operator.done("revertSnapshot", id=snapshot_id)
    operator.done("attachVolume", id=REPLICA, virtualmachineid=operator.appliance, deviceid=1)
    operator.done("destroyVirtualMachine", id=vm_id, expunge=True)

    volume = operator.cloud.volume(REPLICA)
    assert volume is not None
    assert (volume.vm_id, volume.device_id) == (operator.appliance, 1)
    assert volume.holders == {operator.appliance}
    assert volume.content == (f"replica:{REPLICA}:base",)
    assert operator.cloud.appliance_writes(REPLICA, "52 3c/2")
    assert operator.cloud.vm(vm_id) is None
    assert operator.cloud.alarms() == []


def test_a_vm_without_disks_does_not_start() -> None:
    operator = Operator()
    vm_id = operator.deploy()

    ended = operator.run("startVirtualMachine", id=vm_id)

    assert (ended.succeeded, ended.code) == (False, 530)
    assert ended.text == f"Unable to create deployment, no usable volumes found for the VM: {vm_id}"


def test_a_vm_with_data_disks_only_misses_its_root() -> None:
    operator = Operator()
    vm_id = operator.deploy()
    operator.done("detachVolume", id=REPLICA)
    operator.done("attachVolume", id=REPLICA, virtualmachineid=vm_id, deviceid=1)

    assert "ROOT volume is missing" in operator.run("startVirtualMachine", id=vm_id).text


def test_the_placeholder_root_is_the_only_volume_that_the_sequence_deletes() -> None:
    operator = Operator()

    operator.deploy()

    assert [(volume.replica, volume.deleted_by) for volume in operator.cloud.deleted_volumes()] == [
        (False, "deleteVolume")
    ]


def test_macs_addresses_details_and_firmware_are_kept_as_asked() -> None:
    operator = Operator()
    wires = [
        {"networkid": operator.network("OSSEA-L2"), "mac": "02:00:11:22:33:44", "ip": "10.1.0.77"},
        {"networkid": operator.network("OSSEA-TEST-L2"), "mac": "02:00:11:22:33:45", "ip": "10.9.9.9"},
    ]
    details = [{"cpuNumber": 4, "memory": 8192, "rootDiskController": "sata", "nicAdapter": "e1000"}]

    vm_id = operator.deploy(networkids=None, iptonetworklist=wires, details=details, boottype="UEFI", bootmode="SECURE")

    machine = operator.cloud.vm(vm_id)
    assert machine is not None
    assert [(nic.mac, nic.ip) for nic in machine.nics] == [
        ("02:00:11:22:33:44", "10.1.0.77"),
        # an L2 network has no addresses: a wanted one is ignored without a word
        ("02:00:11:22:33:45", None),
    ]
    assert machine.details["rootDiskController"] == "sata"
    assert (machine.cpu, machine.memory) == (4, 8192)
    assert (machine.boot_type, machine.boot_mode) == ("UEFI", "SECURE")
