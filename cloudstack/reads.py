"""Ask CloudStack what is so; every answer is filtered again, for CloudStack ignores parameters it does not know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from cloudstack import decoders
from cloudstack.arguments import checked_id, checked_ids
from cloudstack.decoding import Fields
from cloudstack.errors import CloudRefusedRead
from cloudstack.listing import Decode, Reader, decoded
from cloudstack.refusals import speaks_of_nothing_there
from cloudstack.results import (
    AsyncJob,
    Capabilities,
    Network,
    OsType,
    ResourceLimit,
    ServiceOffering,
    Snapshot,
    Template,
    VirtualMachine,
    Volume,
    Zone,
)

T = TypeVar("T")

_IDS_PER_CALL = 100
_MAX_API_LIST_BYTES = 32 * 1024 * 1024
# Without it a root admin's key sees the resources of its own account only, except by `id`.
_ALL = {"listall": "true"}


class Reads:
    """Read, by one call or one whole list each; raise CloudUnreachable or CloudRefusedRead when there is no answer."""

    _reader: Reader
    _slow_timeout: float

    def volume(self, id: str) -> Volume | None:
        """Return the volume, None when CloudStack knows none of this id."""
        return _only(self.volumes([id]))

    def volumes(self, ids: Sequence[str]) -> tuple[Volume, ...]:
        """Return those of the volumes that are there, in the order asked for."""
        return self._by_ids("listVolumes", "volume", decoders.volume, ids, lambda volume: volume.id)

    def volumes_of(self, vm_id: str) -> tuple[Volume, ...]:
        """Return what is attached to the VM as CloudStack's record says; nothing when there is no such VM."""
        asked = {**_ALL, "virtualmachineid": checked_id("virtualmachineid", vm_id)}
        found = self._unless_gone("listVolumes", "volume", decoders.volume, asked, parameter="virtualmachineid")
        return tuple(volume for volume in found if volume.virtual_machine_id == vm_id)

    def volumes_named(self, name: str) -> tuple[Volume, ...]:
        """Return the volumes of this name, in any case; names are not unique."""
        found = self._reader.every("listVolumes", "volume", decoders.volume, {**_ALL, "name": name})
        return tuple(volume for volume in found if _same_name(volume.name, name))

    def every_volume(self) -> tuple[Volume, ...]:
        """Return all volumes that the key may see: a long list, not to be asked for often."""
        return self._reader.every("listVolumes", "volume", decoders.volume, _ALL)

    def virtual_machine(self, id: str) -> VirtualMachine | None:
        """Return the VM, None when CloudStack knows none of this id."""
        return _only(self.virtual_machines([id]))

    def virtual_machines(self, ids: Sequence[str]) -> tuple[VirtualMachine, ...]:
        """Return those of the VMs that are there, in the order asked for."""
        return self._by_ids(
            "listVirtualMachines", "virtualmachine", decoders.virtual_machine, ids, lambda machine: machine.id
        )

    def virtual_machines_named(self, name: str) -> tuple[VirtualMachine, ...]:
        """Return the VMs of this name, in any case; unique within a network domain only."""
        asked = {**_ALL, "name": name}
        found = self._reader.every("listVirtualMachines", "virtualmachine", decoders.virtual_machine, asked)
        return tuple(machine for machine in found if _same_name(machine.name, name))

    def every_virtual_machine(self) -> tuple[VirtualMachine, ...]:
        """Return all VMs that the key may see: a long list, not to be asked for often."""
        return self._reader.every("listVirtualMachines", "virtualmachine", decoders.virtual_machine, _ALL)

    def snapshots_of(self, volume_id: str) -> tuple[Snapshot, ...]:
        """Return the snapshots of the volume; raises CloudRefusedRead when there is no such volume.

        Snapshots outlive their volume, so a volume that is gone says nothing about them.
        """
        asked = {**_ALL, "volumeid": checked_id("volumeid", volume_id)}
        found = self._reader.every("listSnapshots", "snapshot", decoders.snapshot, asked)
        return tuple(snapshot for snapshot in found if snapshot.volume_id == volume_id)

    def snapshot(self, id: str) -> Snapshot | None:
        """Return the snapshot, None when CloudStack knows none of this id."""
        return _only(self._by_ids("listSnapshots", "snapshot", decoders.snapshot, [id], lambda snapshot: snapshot.id))

    def snapshots_named(self, name: str) -> tuple[Snapshot, ...]:
        """Return the snapshots of this name, in any case; names are not unique."""
        found = self._reader.every("listSnapshots", "snapshot", decoders.snapshot, {**_ALL, "name": name})
        return tuple(snapshot for snapshot in found if _same_name(snapshot.name, name))

    def every_snapshot(self) -> tuple[Snapshot, ...]:
        """Return all snapshots that the key may see: a long list, not to be asked for often."""
        return self._reader.every("listSnapshots", "snapshot", decoders.snapshot, _ALL)

    def async_job(self, id: str) -> AsyncJob | None:
        """Return the job, None when CloudStack knows none: it never had it, or ended it more than a day ago."""
        try:
            body = self._reader.body("queryAsyncJobResult", {"jobid": checked_id("jobid", id)})
        except CloudRefusedRead as refused:
            if speaks_of_nothing_there(refused.error, parameter="jobid"):
                return None
            raise
        return decoded("queryAsyncJobResult", decoders.async_job, body)

    def unfinished_async_jobs(self) -> frozenset[str]:
        """Return the ids of this account's jobs that have not ended."""
        return frozenset(self._reader.every("listAsyncJobs", "asyncjobs", decoders.job_id, {}))

    def zone(self, id: str) -> Zone | None:
        """Return the zone, None when there is none of this id."""
        return self._by_id("listZones", "zone", decoders.zone, {"id": checked_id("id", id)})

    def network(self, id: str) -> Network | None:
        """Return the network, None when there is none of this id that the key may see."""
        return self._by_id("listNetworks", "network", decoders.network, {**_ALL, "id": checked_id("id", id)})

    def networks(self) -> tuple[Network, ...]:
        """Return every network that the key may see."""
        return self._reader.every("listNetworks", "network", decoders.network, _ALL)

    def service_offering(self, id: str) -> ServiceOffering | None:
        """Return the compute offering, None when there is none of this id."""
        asked = {"id": checked_id("id", id)}
        return self._by_id("listServiceOfferings", "serviceoffering", decoders.service_offering, asked)

    def template(self, id: str) -> Template | None:
        """Return the template, None when there is none of this id that the key may deploy from."""
        asked = {"templatefilter": "executable", "id": checked_id("id", id)}
        return self._by_id("listTemplates", "template", decoders.template, asked)

    def os_types(self) -> tuple[OsType, ...]:
        """Return every guest OS type (several hundred)."""
        return self._reader.every("listOsTypes", "ostype", decoders.os_type, {})

    def os_type_named(self, description: str) -> OsType | None:
        """Return the guest OS type of exactly this description."""
        asked = {"description": description}
        found = self._reader.every("listOsTypes", "ostype", decoders.os_type, asked)
        return next((os_type for os_type in found if os_type.description == description), None)

    def capabilities(self) -> Capabilities:
        """Return version and settings of the cloud, as far as they touch this key."""
        return self._reader.one("listCapabilities", "capability", decoders.capabilities)

    def allowed_apis(self) -> frozenset[str]:
        """Return the names of all APIs that the key may call: one long answer, not to be asked for often."""
        body = self._reader.body("listApis", {}, timeout=self._slow_timeout, max_answer_bytes=_MAX_API_LIST_BYTES)
        return frozenset(decoded("listApis", _api_names, body))

    def resource_limits(self) -> tuple[ResourceLimit, ...]:
        """Return the limits of the key's own account."""
        return self._reader.every("listResourceLimits", "resourcelimit", decoders.resource_limit, {})

    def _by_ids(
        self, command: str, key: str, decode: Decode[T], ids: Sequence[str], id_of: Callable[[T], str]
    ) -> tuple[T, ...]:
        """Read by `ids`, which leaves out what was removed, where `id` is refused."""
        found: dict[str, T] = {}
        for start in range(0, len(ids), _IDS_PER_CALL):
            some = ids[start : start + _IDS_PER_CALL]
            found.update((id_of(result), result) for result in self._some_by_ids(command, key, decode, some))
        return tuple(found[id] for id in dict.fromkeys(ids) if id in found)

    def _some_by_ids(self, command: str, key: str, decode: Decode[T], ids: Sequence[str]) -> tuple[T, ...]:
        """An id that never existed has the whole list refused: then each is asked for on its own."""
        try:
            return self._reader.every(command, key, decode, {**_ALL, "ids": checked_ids("ids", ids)})
        except CloudRefusedRead as refused:
            if not speaks_of_nothing_there(refused.error, parameter="ids"):
                raise
        if len(ids) == 1:
            return ()
        return tuple(result for id in ids for result in self._some_by_ids(command, key, decode, [id]))

    def _by_id(self, command: str, key: str, decode: Decode[T], asked: dict[str, str]) -> T | None:
        found = self._unless_gone(command, key, decode, asked, parameter="id")
        return next((result for result in found if getattr(result, "id", None) == asked["id"]), None)

    def _unless_gone(
        self, command: str, key: str, decode: Decode[T], asked: dict[str, str], *, parameter: str
    ) -> tuple[T, ...]:
        try:
            return self._reader.every(command, key, decode, asked)
        except CloudRefusedRead as refused:
            if speaks_of_nothing_there(refused.error, parameter=parameter):
                return ()
            raise


def _only(found: tuple[T, ...]) -> T | None:
    return found[0] if found else None


def _same_name(one: str, other: str) -> bool:
    """Compare as CloudStack does: the whole name, in any case."""
    return one.casefold() == other.casefold()


def _api_names(body: object) -> list[str]:
    return [decoders.api_name(value) for value in Fields("api list", body).objects("api")]
