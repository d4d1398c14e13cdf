"""This will hold what a cloud offers and no call of ours changes: zone, offerings, templates, OS types, settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cloudstack_simulator.records import Json


@dataclass(frozen=True)
class ServiceOffering:
    """This will be a size for VMs; a custom one leaves CPU and memory to the caller, within its bounds."""

    id: str
    name: str
    cpu: int | None = None
    cpu_speed: int | None = None
    memory: int | None = None
    custom: bool = False
    min_cpu: int | None = None
    max_cpu: int | None = None
    min_memory: int | None = None
    max_memory: int | None = None
    display_text: str = ""
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True)
class DiskOffering:
    """This will be a size for data volumes."""

    id: str
    name: str
    display_text: str
    size_gb: int = 0
    custom: bool = False
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Template:
    """This will be a template for root disks."""

    id: str
    name: str
    os_type_id: str
    size: int
    format: str = "QCOW2"
    type: str = "USER"
    account: str = "admin"
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True)
class OsType:
    """This will be a guest operating system that CloudStack knows."""

    id: str
    description: str
    category_id: str = ""


@dataclass(frozen=True)
class Settings:
    """This will be the global settings and traits of the cloud that its answers depend on."""

    hypervisor: str = "KVM"
    job_seconds: float = 2.0
    # how long a VM-bound job waits for the server to hand it out
    dispatch_seconds: float = 0.0
    job_factors: dict[str, float] = field(default_factory=dict)
    kvm_snapshot_enabled: bool = True
    user_may_expunge: bool = False
    user_may_recover_volumes: bool = True
    user_views_destroyed: bool = False
    uefi_hosts: bool = True
    host_memory_mb: int = 262_144
    expunge_delay_seconds: float = 86_400.0
    error_sweep_seconds: float = 40.0
    version: str = "4.22.0.0"
    max_data_disks: int = 32
    # enforce.post.requests.and.timestamps
    enforce_post: bool = False
    network_domain: str = "cs2cloud.internal"

    @property
    def last_device(self) -> int:
        """This will give the highest device id that a VM may use (3 belongs to the CD)."""
        return self.max_data_disks + 1


@dataclass(frozen=True)
class Catalogue:
    """This will gather everything fixed about one cloud."""

    zone_id: str
    zone_name: str
    domain_id: str
    service_offerings: dict[str, ServiceOffering]
    disk_offerings: dict[str, DiskOffering]
    templates: dict[str, Template]
    os_types: dict[str, OsType]
    settings: Settings
    places: dict[str, str]
    extra: dict[str, Any] = field(default_factory=dict)
    fixed_lists: dict[str, Json] = field(default_factory=dict)
