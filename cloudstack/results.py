"""Give CloudStack's answers as frozen values: optional fields that are missing are None, times are aware."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True)
class Volume:
    """Show a disk. `size` is in bytes; `type` is ROOT or DATADISK and changes with the device it hangs on."""

    id: str
    name: str
    state: str
    type: str
    device_id: int | None = None
    virtual_machine_id: str | None = None
    size: int | None = None
    zone_id: str | None = None
    account: str | None = None
    delete_protection: bool | None = None
    snapshot_id: str | None = None
    template_id: str | None = None
    virtual_machine_state: str | None = None


@dataclass(frozen=True)
class Nic:
    """Show a network card of a VM; `mac` is in lower case."""

    id: str
    network_id: str
    network_name: str | None = None
    mac: str | None = None
    ip: str | None = None
    is_default: bool = False


@dataclass(frozen=True)
class VirtualMachine:
    """Show a VM as the API shows it; NICs in device order, `tags` by key."""

    id: str
    name: str
    state: str
    display_name: str | None = None
    service_offering_id: str | None = None
    template_id: str | None = None
    os_type_id: str | None = None
    os_display_name: str | None = None
    cpu_number: int | None = None
    memory_mb: int | None = None
    nics: tuple[Nic, ...] = ()
    account: str | None = None
    zone_id: str | None = None
    delete_protection: bool | None = None
    details: Mapping[str, str] | None = None
    tags: Mapping[str, str] | None = None
    boot_type: str | None = None
    boot_mode: str | None = None


@dataclass(frozen=True)
class Snapshot:
    """Show a snapshot of one volume; good for use only in state BackedUp."""

    id: str
    name: str
    state: str
    volume_id: str | None = None
    created: datetime | None = None
    tags: Mapping[str, str] | None = None


@dataclass(frozen=True)
class AsyncJob:
    """Show a job of CloudStack's.

    A failed job with `error_code` 431 was refused before any agent was asked; with any other code, or none
    (a management-server restart leaves no result at all), the host may have done the work.
    """

    id: str
    status: Literal["pending", "succeeded", "failed"]
    error_code: int | None
    error_text: str | None
    result: Mapping[str, Any]
    result_entity_id: str | None
    instance_type: str | None
    instance_id: str | None
    command: str | None
    created: datetime | None
    completed: datetime | None


@dataclass(frozen=True)
class Network:
    """Show a guest network; `type` is Isolated, L2 or Shared, `cidr` is None where CloudStack gives no addresses."""

    id: str
    name: str
    type: str | None = None
    state: str | None = None
    zone_id: str | None = None
    account: str | None = None
    cidr: str | None = None
    is_system: bool = False


@dataclass(frozen=True)
class ServiceOffering:
    """Show a size of VM; memory in MB, speed in MHz, limits for customized, constrained offerings only."""

    id: str
    name: str
    is_customized: bool
    cpu_number: int | None = None
    memory: int | None = None
    cpu_speed: int | None = None
    min_cpu_number: int | None = None
    max_cpu_number: int | None = None
    min_memory: int | None = None
    max_memory: int | None = None
    is_volatile: bool = False


@dataclass(frozen=True)
class Template:
    """Show an image that VMs are deployed from; `size` in bytes."""

    id: str
    name: str
    is_ready: bool
    os_type_id: str | None = None
    os_type_name: str | None = None
    zone_id: str | None = None
    hypervisor: str | None = None
    size: int | None = None
    password_enabled: bool = False


@dataclass(frozen=True)
class OsType:
    """Show a guest operating system that CloudStack knows."""

    id: str
    description: str


@dataclass(frozen=True)
class Zone:
    """Show a zone; only one that is Enabled takes deployments of ordinary accounts."""

    id: str
    name: str
    network_type: str | None = None
    allocation_state: str | None = None


@dataclass(frozen=True)
class Capabilities:
    """Show what this cloud allows the key that asked; what the answer does not say counts as not allowed."""

    version: str
    kvm_snapshots_of_running_vms: bool
    expunge_allowed: bool
    volume_expunge_allowed: bool
    force_stop_allowed: bool
    destroyed_vms_visible: bool


@dataclass(frozen=True)
class ResourceLimit:
    """Show how many (or how much) of a resource an account may have; `max` -1 is without limit."""

    type_name: str
    max: int
    account: str | None = None


@dataclass(frozen=True)
class NicRequest:
    """Describe a network card to be deployed; CloudStack chooses what is None."""

    network_id: str
    mac: str | None = None
    ip: str | None = None


@dataclass(frozen=True)
class Deployment:
    """Describe a VM to be deployed stopped; the first NIC is the default one, boot type and mode go together."""

    zone_id: str
    service_offering_id: str
    template_id: str
    name: str
    display_name: str
    nics: tuple[NicRequest, ...]
    details: Mapping[str, str]
    boot_type: Literal["BIOS", "UEFI"] | None = None
    boot_mode: Literal["LEGACY", "SECURE"] | None = None
