"""This will list all checks in the order in which they are shown; adding one is a function and a line here."""

from __future__ import annotations

from validation.checks import cloud, replicas, source, target, wiring
from validation.findings import Check
from validation.models import CheckType

CHECKS: tuple[Check, ...] = (
    Check("VM Existence", CheckType.CRITICAL, source.vm_existence, safety=True),
    Check("Sync Status", CheckType.CRITICAL, source.sync_status, safety=True),
    Check("Active Jobs", CheckType.CRITICAL, source.active_jobs, safety=True, error_code="ACTIVE_JOBS"),
    Check("Network Mapping", CheckType.CRITICAL, wiring.network_mapping, safety=True),
    Check("Target Cloud", CheckType.CRITICAL, cloud.target_cloud, safety=True),
    Check(
        "Volume Status",
        CheckType.CRITICAL,
        replicas.volume_status,
        safety=True,
        reads=("volumes",),
        error_code="VOLUME_NOT_AVAILABLE",
    ),
    Check("Appliance", CheckType.CRITICAL, replicas.appliance, safety=True, reads=("appliance_vm", "volumes")),
    Check("Target Networks", CheckType.CRITICAL, wiring.target_networks, safety=True, reads=("networks",)),
    Check("Addresses", CheckType.CRITICAL, wiring.addresses, safety=True),
    Check("Clock Skew", CheckType.CRITICAL, cloud.clock_skew, safety=True),
    Check("Async Job Ids", CheckType.CRITICAL, cloud.job_ids, safety=True),
    Check("Device Slots", CheckType.CRITICAL, replicas.device_slots, safety=True),
    Check("Permissions and Limits", CheckType.CRITICAL, cloud.permissions_and_limits, reads=("allowed_apis", "limits")),
    Check("Test Snapshots", CheckType.WARNING, cloud.copies_of_disks, reads=("capabilities",)),
    Check("Service Offering", CheckType.CRITICAL, target.service_offering, reads=("offering",)),
    Check("Template", CheckType.CRITICAL, target.template, reads=("template",)),
    Check("Guest Boot", CheckType.WARNING, target.guest_boot),
)
