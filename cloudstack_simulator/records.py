"""This will define the rows of the simulated cloud: what CloudStack's database holds, and what its hosts hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

Json = dict[str, Any]
Tags = list[dict[str, str]]


class Record:
    """This will report every change of a row to the journal, so that a world on disk is written through.

    Containers are replaced, never changed in place: only an assignment is seen.
    """

    kind: ClassVar[str] = ""
    id: str

    def __setattr__(self, name: str, value: object) -> None:
        """This will set the attribute and note the row as changed."""
        self.__dict__[name] = value
        journal = self.__dict__.get("_journal")
        if journal is not None:
            journal[self.kind, self.id] = self

    def row(self) -> Json:
        """This will give the row as JSON-able fields."""
        return {name: value for name, value in self.__dict__.items() if name != "_journal"}


@dataclass(eq=False)
class Account(Record):
    """This will be an account with its one user, keys and limits (limit -1: none)."""

    kind: ClassVar[str] = "account"
    id: str
    number: int
    name: str
    user_id: str
    user_name: str
    root_admin: bool
    api_key: str
    secret_key: str
    domain_id: str
    limits: dict[str, int] = field(default_factory=dict)


@dataclass(eq=False)
class Network(Record):
    """This will be a guest network; `cidr` is empty on L2, where addresses are nobody's business."""

    kind: ClassVar[str] = "network"
    id: str
    number: int
    name: str
    display_text: str
    type: str
    account: str
    cidr: str = ""
    gateway: str = ""
    netmask: str = ""
    vlan: int = 0
    state: str = "Allocated"
    created: float = 0.0


@dataclass
class Nic:
    """This will be one network card of a VM."""

    id: str
    network_id: str
    mac: str
    ip: str | None = None
    # whether it is plugged into a network that has its VLAN
    plugged: bool = False


@dataclass(eq=False)
class Machine(Record):
    """This will be a VM: the record, and `running`: whether a domain of it lives on a host."""

    kind: ClassVar[str] = "machine"
    id: str
    number: int
    name: str
    display_name: str
    account: str
    state: str
    offering_id: str
    template_id: str
    os_type_id: str
    cpu: int
    cpu_speed: int
    memory: int
    created: float
    details: dict[str, str] = field(default_factory=dict)
    nics: list[Nic] = field(default_factory=list)
    updated: float | None = None
    running: bool = False
    started_once: bool = False
    delete_protection: bool = False
    tags: Tags = field(default_factory=list)
    boots: int = 0
    boot_type: str | None = None
    boot_mode: str | None = None
    appliance: bool = False
    removed: bool = False
    # a VM whose start was cut off by a restart still shows the host it was to run on
    host_lingers: bool = False
    # details that a deployment or a stop leaves behind, shown beside the caller's own
    inner_details: dict[str, str] = field(default_factory=dict)

    @property
    def instance_name(self) -> str:
        """This will give the name that the hypervisor knows the VM by."""
        return f"i-{2 if self.account == 'admin' else 4}-{self.number}-VM"


@dataclass(eq=False)
class Volume(Record):
    """This will be a volume: the record (state, vm_id, device_id …), who really holds it, and what lies on it."""

    kind: ClassVar[str] = "volume"
    id: str
    number: int
    name: str
    account: str
    type: str
    state: str
    size: int
    created: float
    vm_id: str | None = None
    device_id: int | None = None
    attached: float | None = None
    template_id: str | None = None
    offering_id: str | None = None
    disk_offering_id: str | None = None
    snapshot_id: str | None = None
    on_storage: bool = False
    hypervisor_known: bool = False
    path: str = ""
    delete_protection: bool = False
    tags: Tags = field(default_factory=list)
    replica: bool = False
    removed: bool = False
    deleted_by: str = ""
    # the hypervisor's layer: VMs whose domain holds the disk, the lineage of writes, who wrote since the last revert
    holders: list[str] = field(default_factory=list)
    content: list[str] = field(default_factory=list)
    torn: bool = False
    writers: list[str] = field(default_factory=list)
    writers_since_revert: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Snapshot(Record):
    """This will be a volume snapshot and the content it holds."""

    kind: ClassVar[str] = "snapshot"
    id: str
    number: int
    name: str
    volume_id: str
    account: str
    state: str
    size: int
    created: float
    content: list[str] = field(default_factory=list)
    torn: bool = False
    tags: Tags = field(default_factory=list)
    removed: bool = False
    vm_number: int | None = None


@dataclass(eq=False)
class MachineSnapshot(Record):
    """This will be a VM snapshot, which blocks attach and detach while it exists."""

    kind: ClassVar[str] = "machine_snapshot"
    id: str
    number: int
    name: str
    vm_id: str
    account: str
    created: float
    display_name: str = ""
    removed: bool = False


@dataclass(eq=False)
class AsyncJob(Record):
    """This will be an asynchronous job; `status` 0 under way, 1 succeeded, 2 failed."""

    kind: ClassVar[str] = "job"
    id: str
    number: int
    command: str
    params: dict[str, str]
    account: str
    instance_id: str | None
    queue: str | None
    created: float
    started: float | None = None
    middle: float | None = None
    ends: float | None = None
    completed: float | None = None
    status: int = 0
    result_code: int = 0
    result: Json | None = None
    memo: Json = field(default_factory=dict)
    fault: Json | None = None


@dataclass(eq=False)
class Timer(Record):
    """This will be something that happens by itself later: a sweep, or a host that finishes late."""

    kind: ClassVar[str] = "timer"
    id: str
    number: int
    at: float
    what: str
    subject: str
    removed: bool = False


@dataclass(eq=False)
class Counter(Record):
    """This will count the numbers that the database gives out, and keep single values of the world."""

    kind: ClassVar[str] = "counter"
    id: str
    value: float = 0.0
    items: list[str] = field(default_factory=list)


RECORDS: dict[str, type[Record]] = {
    record.kind: record
    for record in (Account, Network, Machine, Volume, Snapshot, MachineSnapshot, AsyncJob, Timer, Counter)
}
