"""This will list all checks in the order in which they are shown; adding one is a function and a line here."""

from __future__ import annotations

from validation.checks import cloud, replicas, source, target, wiring
from validation.findings import Area, Check
from validation.models import CheckType

CHECKS: tuple[Check, ...] = (
    Check("VM Existence", Area.SOURCE, CheckType.CRITICAL, source.vm_existence, safety=True),
    Check("Sync Status", Area.SYNC, CheckType.CRITICAL, source.sync_status, safety=True),
    Check("Active Jobs", Area.JOBS, CheckType.CRITICAL, source.active_jobs, safety=True, error_code="ACTIVE_JOBS"),
    Check("Network Mapping", Area.NETWORKS, CheckType.CRITICAL, wiring.network_mapping, safety=True),
    Check("Target Cloud", Area.CLOUD, CheckType.CRITICAL, cloud.target_cloud, safety=True),
    Check(
        "Volume Status",
        Area.VOLUMES,
        CheckType.CRITICAL,
        replicas.volume_status,
        safety=True,
        reads=("volumes",),
        error_code="VOLUME_NOT_AVAILABLE",
    ),
    Check(
        "Appliance",
        Area.VOLUMES,
        CheckType.CRITICAL,
        replicas.appliance,
        safety=True,
        reads=("appliance_vm", "volumes"),
    ),
    Check(
        "Target Networks", Area.NETWORKS, CheckType.CRITICAL, wiring.target_networks, safety=True, reads=("networks",)
    ),
    Check("Addresses", Area.NETWORKS, CheckType.CRITICAL, wiring.addresses, safety=True),
    Check("Clock Skew", Area.CLOUD, CheckType.CRITICAL, cloud.clock_skew, safety=True),
    Check("Async Job Ids", Area.CLOUD, CheckType.CRITICAL, cloud.job_ids, safety=True),
    Check("Device Slots", Area.VOLUMES, CheckType.CRITICAL, replicas.device_slots, safety=True),
    Check(
        "Permissions and Limits",
        Area.CLOUD,
        CheckType.CRITICAL,
        cloud.permissions_and_limits,
        reads=("allowed_apis", "limits"),
    ),
    Check("Test Snapshots", Area.CLOUD, CheckType.WARNING, cloud.copies_of_disks, reads=("capabilities",)),
    Check("Service Offering", Area.TARGET, CheckType.CRITICAL, target.service_offering, reads=("offering",)),
    Check("Template", Area.TARGET, CheckType.CRITICAL, target.template, reads=("template",)),
    Check("Guest Boot", Area.TARGET, CheckType.WARNING, target.guest_boot),
)
