"""This will choose the virtual hardware on which the source's guest boots without a change to its disks.

A guest that ran on VMware has drivers for what it saw there. CloudStack's default for most guests is virtio (or IDE
with e1000), so controllers and adapters are always named (facts section 3): AHCI and e1000 are in every guest that
VMware's own CD drive and adapters needed; virtio only where the source had it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inventory.models import DiskController, Firmware, NicAdapter, ProtectedVM, VMDisk, VMNic

# AHCI as CloudStack builds it has six ports, one of them the CD drive's.
_MOST_SATA_DISKS = 5


@dataclass(frozen=True)
class GuestHardware:
    """Boot type and mode go together or not at all; `details` are CloudStack VM details."""

    boot_type: str | None
    boot_mode: str | None
    details: dict[str, str]


def guest_hardware(vm: ProtectedVM, *, disks: Sequence[VMDisk], nics: Sequence[VMNic]) -> GuestHardware:
    """Give firmware, disk controllers and NIC adapter for the VM's guest."""
    virtio_disks = bool(disks) and all(disk.controller == DiskController.VIRTIO for disk in disks)
    virtio_nics = bool(nics) and all(nic.adapter == NicAdapter.VIRTIO for nic in nics)
    controller = "virtio" if virtio_disks else "sata" if len(disks) <= _MOST_SATA_DISKS else "scsi"
    details = {
        "rootDiskController": controller,
        "dataDiskController": controller,
        "nicAdapter": "virtio" if virtio_nics else "e1000",
    }
    if vm.firmware == Firmware.UEFI:
        return GuestHardware("UEFI", "SECURE" if vm.secure_boot else "LEGACY", details)
    # BIOS without a mode is a null pointer in the server; neither means BIOS.
    return GuestHardware(None, None, details)
