"""This will list VMs, volumes, snapshots and network cards with CloudStack's filters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from cloudstack_simulator.answers import ApiError, invalid_value, stamp
from cloudstack_simulator.cloud import Cloud, Request, may_touch
from cloudstack_simulator.commands.tags import tags_of
from cloudstack_simulator.records import Json, Machine, MachineSnapshot, Snapshot, Volume
from cloudstack_simulator.rendering import job_mark, owner, render_machine, render_nic, render_snapshot, render_volume
from cloudstack_simulator.world import Table

MAX_PAGE_SIZE = 500
R = TypeVar("R", Volume, Machine, Snapshot)


@dataclass(frozen=True)
class Listing:
    """This will be what a list call found, rendered only as far as the page wants it."""

    key: str
    rows: Sequence[Any]
    render: Callable[[Any], Json]


def page_of(listing: Listing, request: Request) -> Json:
    """This will render one page of a listing; an empty listing has neither count nor key."""
    start, stop = _bounds(request)
    if not listing.rows:
        return {}
    shown: Json = {"count": len(listing.rows)}
    chosen = listing.rows[start:stop]
    return shown | ({listing.key: [listing.render(row) for row in chosen]} if chosen else {})


def _bounds(request: Request) -> tuple[int, int | None]:
    page, size = (_number(request, name) for name in ("page", "pagesize"))
    if page is None and size is None:
        return 0, MAX_PAGE_SIZE
    if size is None:
        raise ApiError(431, '"pagesize" parameter is required when "page" is specified')
    if page is None and size != -1:
        raise ApiError(431, '"page" parameter is required when "pagesize" is specified')
    if size == -1:
        raise ApiError(431, "Can't specify page parameter when pagesize is -1 (Unlimited)", inner=4350)
    if size > MAX_PAGE_SIZE:
        raise ApiError(431, f"Page size can't exceed max allowed page size value: {MAX_PAGE_SIZE}", inner=4350)
    start = ((page or 1) - 1) * size
    return start, start + size


def _number(request: Request, name: str) -> int | None:
    text = request.params.get(name)
    if text is None:
        return None
    try:
        return int(text)
    except ValueError as error:
        raise ApiError(
            431,
            f"Unable to execute API command {request.command.lower()} due to invalid value {text} for parameter {name}",
        ) from error


def _candidates(table: Table[R], request: Request, narrow: Iterable[R] | None = None) -> Iterable[R]:
    """This will start from the shortest list that holds every match; an id that never was refuses the call."""
    params = request.params
    if "id" in params or "ids" in params:
        keys = [params["id"]] if "id" in params else request.ids("ids")
        if request.caller.root_admin and keys and all(key.isdigit() for key in keys):
            return [row for row in table.values() if str(row.number) in keys]
        for key in keys:
            if key not in table:
                raise invalid_value(request.command, "id" if "id" in params else "ids", key)
        return [table[key] for key in keys]
    if narrow is not None:
        return narrow
    if "name" in params:
        return table.named(params["name"])
    return table.values()


def _wanted(row: R, request: Request) -> bool:
    params = request.params
    if row.removed or not may_touch(request.caller, row):
        return False
    direct = "id" in params or "ids" in params
    if not direct and not request.flag("listall") and row.account != request.caller.name:
        return False
    if "account" in params and row.account != params["account"]:
        return False
    if "name" in params and row.name.lower() != params["name"].lower():
        return False
    if "state" in params and row.state.lower() != params["state"].lower():
        return False
    tags = tags_of(params)
    return not tags or any({"key": tag["key"], "value": tag.get("value", "")} in row.tags for tag in tags)


def list_volumes(cloud: Cloud, request: Request) -> Listing:
    """This will list volumes."""
    params, narrow = request.params, None
    if "virtualmachineid" in params:
        key = params["virtualmachineid"]
        if key not in cloud.world.machines:
            raise invalid_value(request.command, "virtualmachineid", key)
        narrow = cloud.world.volumes_of(key)
    rows = [
        row
        for row in _candidates(cloud.world.volumes, request, narrow)
        if _wanted(row, request)
        and params.get("type", row.type).upper() == row.type
        and params.get("keyword", "").lower() in row.name.lower()
        and params.get("virtualmachineid", row.vm_id) == row.vm_id
    ]
    about = cloud.world.job_about
    return Listing("volume", rows, lambda row: render_volume(cloud, row, viewer=request.caller, job_id=about(row.id)))


def list_machines(cloud: Cloud, request: Request) -> Listing:
    """This will list VMs; destroyed ones for those who may see them."""
    params = request.params
    destroyed = request.caller.root_admin or cloud.catalogue.settings.user_views_destroyed
    rows = [
        row
        for row in _candidates(cloud.world.machines, request)
        if _wanted(row, request)
        and (destroyed or row.state != "Destroyed")
        and _machine_has(row, params.get("keyword", "").lower())
        and ("networkid" not in params or any(nic.network_id == params["networkid"] for nic in row.nics))
    ]
    about = cloud.world.job_about
    minimal = params.get("details") == "min"
    return Listing(
        "virtualmachine",
        rows,
        lambda row: render_machine(cloud, row, viewer=request.caller, job_id=about(row.id), minimal=minimal),
    )


def _machine_has(machine: Machine, keyword: str) -> bool:
    texts = (machine.name, machine.display_name, machine.instance_name)
    return not keyword or any(keyword in text.lower() for text in texts)


def list_snapshots(cloud: Cloud, request: Request) -> Listing:
    """This will list snapshots of volumes."""
    params, narrow = request.params, None
    if "volumeid" in params:
        if params["volumeid"] not in cloud.world.volumes:
            raise invalid_value(request.command, "volumeid", params["volumeid"])
        narrow = cloud.world.snapshots_of(params["volumeid"])
    rows = [
        row
        for row in _candidates(cloud.world.snapshots, request, narrow)
        if _wanted(row, request)
        and params.get("volumeid", row.volume_id) == row.volume_id
        and params.get("keyword", "").lower() in row.name.lower()
    ]
    about = cloud.world.job_about
    return Listing("snapshot", rows, lambda row: render_snapshot(cloud, row) | job_mark(about(row.id)))


def list_nics(cloud: Cloud, request: Request) -> Listing:
    """This will list the network cards of a VM."""
    machine = cloud.machine(request, "virtualmachineid")
    rows = [(number, nic) for number, nic in enumerate(machine.nics) if may_touch(request.caller, machine)]
    return Listing("nic", rows, lambda row: _nic_of(cloud, machine, row))


def _nic_of(cloud: Cloud, machine: Machine, row: Any) -> Json:
    number, nic = row
    shown = render_nic(cloud, nic, number)
    shown.pop("secondaryip")
    return shown | {"virtualmachineid": machine.id}


def list_machine_snapshots(cloud: Cloud, request: Request) -> Listing:
    """This will list VM snapshots."""
    key = request.params.get("virtualmachineid")
    rows = [row for row in cloud.world.machine_snapshots.values() if not row.removed and key in (None, row.vm_id)]
    return Listing("vmSnapshot", rows, partial(_machine_snapshot, cloud))


def _machine_snapshot(cloud: Cloud, row: MachineSnapshot) -> Json:
    machine = cloud.world.machines[row.vm_id]
    return {
        "id": row.id,
        "name": row.name,
        "state": "Ready",
        "displayname": row.display_name or row.name,
        "zoneid": cloud.catalogue.zone_id,
        "zonename": cloud.catalogue.zone_name,
        "virtualmachineid": machine.id,
        "virtualmachinename": machine.display_name,
        "current": True,
        "type": "Disk",
        "created": stamp(row.created),
        **owner(cloud, row.account),
        "hypervisor": cloud.catalogue.settings.hypervisor,
        "tags": [],
        "hasannotations": False,
    }
