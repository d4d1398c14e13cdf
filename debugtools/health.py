"""This will say how the service is: its database, its clouds, its workers, its broker, and its numbers."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from kombu import Connection
from kombu.exceptions import OperationalError

from cloudstack import DENY_ALL, CloudError, Endpoint, Gateway
from debugtools.looks import Looks
from inventory.models import ProtectedVM, ReplicaVolume, TargetCloud
from inventory.redaction import Redactor
from inventory.secrets import SecretUnreadable
from jobs.engine.sweeper import ROLE
from jobs.generation.guard import paused_reason
from jobs.models import FailoverJob, JobState, ProcessLease, RoleLease
from networks.models import NetworkMapping
from validation.doors import SYSTEM_CLOCK

# Who watches renews its role every five seconds.
STALLED_AFTER = timedelta(seconds=20)
# Below the patience of a look: a cloud that is silent is told from one that is slow.
_CLOUD_TIMEOUT = 2.0
_BROKER_TIMEOUT = 2

_LOOKS = Looks()
_REDACTOR = Redactor()


class DatabaseGone(Exception):
    """The database cannot be asked, so that nothing else can be said."""

    error_code = "DATABASE_UNAVAILABLE"
    extra = {
        "status": "degraded",
        "components": {
            "database": "disconnected",
            "ossea_client": "unknown",
            "failover_engines": "unknown",
            "api_server": "running",
        },
        "metrics": {},
    }

    def __init__(self) -> None:
        super().__init__("The database does not answer; jobs stand still and go on by themselves when it is back")


@dataclass(frozen=True)
class CloudHealth:
    """This will hold whether a target cloud answers just now, and what its last probe left."""

    name: str
    trouble: str
    version: str
    clock_skew_seconds: float | None
    probed_at: datetime | None
    probe_doubt: str


@dataclass(frozen=True)
class WatcherHealth:
    """This will hold when somebody last watched async jobs and swept for due work; one loop does both."""

    last_tick_at: datetime | None
    age_seconds: float | None
    owner: str | None
    living_processes: int

    @property
    def word(self) -> str:
        """Give the contract's word for the engines, or the word for what is wrong with them."""
        if not self.living_processes:
            return "not running"
        if self.age_seconds is None or self.age_seconds > STALLED_AFTER.total_seconds():
            return "stalled"
        return "initialized"


@dataclass(frozen=True)
class Health:
    """This will hold the contract's components and metrics, and what is behind them."""

    components: dict[str, str]
    metrics: dict[str, int]
    problems: list[str]
    clouds: list[CloudHealth] = field(default_factory=list)
    watcher: WatcherHealth | None = None
    broker: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """Give `healthy` when nothing is wrong, else `degraded`."""
        return "degraded" if self.problems else "healthy"


def health(*, now: datetime) -> Health:
    """Look at every component, within a few seconds; raises what the database raises when it is gone."""
    connection.ensure_connection()
    watcher = _watcher(now=now)
    rows = list(TargetCloud.objects.all())
    clouds, broker_trouble = _looked_at(rows)
    return Health(
        components={
            "database": "connected",
            "ossea_client": _ossea_word(clouds),
            "failover_engines": watcher.word,
            "api_server": "running",
        },
        metrics=_metrics(),
        problems=[
            *filter(None, [paused_reason()]),
            *_problems(clouds, watcher),
            *([f"Broker: {broker_trouble}."] if broker_trouble else []),
        ],
        clouds=clouds,
        watcher=watcher,
        broker=_broker(broker_trouble),
    )


def _metrics() -> dict[str, int]:
    return {
        "active_failover_jobs": FailoverJob.objects.exclude(state=JobState.FINISHED).count(),
        "total_vms_discovered": ProtectedVM.objects.count(),
        "ossea_volumes": ReplicaVolume.objects.count(),
        "network_mappings": NetworkMapping.objects.count(),
    }


def _watcher(*, now: datetime) -> WatcherHealth:
    lease = RoleLease.objects.filter(role=ROLE).first()
    ticked = lease.last_tick_at if lease else None
    return WatcherHealth(
        last_tick_at=ticked,
        age_seconds=round(max(0.0, (now - ticked).total_seconds()), 1) if ticked else None,
        owner=lease.owner if lease else None,
        living_processes=ProcessLease.objects.filter(valid_until__gt=now).count(),
    )


def _looked_at(rows: list[TargetCloud]) -> tuple[list[CloudHealth], str]:
    """Ask all clouds and the broker side by side; give the clouds, and the trouble with the broker."""
    things: dict[Hashable, Callable[[], str]] = {_key(cloud): _ask_cloud(cloud) for cloud in rows}
    broker = ("broker", settings.BROKER_URL)
    things[broker] = _ask_broker
    troubles = _LOOKS.at(things)
    clouds = [
        CloudHealth(
            name=cloud.name,
            trouble=_REDACTOR.text(troubles[_key(cloud)]),
            version=cloud.version,
            clock_skew_seconds=cloud.clock_skew_seconds,
            probed_at=cloud.probed_at,
            probe_doubt=_REDACTOR.text(cloud.probe_error),
        )
        for cloud in rows
    ]
    return clouds, _REDACTOR.text(troubles[broker])


def _key(cloud: TargetCloud) -> Hashable:
    # A changed address or key is another thing to look at.
    return (cloud.uuid, cloud.endpoint, cloud.api_key_sealed, cloud.secret_key_sealed, cloud.ca_file)


def _ask_cloud(cloud: TargetCloud) -> Callable[[], str]:
    """Give the question to a cloud; what it needs of the database is read before, on the caller's thread."""
    try:
        endpoint = Endpoint(
            url=cloud.endpoint,
            api_key=cloud.api_key,
            secret_key=cloud.secret_key,
            ca_file=cloud.ca_file or None,
            timeout=_CLOUD_TIMEOUT,
        )
    except SecretUnreadable:
        return lambda: "its credentials were sealed with another FIELD_KEY"
    return lambda: _trouble_with(endpoint)


def _trouble_with(endpoint: Endpoint) -> str:
    try:
        Gateway(endpoint, clock=SYSTEM_CLOCK, destroy_port=DENY_ALL).capabilities()
    except CloudError as trouble:
        return str(trouble)
    return ""


def _ask_broker() -> str:
    if _broker_is_inside():
        return ""
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    with Connection(settings.BROKER_URL, connect_timeout=_BROKER_TIMEOUT, transport_options=options) as broker:
        try:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=_BROKER_TIMEOUT)
        except (OperationalError, OSError) as trouble:
            return f"unreachable: {trouble}; due work is found by the sweeper, later than usual"
    return ""


def _broker_is_inside() -> bool:
    return str(settings.BROKER_URL).startswith("memory:")


def _broker(trouble: str) -> dict[str, str]:
    if _broker_is_inside():
        return {"kind": "in process", "state": "connected", "error": ""}
    kind = str(settings.BROKER_URL).partition(":")[0]
    return {"kind": kind, "state": "unreachable" if trouble else "connected", "error": trouble}


def _ossea_word(clouds: list[CloudHealth]) -> str:
    if not clouds:
        return "not configured"
    return "unreachable" if any(cloud.trouble for cloud in clouds) else "configured"


def _problems(clouds: list[CloudHealth], watcher: WatcherHealth) -> list[str]:
    """Say what is wrong and what to do, one sentence a thing."""
    problems = [f"Cloud {cloud.name}: {cloud.trouble.rstrip('.')}." for cloud in clouds if cloud.trouble]
    if not clouds:
        problems.append("No target cloud is configured: import one into the inventory.")
    if watcher.word == "not running":
        problems.append("No worker or watcher is alive: start `manage.py serve`, or a worker and `manage.py watch`.")
    elif watcher.word == "stalled":
        problems.append("Nobody watches jobs, though processes live: start `manage.py watch`, or look into its log.")
    return problems
