"""This will make the inventory rows that tests of networks, validation and the API start from."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from inventory.models import Appliance, ProtectedVM, Replication, ReplicaVolume, TargetCloud, VMDisk, VMNic
from networks.models import NetworkMapping

SEED_VM_ID = "4205a841-0265-f4bd-39a6-39fd92196f53"
SYNCED_AT = datetime(2025, 8, 18, 14, 35, 21, tzinfo=UTC)
GIB = 1024**3
_SPACE = uuid.UUID("5b1c3d9e-0000-4000-8000-000000000000")


def id_of(name: str) -> str:
    """Give the CloudStack id that tests use for a thing of this name."""
    return str(uuid.uuid5(_SPACE, name))


ZONE, OFFERING, TEMPLATE, APPLIANCE_VM = (id_of(name) for name in ("zone", "offering", "template", "appliance"))
PRODUCTION, SECOND_PRODUCTION, TEST_NETWORK = (id_of(name) for name in ("production", "second", "test"))


def target_cloud(endpoint: str = "https://cloud.invalid/client/api") -> TargetCloud:
    """Make the cloud."""
    cloud = TargetCloud(
        name="north",
        endpoint=endpoint,
        zone_id=ZONE,
        default_offering_id=OFFERING,
        placeholder_template_id=TEMPLATE,
        customjobid_honoured=True,
    )
    cloud.api_key, cloud.secret_key = "api-key", "secret-key"
    cloud.save()
    return cloud


def appliance_of(cloud: TargetCloud) -> Appliance:
    """Make the appliance."""
    return Appliance.objects.create(cloud=cloud, name="oma1", virtual_machine_id=APPLIANCE_VM)


def protected_vm(
    appliance: Appliance | None = None,
    *,
    vm_id: str = SEED_VM_ID,
    name: str = "PGWINTESTBIOS",
    networks: tuple[str, ...] = ("VM Network",),
    disks: int = 1,
) -> ProtectedVM:
    """Make a VM with synced disks and one NIC per network."""
    appliance = appliance or appliance_of(target_cloud())
    vm = ProtectedVM.objects.create(
        vm_id=vm_id,
        name=name,
        cloud=appliance.cloud,
        appliance=appliance,
        cpus=2,
        memory_mb=4096,
        firmware="bios",
        guest_os="Microsoft Windows Server 2019 (64-bit)",
    )
    for position, network in enumerate(networks):
        mac = f"00:50:56:aa:{len(name):02x}:{position:02x}"
        VMNic.objects.create(vm=vm, position=position, mac=mac, network_name=network, adapter="vmxnet3")
    for position in range(disks):
        disk = VMDisk.objects.create(vm=vm, position=position, size_bytes=54 * GIB, controller="scsi")
        ReplicaVolume.objects.create(
            disk=disk,
            appliance=appliance,
            volume_id=volume_id(vm_id, position),
            change_id="52 3c ec 11/5",
            last_sync_at=SYNCED_AT,
        )
    Replication.objects.create(
        vm=vm,
        replication_id=f"job-{vm_id}",
        kind="full",
        status="completed",
        percentage=100,
        started_at=SYNCED_AT,
        finished_at=SYNCED_AT,
    )
    return vm


def volume_id(vm_id: str, position: int) -> str:
    """Give the id of the replica of a disk."""
    return id_of(f"replica of {vm_id} {position}")


def mapped(
    vm: ProtectedVM, network: str = "VM Network", *, to: str = PRODUCTION, test: bool = False, mac: str = ""
) -> NetworkMapping:
    """Map a network of the VM."""
    return NetworkMapping.objects.create(
        vm=vm,
        source_network_name=network,
        destination_network_id=to,
        destination_network_name="somewhere",
        is_test_network=test,
        source_mac=mac,
    )
