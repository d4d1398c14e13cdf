"""This will hold the rows of the inventory."""

from inventory.models.clouds import Appliance, HoldMethod, TargetCloud, TestStrategy
from inventory.models.machines import DiskController, Firmware, NicAdapter, PowerState, ProtectedVM, VMDisk, VMNic
from inventory.models.replication import (
    UNFINISHED_REPLICATION,
    ReplicaState,
    Replication,
    ReplicationKind,
    ReplicationStatus,
    ReplicaVolume,
    ReservationKind,
    VMReservation,
)

__all__ = [
    "UNFINISHED_REPLICATION",
    "Appliance",
    "DiskController",
    "Firmware",
    "HoldMethod",
    "NicAdapter",
    "PowerState",
    "ProtectedVM",
    "ReplicaState",
    "ReplicaVolume",
    "Replication",
    "ReplicationKind",
    "ReplicationStatus",
    "ReservationKind",
    "TargetCloud",
    "TestStrategy",
    "VMDisk",
    "VMNic",
    "VMReservation",
]
