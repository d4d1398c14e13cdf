"""This will name who plays in the demo: the VMs of docs/examples/demo-inventory.yaml and where they go."""

from __future__ import annotations

from dataclasses import dataclass

# Scenarios of the simulator that hold the VMs below.
SCENARIOS = ("demo", "no-running-snapshots")


@dataclass(frozen=True)
class TargetNetwork:
    """A network of the target cloud."""

    network_id: str
    name: str


@dataclass(frozen=True)
class Role:
    """One VM of the story: its replicas in boot order, and its source networks in NIC order with their targets."""

    vm_id: str
    name: str
    volumes: tuple[str, ...]
    networks: tuple[tuple[str, TargetNetwork], ...]
    test_networks: tuple[tuple[str, TargetNetwork], ...]


PRODUCTION = TargetNetwork("d1e2f3a4-0001-4000-8000-000000000001", "OSSEA-L2")
STORAGE = TargetNetwork("d1e2f3a4-0001-4000-8000-000000000002", "OSSEA-Storage")
TEST = TargetNetwork("d1e2f3a4-0001-4000-8000-000000000003", "OSSEA-TEST-L2")
TEST_STORAGE = TargetNetwork("d1e2f3a4-0001-4000-8000-000000000004", "OSSEA-TEST-ISO")

# The service of the demo allows tests as short as this one, which the clock ends (production: a minute and more).
SHORT_TEST_SECONDS = 5

WINDOWS = Role(
    vm_id="4205a841-0265-f4bd-39a6-39fd92196f53",
    name="PGWINTESTBIOS",
    volumes=("e915ef05-ddf5-48d5-8352-a01300609717",),
    networks=(("VM Network", PRODUCTION),),
    test_networks=(("VM Network", TEST),),
)
LINUX = Role(
    vm_id="4205b002-1f3c-4d77-8a10-5c2e7f90b102",
    name="LNXDBPROD01",
    volumes=(
        "5b7d1e20-0003-4000-8000-000000000001",
        "5b7d1e20-0003-4000-8000-000000000002",
        "5b7d1e20-0003-4000-8000-000000000003",
    ),
    networks=(("VM Network", PRODUCTION), ("Storage Network", STORAGE)),
    test_networks=(("VM Network", TEST), ("Storage Network", TEST_STORAGE)),
)
UNSYNCED = Role(
    vm_id="4205c003-77aa-4b1e-9c44-8e1d0a3f2c03",
    name="PGFILESRV02",
    volumes=("5b7d1e20-0004-4000-8000-000000000001", "5b7d1e20-0004-4000-8000-000000000002"),
    networks=(("VM Network", PRODUCTION),),
    test_networks=(("VM Network", TEST),),
)

EVERYBODY = (WINDOWS, LINUX, UNSYNCED)
NETWORK_NAMES = {network.network_id: network.name for network in (PRODUCTION, STORAGE, TEST, TEST_STORAGE)}
FAILING_OVER = (WINDOWS, LINUX)
