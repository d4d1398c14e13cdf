"""This will describe the protected VMs as their source knows them: hardware, disks in boot order, NICs."""

from __future__ import annotations

from django.db import models

from inventory.models.clouds import Appliance, TargetCloud
from inventory.models.stamped import Stamped, one_of


class PowerState(models.TextChoices):
    """This will say, in the source's words, whether the source VM runs."""

    ON = "poweredOn", "powered on"
    OFF = "poweredOff", "powered off"
    SUSPENDED = "suspended", "suspended"
    UNKNOWN = "unknown", "unknown"


class Firmware(models.TextChoices):
    """This will say what firmware the guest was installed for."""

    BIOS = "bios", "BIOS"
    UEFI = "uefi", "UEFI"


class DiskController(models.TextChoices):
    """This will say what kind of controller a disk hangs on in the source."""

    SCSI = "scsi", "SCSI"
    SATA = "sata", "SATA"
    IDE = "ide", "IDE"
    NVME = "nvme", "NVMe"
    PARAVIRTUAL = "paravirtual", "paravirtual SCSI"
    VIRTIO = "virtio", "VirtIO"


class NicAdapter(models.TextChoices):
    """This will say what kind of adapter a NIC is in the source."""

    E1000 = "e1000", "E1000"
    E1000E = "e1000e", "E1000E"
    VMXNET2 = "vmxnet2", "VMXNET 2"
    VMXNET3 = "vmxnet3", "VMXNET 3"
    PCNET32 = "pcnet32", "PCnet32"
    FLEXIBLE = "flexible", "flexible"
    SRIOV = "sriov", "SR-IOV"
    VIRTIO = "virtio", "VirtIO"


class ProtectedVM(Stamped):
    """This will hold one VM of the source that can fail over to a cloud.

    `target_os_type` and `service_offering_id` override what is derived from `guest_os` and from the cloud's default.
    """

    vm_id = models.CharField(max_length=128, unique=True)
    name = models.CharField(max_length=255, db_index=True)
    cloud = models.ForeignKey(TargetCloud, on_delete=models.PROTECT, related_name="vms")
    appliance = models.ForeignKey(Appliance, on_delete=models.PROTECT, related_name="vms")
    power_state = models.CharField(max_length=20, choices=PowerState, default=PowerState.UNKNOWN)
    cpus = models.PositiveIntegerField()
    memory_mb = models.PositiveIntegerField()
    firmware = models.CharField(max_length=4, choices=Firmware)
    secure_boot = models.BooleanField(default=False)
    guest_os = models.CharField(max_length=255)
    target_os_type = models.CharField(max_length=255, blank=True)
    service_offering_id = models.CharField(max_length=36, blank=True)

    class Meta:
        ordering = ("name", "vm_id")
        verbose_name = "protected VM"
        constraints = (
            models.CheckConstraint(condition=models.Q(cpus__gte=1), name="vm_has_a_cpu"),
            models.CheckConstraint(condition=models.Q(memory_mb__gte=1), name="vm_has_memory"),
            one_of("power_state", PowerState, name="vm_power_state_known"),
            one_of("firmware", Firmware, name="vm_firmware_known"),
            models.CheckConstraint(
                condition=models.Q(secure_boot=False) | models.Q(firmware=Firmware.UEFI),
                name="vm_secure_boot_needs_uefi",
            ),
        )

    def __str__(self) -> str:
        return self.name


class VMDisk(Stamped):
    """This will hold one disk of a VM; position 0 is the disk it boots from, the others follow in boot order."""

    vm = models.ForeignKey(ProtectedVM, on_delete=models.CASCADE, related_name="disks")
    position = models.PositiveSmallIntegerField()
    label = models.CharField(max_length=100, blank=True)
    size_bytes = models.PositiveBigIntegerField()
    controller = models.CharField(max_length=20, choices=DiskController)

    class Meta:
        ordering = ("position",)
        verbose_name = "VM disk"
        constraints = (
            models.UniqueConstraint(fields=("vm", "position"), name="disk_position_once_per_vm"),
            models.CheckConstraint(condition=models.Q(size_bytes__gte=1), name="disk_has_a_size"),
            one_of("controller", DiskController, name="disk_controller_known"),
        )

    def __str__(self) -> str:
        return f"{self.vm} disk {self.position}"


class VMNic(Stamped):
    """This will hold one NIC of a VM: its MAC (lower case, colons), its network in the source, and its addresses."""

    vm = models.ForeignKey(ProtectedVM, on_delete=models.CASCADE, related_name="nics")
    position = models.PositiveSmallIntegerField()
    mac = models.CharField(max_length=17)
    network_name = models.CharField(max_length=255)
    adapter = models.CharField(max_length=20, choices=NicAdapter)
    addresses = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ("position",)
        verbose_name = "VM NIC"
        constraints = (
            models.UniqueConstraint(fields=("vm", "position"), name="nic_position_once_per_vm"),
            one_of("adapter", NicAdapter, name="nic_adapter_known"),
        )

    def __str__(self) -> str:
        return f"{self.vm} NIC {self.position}"
