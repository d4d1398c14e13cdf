"""This will count what an account uses and refuse what goes beyond its limits."""

from __future__ import annotations

from cloudstack_simulator.answers import ApiError, invalid_value
from cloudstack_simulator.cloud import Cloud, Request, required
from cloudstack_simulator.records import Account, Json
from cloudstack_simulator.rendering import owner

RESOURCE_TYPES = (
    *("user_vm", "public_ip", "volume", "snapshot", "template", "project", "network", "vpc", "cpu", "memory"),
    *("primary_storage", "secondary_storage", "backup", "backup_storage", "bucket", "object_storage", "gpu"),
)
_IN_BYTES = ("primary_storage", "secondary_storage")


def used(cloud: Cloud, account: Account, resource: str) -> int:
    """This will count what an account uses of a resource."""
    world = cloud.world
    machines = [row for row in world.machines.values() if row.account == account.name and not row.removed]
    machines = [row for row in machines if row.state not in ("Error", "Destroyed")]
    volumes = [row for row in world.volumes.values() if row.account == account.name and not row.removed]
    snapshots = [row for row in world.snapshots.values() if row.account == account.name and not row.removed]
    amounts = {
        "user_vm": len(machines),
        "cpu": sum(row.cpu for row in machines),
        "memory": sum(row.memory for row in machines),
        "volume": len(volumes),
        "primary_storage": sum(row.size for row in volumes),
        "snapshot": len(snapshots),
        "secondary_storage": sum(row.size for row in snapshots if row.state == "BackedUp"),
    }
    return amounts.get(resource, 0)


def demand_room(cloud: Cloud, account: Account, resource: str, amount: int, *, inner: int = 4370) -> None:
    """This will refuse with 535 when a limit would be passed; without a limit nothing is counted."""
    limit = account.limits.get(resource, -1)
    if limit < 0:
        return
    factor = GIGABYTE if resource in _IN_BYTES else 1
    now = used(cloud, account, resource)
    if now + amount <= limit * factor:
        return
    ceiling, current, nothing, wanted = (_amount(resource, number) for number in (limit * factor, now, 0, amount))
    raise ApiError(
        535,
        f"Maximum amount of resources of Type = '{resource}', tag = 'null' for Account Name = {account.name} in "
        f"Domain Id = 1 is exceeded: Account Resource Limit = {ceiling}, Current Account Resource Amount = {current}, "
        f"Current Account Resource Reservation = {nothing}, Requested Resource Amount = {wanted}.",
        inner=inner,
    )


GIGABYTE = 1 << 30


def _amount(resource: str, number: int) -> str:
    if resource not in _IN_BYTES:
        return str(number)
    return f"({number / GIGABYTE:.2f} GB) {number}" if number else "(0 bytes) 0"


def _shown(cloud: Cloud, account: Account, number: int) -> Json:
    name = RESOURCE_TYPES[number]
    limit = {"resourcetype": str(number), "resourcetypename": name, "max": account.limits.get(name, -1)}
    return owner(cloud, account.name) | limit


def list_limits(cloud: Cloud, request: Request) -> Json:
    """This will list the limits of the caller's account."""
    return {
        "count": len(RESOURCE_TYPES),
        "resourcelimit": [_shown(cloud, request.caller, number) for number in range(len(RESOURCE_TYPES))],
    }


def update_limit(cloud: Cloud, request: Request) -> Json:
    """This will set a limit of an account."""
    number = int(required(request, "resourcetype"))
    name = request.params.get("account", request.caller.name)
    if not cloud.world.accounts.named(name):
        raise invalid_value(request.command, "account", name)
    account = cloud.world.account_named(name)
    account.limits = account.limits | {RESOURCE_TYPES[number]: int(required(request, "max"))}
    return {"resourcelimit": _shown(cloud, account, number)}
