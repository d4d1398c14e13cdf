"""This will hold all rows of the simulated cloud with the indexes that keep every look-up short."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from cloudstack_simulator.records import (
    Account,
    AsyncJob,
    Counter,
    Machine,
    MachineSnapshot,
    Network,
    Record,
    Snapshot,
    Timer,
    Volume,
)

R = TypeVar("R", bound=Record)
Journal = dict[tuple[str, str], Record]


class Table(dict[str, R]):
    """This will hold the rows of one kind by id, and the ids by lower-case name."""

    def __init__(self) -> None:
        super().__init__()
        self.by_name: dict[str, list[str]] = {}

    def put(self, record: R) -> None:
        """This will add a row under its id and name."""
        self[record.id] = record
        name = getattr(record, "name", None)
        if isinstance(name, str):
            self.by_name.setdefault(name.lower(), []).append(record.id)

    def named(self, name: str) -> list[R]:
        """This will find the rows of that name; CloudStack compares without case."""
        return [self[key] for key in self.by_name.get(name.lower(), ())]

    def rename(self, record: Any, name: str) -> None:
        """This will give a row another name."""
        self.by_name[record.name.lower()].remove(record.id)
        record.name = name
        self.by_name.setdefault(name.lower(), []).append(record.id)


class World:
    """This will be the database of the simulated cloud."""

    def __init__(self, *, seed: int, journal: Journal | None) -> None:
        self.seed = seed
        self.journal = journal
        self.accounts: Table[Account] = Table()
        self.networks: Table[Network] = Table()
        self.machines: Table[Machine] = Table()
        self.volumes: Table[Volume] = Table()
        self.snapshots: Table[Snapshot] = Table()
        self.machine_snapshots: Table[MachineSnapshot] = Table()
        self.jobs: Table[AsyncJob] = Table()
        self.timers: Table[Timer] = Table()
        self.counters: Table[Counter] = Table()
        self._tables: dict[str, Table[Any]] = {
            "account": self.accounts,
            "network": self.networks,
            "machine": self.machines,
            "volume": self.volumes,
            "snapshot": self.snapshots,
            "machine_snapshot": self.machine_snapshots,
            "job": self.jobs,
            "timer": self.timers,
            "counter": self.counters,
        }
        self.unfinished: dict[str, None] = {}
        self._unfinished_about: dict[str, dict[str, None]] = {}
        self._volumes_of: dict[str, dict[str, None]] = {}
        self._snapshots_of: dict[str, list[str]] = {}
        self._taken_macs: set[str] = set()
        self._taken_ips: dict[str, set[str]] = {}

    def add(self, record: R) -> R:
        """This will put a row into the world, its indexes and the journal."""
        self._tables[record.kind].put(record)
        self._index(record)
        if self.journal is not None:
            record.__dict__["_journal"] = self.journal
            self.journal[record.kind, record.id] = record
        return record

    def _index(self, record: Record) -> None:
        match record:
            case Volume() if record.vm_id is not None and not record.removed:
                self._volumes_of.setdefault(record.vm_id, {})[record.id] = None
            case Snapshot():
                self._snapshots_of.setdefault(record.volume_id, []).append(record.id)
            case AsyncJob() if record.status == 0:
                self.open_job(record)
            case Machine() if not record.removed:
                for nic in record.nics:
                    self.take_addresses(nic.network_id, mac=nic.mac, ip=nic.ip)

    def open_job(self, job: AsyncJob) -> None:
        """This will count a job among the unfinished."""
        self.unfinished[job.id] = None
        if job.instance_id is not None:
            self._unfinished_about.setdefault(job.instance_id, {})[job.id] = None

    def close_job(self, job: AsyncJob) -> None:
        """This will count a job among the unfinished no more."""
        self.unfinished.pop(job.id, None)
        about = self._unfinished_about.get(job.instance_id or "")
        if about is not None:
            about.pop(job.id, None)
            if not about:
                del self._unfinished_about[job.instance_id or ""]

    def job_about(self, row_id: str) -> str | None:
        """This will name the oldest unfinished job about a row, which CloudStack shows with it."""
        return next(iter(self._unfinished_about.get(row_id, ())), None)

    def take_addresses(self, network_id: str, *, mac: str, ip: str | None) -> None:
        """This will note a MAC and an IP as used."""
        self._taken_macs.add(mac)
        if ip is not None:
            self._taken_ips.setdefault(network_id, set()).add(ip)

    def free_addresses(self, machine: Machine) -> None:
        """This will give back the addresses of a VM that is gone."""
        for nic in machine.nics:
            self._taken_macs.discard(nic.mac)
            self._taken_ips.get(nic.network_id, set()).discard(nic.ip or "")

    def mac_is_taken(self, mac: str) -> bool:
        """This will tell whether a network card uses this MAC."""
        return mac in self._taken_macs

    def ip_is_taken(self, network_id: str, ip: str) -> bool:
        """This will tell whether a network card uses this address in the network."""
        return ip in self._taken_ips.get(network_id, ())

    def place(self, volume: Volume, vm_id: str | None, device_id: int | None) -> None:
        """This will write in the record where a volume is attached; None takes it off."""
        if volume.vm_id is not None:
            self._volumes_of.get(volume.vm_id, {}).pop(volume.id, None)
        volume.vm_id, volume.device_id = vm_id, device_id
        if vm_id is not None:
            self._volumes_of.setdefault(vm_id, {})[volume.id] = None

    def volumes_of(self, vm_id: str) -> list[Volume]:
        """This will list the volumes whose record says that the VM has them."""
        return [self.volumes[key] for key in self._volumes_of.get(vm_id, ())]

    def snapshots_of(self, volume_id: str) -> list[Snapshot]:
        """This will list the snapshots of a volume that are not removed."""
        rows = (self.snapshots[key] for key in self._snapshots_of.get(volume_id, ()))
        return [row for row in rows if not row.removed]

    def number(self, name: str) -> int:
        """This will give the next number of a sequence."""
        counter = self.counters.get(name)
        if counter is None:
            counter = self.add(Counter(id=name))
        counter.value += 1
        return int(counter.value)

    def fresh_id(self) -> str:
        """This will give the next uuid; the same seed gives the same uuids in the same order."""
        digest = hashlib.sha256(f"{self.seed}:{self.number('uuid')}".encode()).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4))

    def note(self, name: str, text: str) -> None:
        """This will add a line to a named list of the world."""
        counter = self.counters.get(name) or self.add(Counter(id=name))
        counter.items = [*counter.items, text]

    def notes(self, name: str) -> list[str]:
        """This will read a named list of the world."""
        counter = self.counters.get(name)
        return list(counter.items) if counter is not None else []

    def account_named(self, name: str) -> Account:
        """This will find an account by its name."""
        return self.accounts.named(name)[0]


def living(rows: Iterable[R], keep: Callable[[R], bool] | None = None) -> Iterator[R]:
    """This will leave out removed rows, and those that `keep` does not want."""
    for row in rows:
        if not getattr(row, "removed", False) and (keep is None or keep(row)):
            yield row
