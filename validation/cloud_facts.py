"""This will read from the target cloud what the checks need, within a budget of time; a silent cloud is a fact too."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

from cloudstack.endpoint import Clock
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
from cloudstack.single_flight import SingleFlight

BUDGET_SECONDS = 8.0
SETTLED_SECONDS = 60.0
# Of many VMs that are started at once, those of one appliance and network ask the same.
SHARED_SECONDS = 3.0
T = TypeVar("T")

# Reads run on threads of their own so that a cloud that hangs cannot hold an answer longer than the budget. The threads
# stay, and with them the gateway's connections.
_READERS = ThreadPoolExecutor(max_workers=64, thread_name_prefix="validation-reads")


class CloudReads(Protocol):
    """This will name the gateway's reads that validation uses; it has no write."""

    @property
    def clock_skew(self) -> float | None:
        """Give the cloud's clock minus ours, in seconds."""
        ...

    def virtual_machine(self, id: str) -> VirtualMachine | None:
        """Read a VM."""
        ...

    def volumes(self, ids: Sequence[str]) -> tuple[Volume, ...]:
        """Read volumes."""
        ...

    def network(self, id: str) -> Network | None:
        """Read a network."""
        ...

    def zone(self, id: str) -> Zone | None:
        """Read a zone."""
        ...

    def service_offering(self, id: str) -> ServiceOffering | None:
        """Read a service offering."""
        ...

    def template(self, id: str) -> Template | None:
        """Read a template."""
        ...

    def os_type_named(self, description: str) -> OsType | None:
        """Read an OS type by its description."""
        ...

    def capabilities(self) -> Capabilities:
        """Read what the cloud can do."""
        ...

    def allowed_apis(self) -> frozenset[str]:
        """Read which commands the key may use."""
        ...

    def resource_limits(self) -> tuple[ResourceLimit, ...]:
        """Read the account's limits."""
        ...


@dataclass(frozen=True)
class CloudQuestions:
    """This will say what is to be read for one VM; an empty id is not asked for."""

    appliance_vm_id: str
    volume_ids: tuple[str, ...]
    network_ids: tuple[str, ...]
    zone_id: str
    offering_id: str
    template_id: str
    os_type: str


@dataclass(frozen=True)
class CloudFacts:
    """This will hold what was read; what could not be read is named in `unread` with the reason."""

    unreachable: str | None = None
    configured: bool = True
    appliance_vm: VirtualMachine | None = None
    volumes: Mapping[str, Volume] = field(default_factory=dict)
    networks: Mapping[str, Network | None] = field(default_factory=dict)
    zone: Zone | None = None
    offering: ServiceOffering | None = None
    template: Template | None = None
    os_type: OsType | None = None
    capabilities: Capabilities | None = None
    allowed_apis: frozenset[str] = frozenset()
    limits: tuple[ResourceLimit, ...] = ()
    clock_skew: float | None = None
    unread: Mapping[str, str] = field(default_factory=dict)
    read_ns: Mapping[str, int] = field(default_factory=dict)

    def why_unread(self, *names: str) -> str | None:
        """Give the reason why one of these facts is not known, None when all are."""
        return next((self.unread[name] for name in names if name in self.unread), None)


EVERYTHING = (
    "zone",
    "appliance_vm",
    "volumes",
    "networks",
    "offering",
    "template",
    "os_type",
    "capabilities",
    "allowed_apis",
    "limits",
)


def read_cloud(
    *,
    reads: CloudReads | None,
    questions: CloudQuestions,
    clock: Clock,
    names: Collection[str] = EVERYTHING,
    budget_seconds: float = BUDGET_SECONDS,
) -> CloudFacts:
    """Read the facts of these names; never raises for a cloud that is silent, slow or refusing."""
    (facts,) = read_for_each(
        reads=reads, questions=(questions,), clock=clock, names=names, budget_seconds=budget_seconds
    )
    return facts


def read_for_each(
    *,
    reads: CloudReads | None,
    questions: Sequence[CloudQuestions],
    clock: Clock,
    names: Collection[str] = EVERYTHING,
    budget_seconds: float = BUDGET_SECONDS,
) -> list[CloudFacts]:
    """Read the facts for several VMs of one cloud, within one budget: their volumes by one call for all.

    When the cloud falls silent, whoever was read before that keeps what was read.
    """
    if not names:
        return [CloudFacts(unread=dict.fromkeys(EVERYTHING, "the cloud was not asked")) for _ in questions]
    if reads is None:
        reason = "no usable target cloud is configured"
        unread = dict.fromkeys(EVERYTHING, reason)
        return [CloudFacts(unreachable=reason, configured=False, unread=unread) for _ in questions]
    volumes = _Volumes(reads, [asked.volume_ids for asked in questions])
    readers = [_Reader(reads, asked, volumes, clock, names) for asked in questions]
    future = _READERS.submit(_read_one_after_the_other, readers)
    try:
        future.result(timeout=budget_seconds)
    except FutureTimeout:
        late = f"the cloud did not answer within {budget_seconds:g} s"
        return [reader.facts(unreachable=reader.unreachable if reader.has_ended else late) for reader in readers]
    return [reader.facts(unreachable=reader.unreachable) for reader in readers]


def _read_one_after_the_other(readers: Sequence[_Reader]) -> None:
    silent: str | None = None
    for reader in readers:
        if silent is None:
            reader.read_all()
        silent = reader.unreachable = reader.unreachable or silent


@dataclass(eq=False)
class _Remembered:
    """What was read of one cloud and when."""

    known: dict[str, tuple[float, Any]] = field(default_factory=dict)

    def known_or_read(self, name: str, read: Callable[[], T], *, now: float, seconds: float) -> T:
        if name in self.known and 0 <= now - self.known[name][0] < seconds:
            known: T = self.known[name][1]
            return known
        value = read()
        self.known[name] = (now, value)
        return value


class Settled:
    """This will remember for a minute what seldom changes in a cloud: listApis alone can weigh megabytes.

    Who comes while another thread reads the same waits for what that one hears, also where it hears nothing.
    """

    def __init__(self, *, door: AbstractContextManager[object] | None = None) -> None:
        """Know nothing yet; a test passes a lock that tells who comes to ask."""
        self._clouds: WeakKeyDictionary[Any, _Remembered] = WeakKeyDictionary()
        self._lock = threading.Lock()
        self._asking = SingleFlight[Any](tells=(CloudUnreachable, CloudRefusedRead, ValueError), door=door)

    def get(self, reads: object, name: str, read: Callable[[], T], *, now: float, seconds: float) -> T:
        """Give what was read in the last `seconds`, or read it; raises what the reading raises."""
        with self._lock:
            cloud = self._clouds.setdefault(reads, _Remembered())
        value: T = self._asking.ask((cloud, name), lambda: cloud.known_or_read(name, read, now=now, seconds=seconds))
        return value

    def forget(self, reads: object) -> None:
        """Forget a cloud, also what is being read of it just now."""
        with self._lock:
            self._clouds.pop(reads, None)


_settled = Settled()


def settled(reads: object, name: str, read: Callable[[], T], *, clock: Clock) -> T:
    """Give what was read of a cloud under this name within the last minute, or read it: for what seldom changes."""
    return _settled.get(reads, name, read, now=clock.now(), seconds=SETTLED_SECONDS)


def forget_settled(reads: CloudReads) -> None:
    """Forget what is remembered of a cloud: who has just mended it must not be judged by what was."""
    _settled.forget(reads)


class _Volumes:
    """This will read the volumes of all VMs by one call, when the first of them is asked for."""

    def __init__(self, reads: CloudReads, of_each: Sequence[Sequence[str]]) -> None:
        self._reads = reads
        self._of_each = [ids for ids in of_each if ids]
        self._known: dict[str, Volume] | None = None

    def of(self, ids: Sequence[str]) -> dict[str, Volume]:
        """Give those of a VM's volumes that are there; raises what the gateway raises about them."""
        if not ids:
            return {}
        if self._known is None:
            self._read_together()
        if self._known is None:
            return {volume.id: volume for volume in self._reads.volumes(ids)}
        return {id: self._known[id] for id in ids if id in self._known}

    def _read_together(self) -> None:
        """Read all, unless there is one VM only; what is wrong with one id must not be laid to the others."""
        if len(self._of_each) < 2:
            return
        try:
            found = self._reads.volumes([id for ids in self._of_each for id in ids])
        except (CloudRefusedRead, ValueError):
            # From here on each VM's are read by themselves.
            self._of_each = []
            return
        self._known = {volume.id: volume for volume in found}


class _Reader:
    """This will read one fact after the other and keep what it has, so that a timeout loses only the rest."""

    def __init__(
        self, reads: CloudReads, questions: CloudQuestions, volumes: _Volumes, clock: Clock, names: Collection[str]
    ) -> None:
        self._reads = reads
        self._questions = questions
        self._together = volumes
        self._names = names
        self._now = clock.now()
        self._found: dict[str, Any] = {}
        self._refused: dict[str, str] = {}
        self._read_ns: dict[str, int] = {}
        self.unreachable: str | None = None
        self.has_ended = False

    def read_all(self) -> None:
        """Read everything that was asked for; stops at the first sign that the cloud does not answer."""
        self._read_until_silent()
        self.has_ended = True

    def _read_until_silent(self) -> None:
        for name, read in self._plan():
            if name not in self._names:
                continue
            started = time.perf_counter_ns()
            try:
                self._found[name] = read()
            except CloudUnreachable as error:
                self.unreachable = str(error)
                return
            except CloudRefusedRead as error:
                self._refused[name] = str(error)
                if error.error.http_status == 401:
                    self.unreachable = f"the cloud refuses the API key: {error}"
                    return
            except ValueError as error:
                # The gateway sends no id that is not a uuid: root admins could reach foreign objects by number.
                self._refused[name] = str(error)
            finally:
                self._read_ns[name] = time.perf_counter_ns() - started

    def facts(self, *, unreachable: str | None) -> CloudFacts:
        """Give what is known so far."""
        found = dict(self._found)
        rest = unreachable or "it was not read"
        unread = {name: self._refused.get(name, rest) for name in EVERYTHING if name not in found}
        return CloudFacts(
            unreachable=unreachable,
            clock_skew=self._reads.clock_skew,
            unread=unread,
            read_ns=dict(self._read_ns),
            **found,
        )

    def _plan(self) -> Iterable[tuple[str, Callable[[], Any]]]:
        asked, reads = self._questions, self._reads
        return (
            ("appliance_vm", self._shared(f"vm {asked.appliance_vm_id}", self._appliance_vm)),
            ("volumes", lambda: self._together.of(asked.volume_ids)),
            ("networks", lambda: {id: self._network(id) for id in asked.network_ids}),
            ("zone", self._settled(f"zone {asked.zone_id}", lambda: reads.zone(asked.zone_id))),
            (
                "offering",
                self._settled(f"offering {asked.offering_id}", lambda: reads.service_offering(asked.offering_id)),
            ),
            ("template", self._settled(f"template {asked.template_id}", lambda: reads.template(asked.template_id))),
            ("os_type", self._settled(f"os type {asked.os_type}", self._os_type)),
            ("capabilities", self._settled("capabilities", reads.capabilities)),
            ("allowed_apis", self._settled("allowed_apis", reads.allowed_apis)),
            ("limits", self._settled("limits", reads.resource_limits)),
        )

    def _settled(self, key: str, read: Callable[[], T]) -> Callable[[], T]:
        return lambda: _settled.get(self._reads, key, read, now=self._now, seconds=SETTLED_SECONDS)

    def _shared(self, key: str, read: Callable[[], T]) -> Callable[[], T]:
        return lambda: _settled.get(self._reads, key, read, now=self._now, seconds=SHARED_SECONDS)

    def _appliance_vm(self) -> VirtualMachine | None:
        return self._reads.virtual_machine(self._questions.appliance_vm_id)

    def _network(self, id: str) -> Network | None:
        return self._shared(f"network {id}", lambda: self._reads.network(id))()

    def _os_type(self) -> OsType | None:
        return self._reads.os_type_named(self._questions.os_type) if self._questions.os_type else None
