"""This will know every command: the asynchronous ones as objects, the others as functions, and who may call them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cloudstack_simulator.cloud import Cloud, Request
from cloudstack_simulator.commands import apis, async_jobs, limits, lists, machines, offers, snapshots, tags, volumes
from cloudstack_simulator.commands.attachment import AttachVolume, DetachVolume
from cloudstack_simulator.commands.deployment import DeployVirtualMachine
from cloudstack_simulator.commands.lists import Listing, page_of
from cloudstack_simulator.jobs import AsyncCommand
from cloudstack_simulator.records import Json

SyncCommand = Callable[[Request], Json]

_ASYNCHRONOUS: tuple[type[AsyncCommand], ...] = (
    DeployVirtualMachine,
    machines.StartVirtualMachine,
    machines.StopVirtualMachine,
    machines.DestroyVirtualMachine,
    machines.ExpungeVirtualMachine,
    machines.DeleteMachineSnapshot,
    AttachVolume,
    DetachVolume,
    volumes.CreateVolume,
    volumes.UpdateVolume,
    volumes.DestroyVolume,
    snapshots.CreateSnapshot,
    snapshots.DeleteSnapshot,
    snapshots.RevertSnapshot,
    tags.CreateTags,
    tags.DeleteTags,
)

_SYNCHRONOUS: dict[str, Callable[[Cloud, Request], Json]] = {
    "updateVirtualMachine": machines.update_machine,
    "recoverVirtualMachine": machines.recover_machine,
    "deleteVolume": volumes.delete_volume,
    "recoverVolume": volumes.recover_volume,
    "listCapabilities": offers.list_capabilities,
    "listResourceLimits": limits.list_limits,
    "updateResourceLimit": limits.update_limit,
    "createServiceOffering": offers.create_service_offering,
}

_LISTS: dict[str, Callable[[Cloud, Request], Listing]] = {
    "listVirtualMachines": lists.list_machines,
    "listVolumes": lists.list_volumes,
    "listSnapshots": lists.list_snapshots,
    "listVMSnapshot": lists.list_machine_snapshots,
    "listNics": lists.list_nics,
    "listZones": offers.list_zones,
    "listServiceOfferings": offers.list_service_offerings,
    "listDiskOfferings": offers.list_disk_offerings,
    "listTemplates": offers.list_templates,
    "listOsTypes": offers.list_os_types,
    "listNetworks": offers.list_networks,
}

# An ordinary account lacks these (recorded: updateVolume and the administrators' lists answer 432)
ADMIN_ONLY = frozenset(
    {
        "updateVolume",
        "updateResourceLimit",
        "createServiceOffering",
        "listHosts",
        "listConfigurations",
        "listStoragePools",
        "listClusters",
        "listManagementServers",
        "listHypervisorCapabilities",
        "listSystemVms",
    }
)


class Registry:
    """This will hold the commands of one cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self.asynchronous: dict[str, AsyncCommand] = {kind.name: kind(cloud) for kind in _ASYNCHRONOUS}
        self.synchronous: dict[str, SyncCommand] = {
            name: partial(command, cloud) for name, command in _SYNCHRONOUS.items()
        }
        for name, listing in _LISTS.items():
            self.synchronous[name] = partial(_paged, listing, cloud)
        for name in cloud.catalogue.fixed_lists:
            self.synchronous[name] = partial(_paged, offers.list_fixed, cloud)
        self._cloud = cloud
        self.synchronous |= {
            "queryAsyncJobResult": lambda request: async_jobs.query_job(cloud, request, self.asynchronous),
            "listAsyncJobs": self._list_jobs,
            "listTags": self._list_tags,
            "listApis": self._list_apis,
        }

    def __contains__(self, name: str) -> bool:
        """This will tell whether the cloud has a command of exactly this name."""
        return name in self.asynchronous or name in self.synchronous or name in ADMIN_ONLY

    def _list_jobs(self, request: Request) -> Json:
        return page_of(async_jobs.list_jobs(self._cloud, request, self.asynchronous), request)

    def _list_tags(self, request: Request) -> Json:
        return page_of(Listing("tag", tags.list_tags(self._cloud, request), dict), request)

    def _list_apis(self, request: Request) -> Json:
        allowed = {*self.asynchronous, *self.synchronous, *apis.parameters_by_command()}
        if not request.caller.root_admin:
            allowed -= ADMIN_ONLY
        listing = apis.list_apis(request, allowed=allowed, asynchronous=self.asynchronous)
        return page_of(listing, request)


def _paged(listing: Callable[[Cloud, Request], Listing], cloud: Cloud, request: Request) -> Json:
    return page_of(listing(cloud, request), request)
