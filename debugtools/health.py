"""This will say how the service is: its database, its cloud, its workers, and how much there is of what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from inventory.models import ProtectedVM, ReplicaVolume, TargetCloud
from jobs.models import FailoverJob, JobState, ProcessLease
from networks.models import NetworkMapping


@dataclass(frozen=True)
class Health:
    """This will hold the contract's components and metrics."""

    components: dict[str, str]
    metrics: dict[str, int]

    @property
    def status(self) -> str:
        """Give `healthy` when every component is as it should be, else `degraded`."""
        return "healthy" if self.components == _WELL else "degraded"


_WELL = {
    "database": "connected",
    "ossea_client": "configured",
    "failover_engines": "initialized",
    "api_server": "running",
}


def health(*, now: datetime) -> Health:
    """Look at every component; raises what the database raises when it is gone."""
    connection.ensure_connection()
    engines_alive = ProcessLease.objects.filter(valid_until__gt=now).exists()
    return Health(
        components={
            "database": "connected",
            "ossea_client": "configured" if TargetCloud.objects.exists() else "not configured",
            "failover_engines": "initialized" if engines_alive else "not running",
            "api_server": "running",
        },
        metrics={
            "active_failover_jobs": FailoverJob.objects.exclude(state=JobState.FINISHED).count(),
            "total_vms_discovered": ProtectedVM.objects.count(),
            "ossea_volumes": ReplicaVolume.objects.count(),
            "network_mappings": NetworkMapping.objects.count(),
        },
    )
