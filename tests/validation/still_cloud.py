"""This will be a cloud that stands still: reads answered from values that a test bends, no socket, no simulator."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from cloudstack.errors import CloudRefusedRead, CloudUnreachable
from cloudstack.results import (
    Capabilities,
    Network,
    OsType,
    ResourceLimit,
    ServiceOffering,
    Template,
    VirtualMachine,
    Volume,
    Zone,
)
from inventory.models import ProtectedVM
from tests.networks.rows import APPLIANCE_VM, GIB, OFFERING, PRODUCTION, SECOND_PRODUCTION, TEMPLATE, TEST_NETWORK, ZONE
from validation.checks.cloud import TEST_PLAN_APIS


@dataclass(frozen=True)
class SteadyClock:
    """This will tell a time that stands still, so many seconds later than usual."""

    later_by: float = 0.0

    def now(self) -> float:
        """Give unix seconds."""
        return 1_760_000_000.0 + self.later_by


@dataclass(eq=False)
class StillCloud:
    """This will answer reads as a healthy cloud does, until a test bends it."""

    known_volumes: dict[str, Volume]
    appliance: VirtualMachine | None
    known_networks: dict[str, Network]
    offering: ServiceOffering | None
    placeholder: Template | None
    known_zone: Zone | None
    apis: frozenset[str] = TEST_PLAN_APIS
    limits: tuple[ResourceLimit, ...] = (ResourceLimit("user_vm", -1), ResourceLimit("snapshot", 20))
    clock_skew: float | None = 0.4
    snapshots_of_running_vms: bool = True
    fails: dict[str, CloudUnreachable | CloudRefusedRead] = field(default_factory=dict)
    hangs_until: threading.Event | None = None
    asked: list[str] = field(default_factory=list)

    def _ask(self, command: str) -> None:
        self.asked.append(command)
        if self.hangs_until is not None:
            self.hangs_until.wait(60)
        if command in self.fails:
            raise self.fails[command]

    def virtual_machine(self, id: str) -> VirtualMachine | None:
        """Give the appliance."""
        self._ask("listVirtualMachines")
        return self.appliance if id == APPLIANCE_VM else None

    def volumes(self, ids: Sequence[str]) -> tuple[Volume, ...]:
        """Give the volumes that are there."""
        self._ask("listVolumes")
        return tuple(self.known_volumes[id] for id in ids if id in self.known_volumes)

    def network(self, id: str) -> Network | None:
        """Give a network; refuses what is no uuid, as the gateway does."""
        self._ask("listNetworks")
        if len(id) != 36:
            raise ValueError(f"id must be a uuid, not {id!r}")
        return self.known_networks.get(id)

    def zone(self, id: str) -> Zone | None:
        """Give the zone."""
        self._ask("listZones")
        return self.known_zone

    def service_offering(self, id: str) -> ServiceOffering | None:
        """Give the offering."""
        self._ask("listServiceOfferings")
        return self.offering

    def template(self, id: str) -> Template | None:
        """Give the placeholder template."""
        self._ask("listTemplates")
        return self.placeholder

    def os_type_named(self, description: str) -> OsType | None:
        """Know one OS type."""
        self._ask("listOsTypes")
        return OsType(ZONE, description) if description == "Windows Server 2019 (64-bit)" else None

    def capabilities(self) -> Capabilities:
        """Give the capabilities."""
        self._ask("listCapabilities")
        return Capabilities("4.22.0.0", self.snapshots_of_running_vms, False, True, True, False)

    def allowed_apis(self) -> frozenset[str]:
        """Give the commands of the key's role."""
        self._ask("listApis")
        return self.apis

    def resource_limits(self) -> tuple[ResourceLimit, ...]:
        """Give the account's limits."""
        self._ask("listResourceLimits")
        return self.limits


def healthy_cloud(*vms: ProtectedVM) -> StillCloud:
    """Make a cloud in which these VMs may fail over."""
    ids = [disk.replica.volume_id for vm in vms for disk in vm.disks.all()]
    volumes = {
        id: Volume(id, f"replica-{n}", "Ready", "DATADISK", n + 1, APPLIANCE_VM, 54 * GIB, ZONE, "opsacct")
        for n, id in enumerate(ids)
    }
    networks = {
        PRODUCTION: Network(PRODUCTION, "production", "Isolated", "Implemented", ZONE, cidr="10.1.1.0/24"),
        SECOND_PRODUCTION: Network(SECOND_PRODUCTION, "second", "Isolated", "Allocated", ZONE, cidr="10.1.2.0/24"),
        TEST_NETWORK: Network(TEST_NETWORK, "test", "L2", "Allocated", ZONE),
    }
    return StillCloud(
        known_volumes=volumes,
        appliance=VirtualMachine(APPLIANCE_VM, "oma1", "Running", account="opsacct", zone_id=ZONE),
        known_networks=networks,
        offering=ServiceOffering(OFFERING, "custom", True, min_cpu_number=1, max_cpu_number=16, min_memory=512),
        placeholder=Template(TEMPLATE, "placeholder", True),
        known_zone=Zone(ZONE, "zone1", "Advanced", "Enabled"),
    )
