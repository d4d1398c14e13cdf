"""This will check the target cloud: reachable, honest about job ids and time, willing to do what is asked."""

from __future__ import annotations

from cloudstack.probe import LIVE_PLAN_APIS
from inventory.models import TestStrategy
from validation.facts import Facts
from validation.findings import Finding, failed, passed, warned

MAX_CLOCK_SKEW_SECONDS = 10.0
GIB = 1 << 30

# The test plan clones: a volume is made from each snapshot.
TEST_PLAN_APIS = LIVE_PLAN_APIS | {"createVolume"}


def target_cloud(facts: Facts) -> Finding:
    """Check that the cloud answers, takes the key, and has the zone enabled."""
    cloud, name = facts.cloud, facts.cloud_row.name
    if not cloud.configured:
        return failed(
            f"Target cloud {name} is not configured",
            actions=[f"Set the endpoint, API key and secret key of target cloud {name} in the inventory"],
            code="OSSEA_NOT_CONFIGURED",
        )
    if cloud.unreachable:
        return failed(
            f"Target cloud {name} at {facts.cloud_row.endpoint} cannot be used: {cloud.unreachable}",
            actions=[f"Check the endpoint, API key and network of target cloud {name}, then try again"],
            code="OSSEA_API_ERROR",
        )
    if reason := cloud.why_unread("zone"):
        return failed(f"The zone of cloud {name} cannot be read: {reason}", actions=["Allow the API key to listZones"])
    if cloud.zone is None:
        return failed(
            f"Zone {facts.cloud_row.zone_id} does not exist in cloud {name}",
            actions=[f"Correct the zone of target cloud {name} in the inventory"],
        )
    if cloud.zone.allocation_state not in {None, "Enabled"}:
        return failed(
            f"Zone {cloud.zone.name} is {cloud.zone.allocation_state}",
            actions=[f"Have zone {cloud.zone.name} enabled"],
        )
    return passed("Target cloud is reachable", cloud=name, zone=cloud.zone.name)


def clock_skew(facts: Facts) -> Finding:
    """Check that the cloud's clock and ours agree: every request carries the second after which it is void."""
    skew = facts.cloud.clock_skew
    if facts.cloud.unreachable or skew is None:
        return warned("Clock skew to the cloud is not known")
    if abs(skew) > MAX_CLOCK_SKEW_SECONDS:
        return failed(
            f"The cloud's clock is {skew:+.1f} s off ours; at most {MAX_CLOCK_SKEW_SECONDS:.0f} s are safe",
            actions=["Synchronise the clocks of this host and of the CloudStack management server (NTP)"],
            clock_skew_seconds=round(skew, 3),
        )
    return passed("Clocks agree", clock_skew_seconds=round(skew, 3))


def job_ids(facts: Facts) -> Finding:
    """Check that the cloud honours job ids that we choose; after a lost answer they tell what happened."""
    match facts.cloud_row.customjobid_honoured:
        case False:
            return failed(
                "The cloud ignores customjobid: a lost answer could not be resolved safely",
                actions=["Use a CloudStack that honours customjobid", "Probe the cloud again after an upgrade"],
            )
        case None:
            return warned("The cloud was not probed for customjobid yet; the first job id that differs stops the job")
    return passed("The cloud honours our job ids")


def permissions_and_limits(facts: Facts) -> Finding:
    """Check that the key may use every command of the plan and its undo, and that no limit forbids it outright."""
    needed = TEST_PLAN_APIS if facts.copies_disks else LIVE_PLAN_APIS
    missing = sorted(needed - facts.cloud.allowed_apis)
    short = _too_small_limits(facts)
    if missing or short:
        return failed(
            "Permissions or limits of the API key are not sufficient",
            errors=[f"The API key may not use {name}" for name in missing] + short,
            actions=(["Grant the API key's role the missing commands"] if missing else [])
            + (["Raise the account's limits"] if short else []),
            missing_commands=missing,
        )
    return passed("Permissions and limits are sufficient", commands=len(needed))


def copies_of_disks(facts: Facts) -> Finding:
    """Check how a test gets its copies here, and say so where it is not the usual way."""
    capabilities, wanted = facts.cloud.capabilities, facts.cloud_row.test_strategy
    if not facts.copies_disks:
        return passed("No copies of the disks are needed", test_strategy=wanted)
    allowed = capabilities is None or capabilities.kvm_snapshots_of_running_vms
    if wanted == TestStrategy.DETACHED_CLONE:
        return passed("A test copies snapshots of the detached replicas", strategy="detached_clone")
    if allowed:
        return passed("A test copies snapshots of the attached replicas", strategy="clone")
    if wanted == TestStrategy.CLONE:
        return failed(
            "The cloud forbids snapshots of running VMs, and the fallback is switched off for it",
            actions=[
                "Enable kvm.snapshot.enabled in CloudStack global settings",
                f"OR switch the detached-clone fallback on for cloud {facts.cloud_row.name} (test_strategy: auto)",
            ],
        )
    return warned(
        "The cloud forbids snapshots of running VMs: a test takes each replica off the appliance for its snapshot and "
        "returns it at once",
        strategy="detached_clone",
    )


def _too_small_limits(facts: Facts) -> list[str]:
    """Give the limits that are below what this failover alone needs; how much is used CloudStack does not tell."""
    disks = len(facts.disks)
    copies = 2 if facts.copies_disks else 1
    gib = sum(-(-disk.disk.size_bytes // GIB) for disk in facts.disks)
    # The placeholder root counts as a volume until it is dropped; clones of a test come on top of the replicas.
    needs = {
        "user_vm": 1,
        "cpu": facts.vm.cpus,
        "memory": facts.vm.memory_mb,
        "snapshot": disks,
        "volume": disks * copies + 1,
        "primary_storage": gib * copies,
    }
    return [
        f"The account's limit of {limit.type_name} is {limit.max}; this failover needs {needs[limit.type_name]}"
        for limit in facts.cloud.limits
        if limit.type_name in needs and 0 <= limit.max < needs[limit.type_name]
    ]
