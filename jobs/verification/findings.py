"""This will name every difference between our books and a cloud, with what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Drift(StrEnum):
    """What kind of difference it is."""

    APPLIANCE_MISSING = "appliance_missing"
    APPLIANCE_STOPPED = "appliance_stopped"
    VOLUME_MISSING = "volume_missing"
    FOREIGN_ATTACH = "foreign_attach"
    VOLUME_DETACHED = "volume_detached"
    VOLUME_ON_APPLIANCE = "volume_on_appliance"
    VM_MISSING = "vm_missing"
    VM_UNPROTECTED = "vm_unprotected"
    RENAMED = "renamed"
    SNAPSHOT_MISSING = "snapshot_missing"
    NETWORK_MISSING = "network_missing"
    ORPHAN = "orphan"
    LEFTOVER_IN_DOUBT = "leftover_in_doubt"
    UNKNOWN_MARKER = "unknown_marker"


class Weight(StrEnum):
    """How bad it is: an alarm endangers a replica or a failover, a warning may, a note is only to be tidied up."""

    ALARM = "alarm"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Advice:
    """How bad a kind of difference is, and what to do about it."""

    weight: Weight
    what_to_do: str


_ADVICE = {
    Drift.APPLIANCE_MISSING: Advice(
        Weight.ALARM,
        "Find the appliance in CloudStack (destroyed, moved to another account?). Recover it, or build another, attach "
        "the replicas to it and import the inventory again. Start no failover before.",
    ),
    Drift.APPLIANCE_STOPPED: Advice(
        Weight.WARNING, "Start it: nothing replicates meanwhile. A live failover is possible all the same."
    ),
    Drift.VOLUME_MISSING: Advice(
        Weight.ALARM,
        "Ask who deleted it; CloudStack can recover a destroyed volume until it is expunged. If it is gone, replicate "
        "the disk in full onto a new volume and import the inventory again.",
    ),
    Drift.FOREIGN_ATTACH: Advice(
        Weight.ALARM,
        "Stop that VM and detach the volume: what the VM wrote is on the replica. Attach it to its appliance and "
        "replicate the disk in full before the next failover.",
    ),
    Drift.VOLUME_DETACHED: Advice(
        Weight.WARNING, "Attach it to its appliance again, at its old device; replication stands still meanwhile."
    ),
    Drift.VOLUME_ON_APPLIANCE: Advice(
        Weight.ALARM,
        "Somebody took the disk from the failed-over VM. Stop replication to it at once, and bring it back by hand, or "
        "roll the failover back.",
    ),
    Drift.VM_MISSING: Advice(
        Weight.ALARM,
        "Look for it in CloudStack, also among the destroyed: recover it before it is expunged. Then roll the failover "
        "back, or clean the test up.",
    ),
    Drift.VM_UNPROTECTED: Advice(
        Weight.WARNING, "Switch its delete protection on again: its disks are the only copy that is up to date."
    ),
    Drift.RENAMED: Advice(Weight.NOTE, "Nothing depends on it: ids are compared too. Give it its name back."),
    Drift.SNAPSHOT_MISSING: Advice(
        Weight.WARNING, "The way back of this failover is gone for that disk: a rollback can't return to it."
    ),
    Drift.NETWORK_MISSING: Advice(Weight.WARNING, "Change the mappings that name it, or make the network again."),
    Drift.ORPHAN: Advice(Weight.NOTE, "`manage.py cleanup_orphans --apply` removes it: the journal proves it ours."),
    Drift.LEFTOVER_IN_DOUBT: Advice(
        Weight.NOTE, "Decide in CloudStack what becomes of it: this service never removes it."
    ),
    Drift.UNKNOWN_MARKER: Advice(
        Weight.WARNING,
        "It looks like ours and no job here made it: the database may be older than the cloud (see the runbook), or "
        "another installation works on this cloud. Remove nothing before you know.",
    ),
}


def weight_of(drift: Drift) -> Weight:
    """Say how bad a kind of difference is."""
    return _ADVICE[drift].weight


@dataclass(frozen=True)
class Finding:
    """One difference: of which thing (`subject` is its kind, `id` and `name` the cloud's), in words."""

    drift: Drift
    subject: str
    id: str
    name: str
    words: str
    job_id: str = ""

    @property
    def weight(self) -> Weight:
        """Say how bad it is."""
        return _ADVICE[self.drift].weight

    @property
    def what_to_do(self) -> str:
        """Say what to do about it."""
        return _ADVICE[self.drift].what_to_do

    @property
    def key(self) -> tuple[str, str]:
        """Tell it from other findings, also of another look at the same cloud."""
        return self.drift, self.id

    def as_json(self) -> dict[str, Any]:
        """Give all of it as plain values."""
        return {**asdict(self), "weight": self.weight, "what_to_do": self.what_to_do}
