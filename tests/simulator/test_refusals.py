"""This will ask for what CloudStack refuses, and compare codes and texts with what was recorded or read."""

from __future__ import annotations

import pytest

from cloudstack_simulator import Fault
from tests.simulator.driving import OTHER_REPLICA, REPLICA, Operator


def test_snapshots_of_running_vms_are_refused_where_the_setting_forbids_them() -> None:
    operator = Operator("no-running-snapshots")
    volume_id = "e915ef05-ddf5-48d5-8352-a01300609717"

    attached = operator.cloud.call("createSnapshot", who="admin", volumeid=volume_id, name="s").json()
    operator.done("detachVolume", id=volume_id)

    refused = attached["createsnapshotresponse"]
    assert (refused["errorcode"], refused["cserrorcode"]) == (530, 4250)
    assert refused["errortext"].startswith("KVM Snapshot is not supported for Running VMs.")
    assert operator.run("createSnapshot", volumeid=volume_id, name="s").succeeded
    assert operator.ask("listCapabilities")["capability"]["kvmsnapshotenabled"] is False


def test_only_one_snapshot_of_an_instance_is_under_way_on_kvm() -> None:
    operator = Operator()
    operator.submit("createSnapshot", volumeid=REPLICA, name="first")

    answer = operator.ask("createSnapshot", volumeid=OTHER_REPLICA, name="second")

    assert answer["errorcode"] == 431
    assert "other active snapshot tasks on the instance" in answer["errortext"]


@pytest.mark.parametrize("device_id", [3, 34, -1])
def test_a_device_id_that_no_disk_may_have_fails_the_job(device_id: int) -> None:
    operator = Operator()
    operator.done("detachVolume", id=REPLICA)

    ended = operator.run("attachVolume", id=REPLICA, virtualmachineid=operator.appliance, deviceid=device_id)

    assert (ended.code, ended.text) == (530, "deviceId should be 0,1,2,4-33")
    volume = operator.cloud.volume(REPLICA)
    assert volume is not None and (volume.state, volume.vm_id) == ("Ready", None)


def test_a_used_device_id_fails_the_job_and_no_device_id_takes_the_lowest_free_one() -> None:
    operator = Operator()
    operator.done("detachVolume", id=REPLICA)

    used = operator.run("attachVolume", id=REPLICA, virtualmachineid=operator.appliance, deviceid=2)
    operator.done("attachVolume", id=REPLICA, virtualmachineid=operator.appliance)

    volume = operator.cloud.volume(REPLICA)
    assert used.code == 530 and used.text.startswith("deviceId 2 is used by vol Volume ")
    assert volume is not None and volume.device_id == 1


def test_an_attached_volume_is_neither_attached_nor_deleted() -> None:
    operator = Operator()

    attach = operator.run("attachVolume", id=REPLICA, virtualmachineid=operator.appliance)
    delete = operator.ask("deleteVolume", id=REPLICA)

    text = "Please specify a volume that is not attached to any VM."
    assert (attach.code, attach.text) == (431, text)
    assert (delete["errorcode"], delete["errortext"]) == (431, text)


def test_the_root_of_a_running_vm_is_not_detached() -> None:
    operator = Operator()
    machine = operator.cloud.vm("oma1")
    assert machine is not None

    ended = operator.run("detachVolume", id=machine.volumes[0])

    assert ended.text == "Root volume detach can happen only when vm is in states: Stopped or Destroyed"


def test_a_volume_that_is_not_attached_is_not_detached() -> None:
    operator = Operator()
    operator.done("detachVolume", id=REPLICA)

    ended = operator.run("detachVolume", id=REPLICA)

    assert (ended.code, ended.text) == (431, "The specified volume is not attached to a VM.")


def test_a_protected_vm_is_not_destroyed_and_stays_as_it_was() -> None:
    operator = Operator()
    vm_id = operator.deploy()
    operator.ask("updateVirtualMachine", id=vm_id, deleteprotection=True)

    ended = operator.run("destroyVirtualMachine", id=vm_id, expunge=True)

    machine = operator.cloud.vm(vm_id)
    assert ended.code == 431 and "delete protection enabled" in ended.text
    assert machine is not None and machine.state == "Stopped"


def test_a_name_is_taken_within_a_network_domain_also_by_a_destroyed_vm_but_not_elsewhere() -> None:
    operator = Operator()
    vm_id = operator.done("deployVirtualMachine", **operator.deployment("twin"))
    operator.done("destroyVirtualMachine", id=vm_id)

    same = operator.cloud.call("deployVirtualMachine", **operator.deployment("twin"))
    elsewhere = operator.deployment("twin") | {"networkids": operator.network("OSSEA-TEST-ISO")}

    assert same.status == 431
    assert operator.cloud.call("deployVirtualMachine", **elsewhere).status == 200


def test_a_taken_address_leaves_a_vm_in_error_and_the_name_free() -> None:
    operator = Operator()
    wire = [{"networkid": operator.network("OSSEA-L2"), "ip": "10.1.0.10"}]

    taken = operator.cloud.call(
        "deployVirtualMachine", **(operator.deployment("broken") | {"networkids": None, "iptonetworklist": wire})
    )
    left = operator.cloud.vm("broken")

    assert taken.status == 530
    assert left is not None and (left.state, dict(left.volumes)) == ("Error", {})
    assert operator.cloud.call("deployVirtualMachine", **operator.deployment("broken")).status == 200


@pytest.mark.parametrize(
    ("details", "text"),
    [
        ({}, "Need to specify custom parameter values cpu, cpu speed and memory when using custom offering"),
        ({"cpuNumber": 65, "memory": 1024}, "Invalid cpu cores value, specify a value between 1 and 64"),
        ({"cpuNumber": 1, "memory": 8}, "Invalid memory value, specify a value between 512 and 262144"),
    ],
)
def test_a_size_outside_a_custom_offering_is_refused(details: dict[str, int], text: str) -> None:
    operator = Operator()

    answer = operator.ask("deployVirtualMachine", **(operator.deployment("odd") | {"details": [details]}))

    assert (answer["errorcode"], answer["errortext"]) == (431, text)
    assert operator.cloud.vm("odd") is None


def test_bios_without_a_boot_mode_meets_the_servers_null_pointer() -> None:
    operator = Operator()

    answer = operator.cloud.call("deployVirtualMachine", who="admin", **operator.deployment("b"), boottype="BIOS")

    assert answer.status == 530
    assert "BootMode.toString()" in answer.json()["deployvirtualmachineresponse"]["errortext"]


def test_limits_of_an_account_are_told_unmasked() -> None:
    operator = Operator()
    operator.cloud.call("updateResourceLimit", who="admin", resourcetype=0, max=1, account="opsacct")

    answer = operator.ask("deployVirtualMachine", **operator.deployment("over"))

    assert (answer["errorcode"], answer["cserrorcode"]) == (535, 9999)
    assert answer["errortext"].startswith("Maximum amount of resources of Type = 'user_vm'")


def test_a_destroyed_vm_keeps_its_root_until_it_is_recovered_or_swept() -> None:
    operator = Operator()
    vm_id = operator.deploy()
    operator.done("detachVolume", id=REPLICA)
    operator.done("attachVolume", id=REPLICA, virtualmachineid=vm_id, deviceid=0)
    operator.done("destroyVirtualMachine", id=vm_id)

    refused = operator.run("detachVolume", id=REPLICA)
    assert operator.cloud.call("recoverVirtualMachine", id=vm_id).status == 200
    operator.done("detachVolume", id=REPLICA)
    operator.done("destroyVirtualMachine", id=vm_id)
    operator.clock.advance(90_000.0)

    assert refused.code == 431
    assert operator.cloud.vm(vm_id) is None
    assert operator.cloud.volume(REPLICA) is not None
    assert operator.cloud.alarms() == []


def test_a_busy_volume_is_not_deleted() -> None:
    operator = Operator()
    operator.done("detachVolume", id=REPLICA)
    operator.cloud.faults.add(Fault("createSnapshot", "hang"))
    operator.submit("createSnapshot", volumeid=REPLICA, name="hangs")

    answer = operator.ask("deleteVolume", id=REPLICA)

    assert answer["errortext"] == "There are snapshot operations in progress on the volume, unable to delete it"
