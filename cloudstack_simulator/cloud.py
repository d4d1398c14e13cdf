"""This will tie the parts of the simulated cloud together: its offers, its rows, its hosts and its present moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from cloudstack_simulator.answers import ApiError, invalid_value
from cloudstack_simulator.catalogue import Catalogue
from cloudstack_simulator.hypervisor import Hypervisor
from cloudstack_simulator.records import Account, AsyncJob, Machine, Snapshot, Volume
from cloudstack_simulator.world import Table, World

E = TypeVar("E", Volume, Machine)


@dataclass(frozen=True)
class Request:
    """This will be one call after its signature was found good."""

    command: str
    params: dict[str, str]
    caller: Account

    def flag(self, name: str, *, default: bool = False) -> bool:
        """This will read a boolean parameter."""
        value = self.params.get(name)
        return default if value is None else value.lower() == "true"

    def ids(self, name: str) -> list[str]:
        """This will read a parameter that lists ids."""
        return [part for part in self.params.get(name, "").split(",") if part]


class Cloud:
    """This will be what every command works on."""

    def __init__(self, catalogue: Catalogue, world: World, *, scenario: str) -> None:
        self.catalogue = catalogue
        self.world = world
        self.scenario = scenario
        self.hypervisor = Hypervisor(world)
        self.now = 0.0
        self.job_seconds = catalogue.settings.job_seconds
        # conformance replaces this to give each job the time that the recording gave it
        self.phases_of: Callable[[AsyncJob, float], tuple[float, float]] = self._phases_of
        self.wake: Callable[[float, str, str], None] = _nobody_listens

    def _phases_of(self, job: AsyncJob, factor: float) -> tuple[float, float]:
        """This will say how long a job takes to its middle, and from there to its end."""
        half = self.job_seconds * self.catalogue.settings.job_factors.get(job.command, factor) / 2
        return half, half

    @property
    def is_kvm(self) -> bool:
        """This will tell whether KVM's rules hold, rather than those of the simulator hypervisor."""
        return self.catalogue.settings.hypervisor == "KVM"

    def volume(self, request: Request, name: str) -> Volume:
        """This will find the volume that a parameter names, or refuse as CloudStack does."""
        return self._existing(self.world.volumes, request, name, "Volume")

    def machine(self, request: Request, name: str) -> Machine:
        """This will find the VM that a parameter names, or refuse as CloudStack does."""
        return self._existing(self.world.machines, request, name, "VirtualMachine")

    def snapshot(self, request: Request, name: str) -> Snapshot:
        """This will find the snapshot that a parameter names; a deleted one is still found."""
        value = required(request, name)
        if value not in self.world.snapshots:
            raise invalid_value(request.command, name, value)
        return self.world.snapshots[value]

    def _by_number(self, table: Table[E], request: Request, number: int) -> E | None:
        """This will find a row by the database's own id, which root admins may pass (facts, section 15)."""
        if not request.caller.root_admin:
            raise ApiError(531, "Caller does not have permission to operate with provided resource.", inner=4365)
        return next((entry for entry in table.values() if entry.number == number), None)

    def _existing(self, table: Table[E], request: Request, name: str, kind: str) -> E:
        value = required(request, name)
        row = table.get(value)
        if row is None and value.isdigit():
            row = self._by_number(table, request, int(value))
        if row is None:
            raise invalid_value(request.command, name, value)
        if row.removed:
            raise ApiError(431, f"Unable to find UUID for id [{row.number}] of type [{kind}]", inner=4350)
        return row


def required(request: Request, name: str) -> str:
    """This will read a parameter without which the command does not run."""
    value = request.params.get(name)
    if value is None:
        raise ApiError(431, f"Unable to execute API command {request.command.lower()} due to missing parameter {name}")
    return value


def may_touch(caller: Account, row: Volume | Machine | Snapshot) -> bool:
    """This will tell whether the caller may work on the row: its owner and root admins may."""
    return caller.root_admin or row.account == caller.name


def demand_access(caller: Account, *rows: Volume | Machine | Snapshot) -> None:
    """This will refuse the call when a row belongs to somebody else."""
    if not all(may_touch(caller, row) for row in rows):
        raise ApiError(531, "Caller does not have permission to operate with provided resource.", inner=4365)


def _nobody_listens(at: float, what: str, subject: str) -> None:
    """This will stand in until the scheduler takes over."""
