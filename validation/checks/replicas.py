"""This will check the replica volumes and the appliance that holds them, as the cloud shows them."""

from __future__ import annotations

from cloudstack.results import Volume
from inventory.models import HoldMethod
from validation.facts import DiskFacts, Facts
from validation.findings import Finding, failed, passed, warned

# KVM: device ids 0, 1, 2, 4 … 33 (3 is the CD's).
DEVICE_SLOTS = 33


def volume_status(facts: Facts) -> Finding:
    """Check that every replica is a Ready volume of the right size on the VM's own appliance."""
    problems = [problem for disk in facts.disks if (problem := volume_problem(disk, facts=facts))]
    if problems:
        takers = _takers(facts)
        back = [f"Roll failover job {job_id} back to have its disks on the appliance again" for job_id in takers]
        return failed(
            "Replica volumes are not available",
            errors=problems,
            actions=[
                *back,
                "Bring each named volume back to its appliance in state Ready, or replicate the disk again",
            ],
            volumes=problems,
            taken_by=takers,
        )
    return passed(
        "All replica volumes are available on the appliance",
        volumes=[disk.replica.volume_id for disk in facts.disks if disk.replica is not None],
    )


def volume_problem(disk: DiskFacts, *, facts: Facts) -> str | None:
    """Give what is wrong with the replica of one disk, None when nothing is."""
    replica = disk.replica
    if replica is None:
        return f"{disk.label} has no replica volume"
    what = f"Volume {replica.volume_id} of {disk.label}"
    volume = facts.cloud.volumes.get(replica.volume_id)
    if volume is None:
        return f"{what} does not exist in the cloud"
    wrong = _whereabouts(volume, disk=disk, facts=facts) or _condition(volume, disk=disk, facts=facts)
    return f"{what} {wrong}" if wrong else None


def _whereabouts(volume: Volume, *, disk: DiskFacts, facts: Facts) -> str | None:
    name, appliance_vm = facts.appliance.name, facts.appliance.virtual_machine_id
    if disk.replica is not None and disk.replica.appliance_id != facts.appliance.pk:
        return "belongs to another appliance than the VM"
    if volume.virtual_machine_id is None:
        return f"is not attached to appliance {name}"
    if volume.virtual_machine_id != appliance_vm:
        job_id = facts.target_vms.get(volume.virtual_machine_id)
        whose = f", the target VM of failover job {job_id}," if job_id else ""
        return f"is attached to another VM ({volume.virtual_machine_id}){whose} instead of appliance {name}"
    if volume.device_id == 0:
        return "is the appliance's own root disk"
    return None


def _takers(facts: Facts) -> list[str]:
    """Name the failover jobs whose target VMs hold replicas of the VM."""
    holders = [volume.virtual_machine_id or "" for volume in facts.cloud.volumes.values()]
    return list(dict.fromkeys(facts.target_vms[holder] for holder in holders if holder in facts.target_vms))


def _condition(volume: Volume, *, disk: DiskFacts, facts: Facts) -> str | None:
    if volume.state != "Ready":
        return f"is {volume.state}, not Ready"
    if volume.size is not None and volume.size < disk.disk.size_bytes:
        return f"is smaller ({volume.size} bytes) than the disk ({disk.disk.size_bytes} bytes)"
    if volume.zone_id is not None and volume.zone_id != facts.cloud_row.zone_id:
        return "is in another zone"
    return None


def appliance(facts: Facts) -> Finding:
    """Check that the appliance's VM is there, settled, and of the account that owns the replicas."""
    vm = facts.cloud.appliance_vm
    name = facts.appliance.name
    if vm is None:
        return failed(
            f"Appliance {name} ({facts.appliance.virtual_machine_id}) does not exist in the cloud",
            actions=["Correct the appliance's virtual_machine_id in the inventory"],
        )
    if vm.state not in {"Running", "Stopped"}:
        return failed(
            f"Appliance {name} is {vm.state}, neither Running nor Stopped",
            actions=[f"Wait until appliance {name} is Running"],
        )
    strangers = sorted(
        {volume.account for volume in facts.cloud.volumes.values() if volume.account and volume.account != vm.account}
    )
    if vm.account and strangers:
        # CloudStack attaches within one account only, also for root admins.
        return failed(
            f"Replicas belong to account {', '.join(strangers)}, the appliance to {vm.account}",
            actions=["Assign appliance and replicas to the same account"],
        )
    if facts.appliance.hold_method == HoldMethod.MANUAL:
        return warned(
            f"Replication of appliance {name} is held by hand: an operator must confirm it during the failover",
            state=vm.state,
        )
    return passed("Appliance is reachable", name=name, state=vm.state, account=vm.account)


def device_slots(facts: Facts) -> Finding:
    """Check that the target VM has a place for every disk."""
    if len(facts.disks) > DEVICE_SLOTS:
        return failed(
            f"VM has {len(facts.disks)} disks; a target VM takes at most {DEVICE_SLOTS}",
            actions=["Reduce the number of disks of the VM"],
        )
    return passed("The target VM has a device slot for every disk", disks=len(facts.disks))
