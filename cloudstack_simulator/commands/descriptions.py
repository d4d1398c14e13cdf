"""This will describe rows the way CloudStack's error texts do: a class name and a few fields as JSON."""

from __future__ import annotations

import json

from cloudstack_simulator.cloud import Cloud
from cloudstack_simulator.records import Account, Json, Machine, Network, Snapshot, Volume


def _as_json(fields: Json) -> str:
    return json.dumps(fields, separators=(",", ":"))


def describe_volume(volume: Volume, cloud: Cloud | None = None) -> str:
    """This will describe a volume."""
    machine = cloud.world.machines.get(volume.vm_id or "") if cloud else None
    fields = {"id": volume.number, "instanceId": machine.number if machine else None, "name": volume.name}
    return f"Volume {_as_json(fields | {'uuid': volume.id, 'volumeType': volume.type})}"


def describe_machine(machine: Machine) -> str:
    """This will describe a VM."""
    fields = {"id": machine.number, "instanceName": machine.instance_name, "state": machine.state}
    return f"VM instance {_as_json(fields | {'type': 'User', 'uuid': machine.id})}"


def describe_snapshot(snapshot: Snapshot, volume: Volume) -> str:
    """This will describe a snapshot."""
    fields = {"id": snapshot.number, "name": snapshot.name, "state": snapshot.state, "uuid": snapshot.id}
    return f"Snapshot {_as_json(fields | {'version': '2.2', 'volumeId': volume.number})}"


def describe_network(network: Network) -> str:
    """This will describe a network; this one text has spaces."""
    fields = {"id": network.number, "name": network.name, "uuid": network.id, "networkofferingid": 10}
    return f"Network {json.dumps(fields)}"


def describe_account(account: Account) -> str:
    """This will describe an account."""
    return _as_json({"accountName": account.name, "id": account.number, "uuid": account.id})
