"""This will say how the service is: its database, its clouds, its workers, its broker, and its numbers.

It is the one source for `/readyz`, `GET /api/v1/debug/health`, the admin's overview and the metrics.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, connection

from debugtools.looks import Looks
from debugtools.outside import CloudHealth, broker_in_words, looked_at
from inventory.models import ProtectedVM, ReplicaVolume, TargetCloud
from jobs.engine.sweeper import ROLE
from jobs.generation.guard import paused_reason
from jobs.models import FailoverJob, JobState, ProcessLease, Pulse, PulsePart, RoleLease, WorldLook
from networks.models import NetworkMapping

# Who watches renews its role, and notes its sweeps, every five seconds.
STALLED_AFTER = timedelta(seconds=20)
# One canary may get lost: the next is sent half a minute later.
CANARY_LATE_AFTER = timedelta(seconds=60)

# The worst come first; `counts` has them all.
_FINDINGS_SHOWN = 50
# By an index: what is finished is most of the table.
_UNFINISHED = [state for state in JobState if state != JobState.FINISHED]

# Asked anew each time, before anything else is read from it on a connection that would be waited for without end.
_LOOKS = Looks(kept_for=0.0)
_NOT_RUNNING = "No worker or watcher is alive: start `manage.py serve`, or a worker and `manage.py watch`."


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
class Part:
    """This will hold how one part of the service is; well when there is no reason.

    `reason` is told to everybody who asks: it names no address and quotes nobody. `trouble` says all, and what to do.
    """

    name: str
    reason: str = ""
    trouble: str = ""
    age_seconds: float | None = None


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
        return "stalled" if _is_late(self.age_seconds, STALLED_AFTER) else "initialized"


@dataclass(frozen=True)
class PulseHealth:
    """This will hold when a part last ended a round, and how long that took."""

    last_at: datetime | None
    age_seconds: float | None
    seconds: float | None


@dataclass(frozen=True)
class WorldHealth:
    """This will hold what the last comparison of a cloud with inventory and journal found."""

    cloud: str
    looked_at: datetime
    seconds: float
    trouble: str
    read_at: datetime | None
    age_seconds: float | None
    counts: dict[str, int]
    findings: list[dict[str, str]]


@dataclass(frozen=True)
class Health:
    """This will hold the contract's components and metrics, and what is behind them."""

    components: dict[str, str]
    metrics: dict[str, int]
    parts: list[Part]
    clouds: list[CloudHealth]
    watcher: WatcherHealth
    sweeper: PulseHealth
    canary: PulseHealth
    worlds: list[WorldHealth] = field(default_factory=list)
    broker: dict[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> list[str]:
        """Say what is wrong and what to do, one sentence a thing; what has one cause is said once."""
        return list(dict.fromkeys(part.trouble for part in self.parts if part.reason))

    @property
    def status(self) -> str:
        """Give `healthy` when nothing is wrong, else `degraded`."""
        return "degraded" if self.problems else "healthy"


def health(*, now: datetime) -> Health:
    """Look at every part, within a few seconds; raises DatabaseGone, or what the database raises when it goes."""
    if _LOOKS.at({"database": _ask_database})["database"]:
        raise DatabaseGone
    rows = list(TargetCloud.objects.all())
    clouds, broker_trouble = looked_at(rows)
    watcher = _watcher(now=now)
    sweeper, canary = _pulse(PulsePart.SWEEPER, now=now), _pulse(PulsePart.CANARY, now=now)
    broker = broker_in_words(broker_trouble)
    return Health(
        components={
            "database": "connected",
            "ossea_client": _ossea_word(clouds),
            "failover_engines": watcher.word,
            "api_server": "running",
        },
        metrics=_metrics(),
        parts=[
            Part("database"),
            _generation_part(),
            *_cloud_parts(clouds),
            _watcher_part(watcher),
            _sweeper_part(sweeper, watcher),
            _broker_part(broker),
            _canary_part(canary, watcher, broker),
        ],
        clouds=clouds,
        watcher=watcher,
        sweeper=sweeper,
        canary=canary,
        worlds=_worlds(now=now),
        broker=broker,
    )


def _ask_database() -> str:
    """Ask on a connection of its own: one that hangs must not hold up whoever wants to know."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError) as error:
        return str(error) or "it does not answer"
    finally:
        connection.close()
    return ""


def _metrics() -> dict[str, int]:
    return {
        "active_failover_jobs": FailoverJob.objects.filter(state__in=_UNFINISHED).count(),
        "total_vms_discovered": ProtectedVM.objects.count(),
        "ossea_volumes": ReplicaVolume.objects.count(),
        "network_mappings": NetworkMapping.objects.count(),
    }


def _watcher(*, now: datetime) -> WatcherHealth:
    lease = RoleLease.objects.filter(role=ROLE).first()
    ticked = lease.last_tick_at if lease else None
    return WatcherHealth(
        last_tick_at=ticked,
        age_seconds=_age(ticked, now=now),
        owner=lease.owner if lease else None,
        living_processes=ProcessLease.objects.filter(valid_until__gt=now).count(),
    )


def _pulse(part: PulsePart, *, now: datetime) -> PulseHealth:
    row = Pulse.objects.filter(part=part).first()
    ended = row.ended_at if row else None
    return PulseHealth(last_at=ended, age_seconds=_age(ended, now=now), seconds=row.seconds if row else None)


def _worlds(*, now: datetime) -> list[WorldHealth]:
    return [
        WorldHealth(
            cloud=look.cloud.name,
            looked_at=look.began_at,
            seconds=look.seconds,
            trouble=look.trouble,
            read_at=look.read_at,
            age_seconds=_age(look.read_at, now=now),
            counts=look.counts,
            findings=look.findings[:_FINDINGS_SHOWN],
        )
        for look in WorldLook.objects.select_related("cloud").order_by("cloud__name")
    ]


def _age(moment: datetime | None, *, now: datetime) -> float | None:
    return round(max(0.0, (now - moment).total_seconds()), 1) if moment else None


def _is_late(age_seconds: float | None, limit: timedelta) -> bool:
    return age_seconds is None or age_seconds > limit.total_seconds()


def _since(age_seconds: float | None) -> str:
    return "never" if age_seconds is None else f"not for {age_seconds:g} s"


def _ossea_word(clouds: list[CloudHealth]) -> str:
    if not clouds:
        return "not configured"
    return "unreachable" if any(cloud.trouble for cloud in clouds) else "configured"


def _generation_part() -> Part:
    paused = paused_reason()
    return Part("generation", "paused: the database is older than the world" if paused else "", paused)


def _cloud_parts(clouds: list[CloudHealth]) -> list[Part]:
    if not clouds:
        return [Part("clouds", "none is configured", "No target cloud is configured: import one into the inventory.")]
    return [
        Part(
            f"cloud {cloud.name}",
            "does not answer as it should" if cloud.trouble else "",
            f"Cloud {cloud.name}: {cloud.trouble.rstrip('.')}." if cloud.trouble else "",
        )
        for cloud in clouds
    ]


def _watcher_part(watcher: WatcherHealth) -> Part:
    if watcher.word == "not running":
        return Part("watcher", "no worker or watcher is alive", _NOT_RUNNING, watcher.age_seconds)
    if watcher.word == "stalled":
        told = "Nobody watches jobs, though processes live: start `manage.py watch`, or look into its log."
        return Part("watcher", f"nobody watched: {_since(watcher.age_seconds)}", told, watcher.age_seconds)
    return Part("watcher", age_seconds=watcher.age_seconds)


def _sweeper_part(sweeper: PulseHealth, watcher: WatcherHealth) -> Part:
    if not _is_late(sweeper.age_seconds, STALLED_AFTER):
        return Part("sweeper", age_seconds=sweeper.age_seconds)
    # Who watches sweeps too: where nobody does, that is the one thing to say.
    told = _watcher_part(watcher).trouble or (
        "Nobody looks for due work, though somebody watches: look into the log of `manage.py watch`."
    )
    return Part("sweeper", f"nobody swept: {_since(sweeper.age_seconds)}", told, sweeper.age_seconds)


def _broker_part(broker: dict[str, str]) -> Part:
    trouble = broker["error"]
    return Part("broker", "unreachable" if trouble else "", f"Broker: {trouble}." if trouble else "")


def _canary_part(canary: PulseHealth, watcher: WatcherHealth, broker: dict[str, str]) -> Part:
    if not _is_late(canary.age_seconds, CANARY_LATE_AFTER):
        return Part("canary", age_seconds=canary.age_seconds)
    told = (
        (_NOT_RUNNING if watcher.word == "not running" else "")
        or _broker_part(broker).trouble
        or _watcher_part(watcher).trouble
        or (
            f"No worker heard a message that went through the broker ({_since(canary.age_seconds)}): start a worker, "
            "or look into its log; until then due work waits for the sweeper."
        )
    )
    return Part("canary", f"no worker heard a message: {_since(canary.age_seconds)}", told, canary.age_seconds)
