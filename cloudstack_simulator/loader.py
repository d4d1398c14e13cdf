"""This will read scenarios: YAML files that say what a cloud offers and what exists in it.

A scenario is a mapping with these keys (all ids are uuids; sizes in GB unless a key says bytes):

    base: NAME            another scenario whose mapping this one starts from; the keys given here replace its keys,
                          `settings` are merged
    settings: {…}         fields of `catalogue.Settings` (hypervisor, job_seconds, kvm_snapshot_enabled …)
    zone: {id, name}      domain: {id}
    places: {…}           names and ids of pool, cluster, pod and host that root admins see
    accounts: [{name, id, user_id, user_name, root_admin, api_key, secret_key, limits: {resource: number}}]
    owner: NAME           the ordinary account that owns everything below that names no account
    service_offerings: [{id, name, cpu, cpu_speed, memory, custom, min_cpu, max_cpu, min_memory, max_memory}]
    disk_offerings: [{id, name, display_text, size_gb}]
    templates: [{id, name, os_type_id, size_bytes}]       os_types: [{id, description}]
    networks: [{id, name, type: Isolated|L2, cidr, gateway, netmask, vlan, account}]
    machines: [{id, name, display_name, offering, template, state: Running|Stopped, appliance: true,
                nics: [{network, mac, ip}], root: {id, size_gb}}]     (offering, template, network by name)
    volumes: [{id, name, size_gb, attached_to: MACHINE NAME, device_id, replica: true, content: […]}]
    fleet: {per_appliance: 5, size_gb: 40}     makes machines and volumes for N VMs, N from `NAME:N`
    extra: {zone: {…}, zone_admin: {…}, services: […]}    further keys of those answers, as recorded
    fixed_lists: {COMMAND: {key, rows}}        lists that are answered word for word
"""

from __future__ import annotations

import copy
import uuid
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from cloudstack_simulator.catalogue import Catalogue, DiskOffering, OsType, ServiceOffering, Settings, Template
from cloudstack_simulator.records import Account, Json, Machine, Network, Nic, Volume
from cloudstack_simulator.world import World

SCENARIOS = Path(__file__).parent / "scenarios"
FLEET_NAMESPACE = uuid.UUID("0f4e3b52-54a1-4f0e-9f65-000000000001")
GIGABYTE = 1 << 30


class ScenarioUnknown(ValueError):
    """This will be raised for a scenario that no file describes; says which there are."""


def read_scenario(name: str) -> Json:
    """This will read a scenario with its bases merged and its fleet written out."""
    stem, _, count = name.partition(":")
    path = SCENARIOS / f"{stem}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(entry.stem for entry in SCENARIOS.glob("*.yaml")))
        raise ScenarioUnknown(f"There is no scenario {stem!r}; there are: {known}")
    document = copy.deepcopy(_written(path))
    if "base" in document:
        base = read_scenario(document["base"])
        document = base | document | {"settings": base.get("settings", {}) | document.get("settings", {})}
    if "fleet" in document:
        _write_out_fleet(document, int(count or "10"))
    return document


@cache
def _written(path: Path) -> Json:
    """This will give what the file says; callers change a copy. To parse it takes longer than to set up a cloud."""
    document: Json = yaml.safe_load(path.read_text())
    return document


def catalogue_of(document: Json) -> Catalogue:
    """This will build what the cloud offers."""
    templates = [
        Template(size=entry.pop("size_bytes"), **entry) for entry in (dict(row) for row in document["templates"])
    ]
    return Catalogue(
        zone_id=document["zone"]["id"],
        zone_name=document["zone"]["name"],
        domain_id=document["domain"]["id"],
        service_offerings={row["id"]: ServiceOffering(**row) for row in document["service_offerings"]},
        disk_offerings={row["id"]: DiskOffering(**row) for row in document["disk_offerings"]},
        templates={row.id: row for row in templates},
        os_types={row["id"]: OsType(**row) for row in document["os_types"]},
        settings=Settings(**document.get("settings", {})),
        places=document["places"],
        extra=document.get("extra", {}),
        fixed_lists=document.get("fixed_lists", {}),
    )


def populate(world: World, document: Json, catalogue: Catalogue, *, now: float) -> None:
    """This will put into an empty world what the scenario says exists."""
    owner = document["owner"]
    for row in document["accounts"]:
        world.add(Account(number=2 * world.number("account"), domain_id=catalogue.domain_id, **row))
    for row in document["networks"]:
        fields = {"account": owner, "display_text": row["name"], "created": now} | row
        world.add(Network(number=203 + world.number("network"), **fields))
    for row in document.get("machines", ()):
        _add_machine(world, row, catalogue, owner=owner, now=now)
    for row in document.get("volumes", ()):
        _add_volume(world, row, owner=owner, now=now)


def _by_name(rows: dict[str, Any], name: str) -> Any:
    return next(row for row in rows.values() if row.name == name)


def _add_machine(world: World, row: Json, catalogue: Catalogue, *, owner: str, now: float) -> None:
    offering: ServiceOffering = _by_name(catalogue.service_offerings, row["offering"])
    template: Template = _by_name(catalogue.templates, row["template"])
    running = row.get("state", "Running") == "Running"
    machine = Machine(
        id=row["id"],
        number=2 + world.number("machine"),
        name=row["name"],
        display_name=row.get("display_name") or row["name"],
        account=row.get("account", owner),
        state="Running" if running else "Stopped",
        offering_id=offering.id,
        template_id=template.id,
        os_type_id=template.os_type_id,
        cpu=offering.cpu or 1,
        cpu_speed=offering.cpu_speed or 1000,
        memory=offering.memory or 1024,
        created=now,
        running=running,
        started_once=running,
        boots=1 if running else 0,
        appliance=row.get("appliance", False),
    )
    for nic in row["nics"]:
        network: Network = world.networks.named(nic["network"])[0]
        machine.nics = [*machine.nics, Nic(world.fresh_id(), network.id, nic["mac"], nic.get("ip"), plugged=running)]
        network.state = "Implemented" if running else network.state
    world.add(machine)
    root = _volume(world, row["root"] | {"name": f"ROOT-{machine.number}"}, account=machine.account, now=now)
    root.type, root.template_id, root.offering_id = "ROOT", template.id, offering.id
    root.content = [f"template:{template.id}"]
    _attach(world, root, machine, 0)


def _add_volume(world: World, row: Json, *, owner: str, now: float) -> None:
    volume = _volume(world, row, account=row.get("account", owner), now=now)
    volume.replica = row.get("replica", False)
    volume.content = row.get("content") or ([f"replica:{volume.id}:base"] if volume.replica else [])
    if "attached_to" in row:
        _attach(world, volume, world.machines.named(row["attached_to"])[0], row["device_id"])


def _volume(world: World, row: Json, *, account: str, now: float) -> Volume:
    return world.add(
        Volume(
            id=row["id"],
            number=world.number("volume"),
            name=row["name"],
            account=account,
            type="DATADISK",
            state="Ready",
            size=int(row["size_gb"]) * GIGABYTE,
            created=now,
            disk_offering_id=row.get("disk_offering_id"),
            on_storage=True,
            hypervisor_known=True,
            path=row["name"],
        )
    )


def _attach(world: World, volume: Volume, machine: Machine, device_id: int) -> None:
    world.place(volume, machine.id, device_id)
    volume.attached = machine.created
    if machine.running:
        volume.holders = [machine.id]


def fleet_id(name: str) -> str:
    """This will give the id of a fleet's volume ("replica-7") or appliance ("appliance-1")."""
    return str(uuid.uuid5(FLEET_NAMESPACE, name))


def _write_out_fleet(document: Json, count: int) -> None:
    """This will add `count` one-disk VMs' replicas, on appliances that hold a few each."""
    fleet = document["fleet"]
    per_appliance = fleet["per_appliance"]
    device_ids = [1, 2, *range(4, 34)]
    document["machines"] = [
        {
            "id": fleet_id(f"appliance-{number}"),
            "name": f"appliance-{number}",
            "offering": fleet["offering"],
            "template": fleet["template"],
            "appliance": True,
            "nics": [
                {
                    "network": fleet["network"],
                    "mac": f"02:aa:00:00:{number >> 8:02x}:{number & 255:02x}",
                    "ip": f"10.64.{number // 200}.{10 + number % 200}",
                }
            ],
            "root": {"id": fleet_id(f"appliance-root-{number}"), "size_gb": 8},
        }
        for number in range((count + per_appliance - 1) // per_appliance)
    ]
    document["volumes"] = [
        {
            "id": fleet_id(f"replica-{number}"),
            "name": f"replica-{number}",
            "size_gb": fleet["size_gb"],
            "attached_to": f"appliance-{number // per_appliance}",
            "device_id": device_ids[number % per_appliance],
            "replica": True,
        }
        for number in range(count)
    ]
