"""This will hold what a cloud shows at one moment: every volume, VM and snapshot that the key may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cloudstack import Gateway, Snapshot, VirtualMachine, Volume


@dataclass(frozen=True)
class Sight:
    """The three long lists of a cloud, by id."""

    volumes: Mapping[str, Volume]
    machines: Mapping[str, VirtualMachine]
    snapshots: Mapping[str, Snapshot]


def look_at(gateway: Gateway) -> Sight:
    """Read the lists, three calls (or as many as there are pages); raises CloudError."""
    return Sight(
        volumes={volume.id: volume for volume in gateway.every_volume()},
        machines={machine.id: machine for machine in gateway.every_virtual_machine()},
        snapshots={snapshot.id: snapshot for snapshot in gateway.every_snapshot()},
    )
