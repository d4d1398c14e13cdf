"""This will find out what a target cloud is and allows, and keep the answer in its row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from cloudstack import CloudError, Gateway, Probe, probe
from inventory.models import TargetCloud


def probe_cloud(*, cloud: TargetCloud, gateway: Gateway, new_id: Callable[[], str], now: datetime) -> str:
    """This will probe the cloud, keep what was learned, and give the doubt that remains in words (empty when none).

    It tags and untags the cloud's first appliance, to see whether the cloud keeps the job ids that it is given.
    """
    appliance = cloud.appliances.order_by("pk").first()
    if appliance is None:
        return keep_doubt(cloud, "there is no appliance in this cloud: import one, it is what the probe tags", now=now)
    try:
        seen = probe(gateway, appliance_vm_id=appliance.virtual_machine_id, new_id=new_id)
    except CloudError as unreadable:
        return keep_doubt(cloud, str(unreadable), now=now)
    return _keep(cloud, seen, now=now)


def _keep(cloud: TargetCloud, seen: Probe, *, now: datetime) -> str:
    doubt = seen.doubt or ""
    TargetCloud.objects.filter(pk=cloud.pk).update(
        version=seen.version,
        # None where the appliance could not be tagged: a doubt is not a no.
        customjobid_honoured=seen.job_id_honoured,
        clock_skew_seconds=seen.clock_skew,
        running_snapshots_allowed=seen.capabilities.kvm_snapshots_of_running_vms,
        expunge_allowed=seen.capabilities.expunge_allowed,
        probed_at=now,
        probe_error=doubt,
    )
    cloud.refresh_from_db()
    return doubt


def keep_doubt(cloud: TargetCloud, doubt: str, *, now: datetime) -> str:
    """This will note why the cloud could not be probed, and give that."""
    # What an earlier probe learned stays: a cloud that does not answer now has not changed its nature.
    TargetCloud.objects.filter(pk=cloud.pk).update(probed_at=now, probe_error=doubt)
    cloud.refresh_from_db()
    return doubt
