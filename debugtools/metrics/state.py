"""This will give the figures that the database knows at the moment: they are the same whichever process is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from django.db.models import Count, Min
from prometheus_client.core import GaugeMetricFamily, Metric

from debugtools.health import Health
from debugtools.metrics.names import PREFIX
from debugtools.outside import messages_waiting
from inventory.models import ReplicaState, ReplicaVolume
from jobs.models import AttemptState, FailoverJob, JobState, JobType, Question, StepAttempt, WorldLook
from jobs.verification.findings import Drift, weight_of
from notifications.models import Delivery, DeliveryState, Notification

# Chosen by what is in an index: what is finished is most of a table.
UNFINISHED = [state for state in JobState if state != JobState.FINISHED]
_SINGLE_PARTS = frozenset({"database", "generation", "watcher", "sweeper", "broker", "canary"})

Rows = Iterable[tuple[tuple[str, ...], float]]


def families_of_state(found: Health, *, now: datetime) -> Iterator[Metric]:
    """Give all of them; the queries are few, each by an index or of a small table."""
    yield from _parts(found)
    yield from _lags(found, now=now)
    yield from _jobs()
    yield from _work_for_people()
    yield from _notifications(now=now)
    yield from _worlds(now=now)


def families_without_database() -> Iterator[Metric]:
    """Give what can be said when the database is gone."""
    yield _gauge("part_well", _PART_WORDS, [(("database",), 0.0)], labels=("part",))


_PART_WORDS = "Whether the part of the service is well (1) or not (0), as /readyz says."


def _parts(found: Health) -> Iterator[Metric]:
    well = {part.name: 0.0 if part.reason else 1.0 for part in found.parts if part.name in _SINGLE_PARTS}
    yield _gauge("part_well", _PART_WORDS, _by_one_label(well), labels=("part",))
    reachable = {cloud.name: 0.0 if cloud.trouble else 1.0 for cloud in found.clouds}
    words = "Whether the target cloud answers a signed question (1) or not (0)."
    yield _gauge("cloud_reachable", words, _by_one_label(reachable), labels=("cloud",))
    skews = {c.name: c.clock_skew_seconds for c in found.clouds if c.clock_skew_seconds is not None}
    words = "Seconds that the cloud's clock was ahead of ours at its last probe."
    yield _gauge("cloud_clock_skew_seconds", words, _by_one_label(skews), labels=("cloud",))
    yield _single(
        "processes_alive", "Processes that hold a lease: workers and watchers.", found.watcher.living_processes
    )


def _lags(found: Health, *, now: datetime) -> Iterator[Metric]:
    ages = {
        "watcher": found.watcher.age_seconds,
        "sweeper": found.sweeper.age_seconds,
        "canary": found.canary.age_seconds,
    }
    known = {part: age for part, age in ages.items() if age is not None}
    words = "Seconds since the part last came to the end of a round."
    yield _gauge("round_age_seconds", words, _by_one_label(known), labels=("part",))
    if found.canary.seconds is not None:
        words = "Seconds that the last canary took through the broker to a worker."
        yield _single("canary_round_trip_seconds", words, found.canary.seconds)
    if not found.broker["error"] and (waiting := messages_waiting()) is not None:
        yield _single("broker_messages", "Wake-ups that wait in the broker for a worker.", waiting)
    oldest = FailoverJob.objects.filter(state__in=UNFINISHED).aggregate(oldest=Min("next_look_at"))["oldest"]
    words = "Seconds by which the job that is due for longest waits for its next look."
    yield _single("due_lag_seconds", words, _seconds_since(oldest, now=now))


def _jobs() -> Iterator[Metric]:
    counted = FailoverJob.objects.order_by().values_list("job_type")
    moving = counted.filter(state__in=UNFINISHED).values_list("job_type", "state")
    unfinished = {(kind, state): count for kind, state, count in moving.annotate(count=Count("pk"))}
    in_all = dict(counted.annotate(count=Count("pk")))
    rows: dict[tuple[str, ...], float] = {}
    for kind in JobType.values:
        rows |= {(kind, state): unfinished.get((kind, state), 0) for state in UNFINISHED}
        of_kind = sum(count for (found, _), count in unfinished.items() if found == kind)
        rows[kind, JobState.FINISHED] = in_all.get(kind, 0) - of_kind
    yield _gauge("jobs", "Failover jobs that the database holds.", rows.items(), labels=("job_type", "state"))
    out = StepAttempt.objects.filter(state=AttemptState.SUBMITTED).count()
    yield _single("async_jobs_out", "Async jobs in CloudStack whose end is waited for.", out)


def _work_for_people() -> Iterator[Metric]:
    asked = Question.objects.filter(answered_at__isnull=True).order_by().values_list("kind").annotate(count=Count("pk"))
    words = "Questions that wait for an operator's answer."
    yield _gauge("questions_open", words, _by_one_label(dict(asked)), labels=("kind",))
    overdue = FailoverJob.objects.filter(state=JobState.WINDOW_OPEN, overdue_since__isnull=False).count()
    yield _single("tests_overdue", "Tests whose time is over and that nobody cleaned up.", overdue)
    counted = ReplicaVolume.objects.order_by().values_list("state").annotate(count=Count("pk"))
    by_state = dict.fromkeys(ReplicaState.values, 0) | dict(counted)
    yield _gauge("replicas", "Replicas by what is known of their content.", _by_one_label(by_state), labels=("state",))


def _notifications(*, now: datetime) -> Iterator[Metric]:
    pending = Delivery.objects.filter(state=DeliveryState.PENDING)
    fresh = Notification.objects.filter(fanned_out_at__isnull=True).order_by("pk").values_list("created_at", flat=True)
    yield _single(
        "notifications_waiting", "Deliveries of notifications that are neither made nor given up.", pending.count()
    )
    due = pending.aggregate(oldest=Min("next_try_at"))["oldest"]
    lag = max(_seconds_since(due, now=now), _seconds_since(fresh.first(), now=now))
    yield _single("outbox_lag_seconds", "Seconds by which the delivery that is due for longest waits for its try.", lag)


def _worlds(*, now: datetime) -> Iterator[Metric]:
    """Give what the newest look at each cloud found; one that was never read is as old as we know it."""
    looks = list(WorldLook.objects.select_related("cloud").defer("findings"))
    rows = {(drift.value, weight_of(drift).value): 0.0 for drift in Drift}
    for look in looks:
        for drift, count in look.counts.items():
            rows[drift, weight_of(Drift(drift)).value] += count
    words = "Differences between the clouds and what inventory and journal say, as of the last look."
    yield _gauge("drift", words, rows.items(), labels=("kind", "weight"))
    ages = {look.cloud.name: _seconds_since(look.read_at or look.cloud.created_at, now=now) for look in looks}
    words = "Seconds since the cloud was last compared whole with inventory and journal, or became known."
    yield _gauge("world_look_age_seconds", words, _by_one_label(ages), labels=("cloud",))


def _gauge(name: str, words: str, rows: Rows, *, labels: tuple[str, ...]) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, words, labels=labels)
    for values, value in rows:
        family.add_metric([str(label) for label in values], value)
    return family


def _single(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(PREFIX + name, words, value=value)


def _by_one_label(values: Mapping[str, float]) -> Rows:
    return [((name,), value) for name, value in values.items()]


def _seconds_since(moment: datetime | None, *, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds()) if moment is not None else 0.0
