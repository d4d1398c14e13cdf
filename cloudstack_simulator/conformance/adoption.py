"""This will put into the simulated world what a recording shows without showing how it was made."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cloudstack_simulator.cloud import Cloud
from cloudstack_simulator.conformance.comparing import Names, stands_for
from cloudstack_simulator.records import Machine, MachineSnapshot, Nic, Snapshot, Volume

ADOPTABLE = ("virtualmachine", "volume", "snapshot", "vmSnapshot")


def adopt_missing(cloud: Cloud, recorded: Any, simulated: Any, names: Names) -> int:
    """This will take over every row of a recorded list that no simulated row stands for; gives their number."""
    taken = 0
    for key in ADOPTABLE:
        rows = recorded.get(key) if isinstance(recorded, dict) else None
        present = (simulated.get(key) or []) if isinstance(simulated, dict) else []
        for row in rows if isinstance(rows, list) else ():
            unknown = row["id"].lower() not in names.simulated
            if unknown and not any(stands_for(row, entry, names) for entry in present):
                _ADOPT[key](cloud, row, names)
                names.pair(row["id"], row["id"])
                taken += 1
    return taken


def forget_vanished(cloud: Cloud, recorded: Any, simulated: Any, names: Names) -> int:
    """This will remove rows that the recording, at the beginning of a file, does not show any more."""
    gone = 0
    for key in ADOPTABLE:
        rows = (simulated.get(key) or []) if isinstance(simulated, dict) else []
        shown = (recorded.get(key) or []) if isinstance(recorded, dict) else []
        for row in rows:
            if not any(stands_for(entry, row, names) for entry in shown):
                _forget(cloud, key, row["id"])
                gone += 1
    return gone


def do_unrecorded(cloud: Cloud, what: dict[str, Any]) -> None:
    """This will do to the simulated zone what was done to the recorded one without a line about it."""
    for name in what.get("gone", ()):
        for volume in cloud.world.volumes.named(name):
            _forget(cloud, "volume", volume.id)
    appeared = what.get("appeared", {"volumes": 0})
    for _ in range(appeared["volumes"]):
        number = cloud.world.number("volume")
        cloud.world.add(
            Volume(
                id=cloud.world.fresh_id(),
                number=number,
                name=f"unrecorded-{number}",
                account="admin",
                type="DATADISK",
                state=appeared["state"],
                size=1 << 30,
                created=cloud.now,
            )
        )


def _forget(cloud: Cloud, key: str, row_id: str) -> None:
    world = cloud.world
    if key == "volume":
        world.place(world.volumes[row_id], None, None)
        world.volumes[row_id].removed = True
    elif key == "virtualmachine":
        for volume in world.volumes_of(row_id):
            _forget(cloud, "volume", volume.id)
        world.machines[row_id].removed = True
        world.free_addresses(world.machines[row_id])
    elif key == "snapshot":
        world.snapshots[row_id].removed = True
    else:
        world.machine_snapshots[row_id].removed = True


def _moment(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp()


def _adopt_machine(cloud: Cloud, row: dict[str, Any], _names: Names) -> None:
    world = cloud.world
    running = row["state"] == "Running"
    nics = [
        Nic(nic["id"], nic["networkid"], nic["macaddress"], nic.get("ipaddress"), plugged="isolationuri" in nic)
        for nic in row["nic"]
    ]
    for nic in nics:
        network = world.networks[nic.network_id]
        if running:
            network.state, network.vlan = "Implemented", network.vlan or 100 + network.number
    world.add(
        Machine(
            id=row["id"],
            number=world.number("machine"),
            name=row["name"],
            display_name=row["displayname"],
            account=row["account"],
            state=row["state"],
            offering_id=row["serviceofferingid"],
            template_id=row["templateid"],
            os_type_id=row["ostypeid"],
            cpu=row["cpunumber"],
            cpu_speed=row["cpuspeed"],
            memory=row["memory"],
            created=_moment(row["created"]),
            updated=_moment(row["lastupdated"]) if "lastupdated" in row else None,
            details={key: text for key, text in row["details"].items() if key not in ("deployvm", "UEFI")},
            inner_details={key: text for key, text in row["details"].items() if key in ("deployvm", "UEFI")},
            nics=nics,
            running=running,
            started_once="lastupdated" in row,
            delete_protection=row["deleteprotection"],
        )
    )
    if "rootdeviceid" in row:
        _adopt_root(cloud, row)


def _adopt_root(cloud: Cloud, row: dict[str, Any]) -> None:
    """This will give an adopted VM the root that it must have; its own id is learned when it is first listed."""
    world = cloud.world
    on_storage = "pooltype" in row
    root = world.add(
        Volume(
            id=world.fresh_id(),
            number=world.number("volume"),
            name=f"ROOT-{world.machines[row['id']].number}",
            account=row["account"],
            type="ROOT",
            state="Ready" if on_storage else "Allocated",
            size=cloud.catalogue.templates[row["templateid"]].size,
            created=_moment(row["created"]),
            template_id=row["templateid"],
            offering_id=row["serviceofferingid"],
            on_storage=on_storage,
            hypervisor_known=on_storage,
            path="root" if on_storage else "",
        )
    )
    world.place(root, row["id"], 0)


def _adopt_volume(cloud: Cloud, row: dict[str, Any], names: Names) -> None:
    world = cloud.world
    volume = world.add(
        Volume(
            id=row["id"],
            number=world.number("volume"),
            name=row["name"],
            account=row["account"],
            type=row["type"],
            state=row["state"],
            size=row["size"],
            created=_moment(row["created"]),
            attached=_moment(row["attached"]) if "attached" in row else None,
            template_id=row.get("templateid"),
            offering_id=_offering(cloud, row),
            disk_offering_id=row.get("diskofferingid"),
            snapshot_id=row.get("snapshotid"),
            on_storage="storage" in row,
            hypervisor_known=row.get("hypervisor") != "None",
            path=row.get("path", ""),
            delete_protection=row["deleteprotection"],
        )
    )
    if "virtualmachineid" in row:
        vm_id = names.simulated.get(row["virtualmachineid"], row["virtualmachineid"])
        if vm_id in world.machines:
            world.place(volume, vm_id, row["deviceid"])


def _offering(cloud: Cloud, row: dict[str, Any]) -> str | None:
    offerings = cloud.catalogue.service_offerings.values()
    return next((entry.id for entry in offerings if entry.name == row.get("serviceofferingname")), None)


def _adopt_snapshot(cloud: Cloud, row: dict[str, Any], names: Names) -> None:
    cloud.world.add(
        Snapshot(
            id=row["id"],
            number=cloud.world.number("snapshot"),
            name=row["name"],
            volume_id=names.simulated.get(row["volumeid"], row["volumeid"]),
            account=row["account"],
            state=row["state"],
            size=row["virtualsize"],
            created=_moment(row["created"]),
            tags=[{"key": tag["key"], "value": tag["value"]} for tag in row["tags"]],
        )
    )


def _adopt_machine_snapshot(cloud: Cloud, row: dict[str, Any], names: Names) -> None:
    cloud.world.add(
        MachineSnapshot(
            id=row["id"],
            number=cloud.world.number("machine_snapshot"),
            name=row["name"],
            vm_id=names.simulated.get(row["virtualmachineid"], row["virtualmachineid"]),
            account=row["account"],
            created=_moment(row["created"]),
            display_name=row["displayname"],
        )
    )


_ADOPT = {
    "virtualmachine": _adopt_machine,
    "volume": _adopt_volume,
    "snapshot": _adopt_snapshot,
    "vmSnapshot": _adopt_machine_snapshot,
}
