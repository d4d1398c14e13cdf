"""This will give the sums that the processes counted: they only grow, also when history is purged."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, product

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric, SummaryMetricFamily

from debugtools.metrics.names import PREFIX
from inventory.tallies.histograms import BOUNDS, BUCKET, ENDLESS, SUM
from inventory.tallies.models import Tally
from jobs.models import JobType, Outcome
from notifications.models import Channel, DeliveryState

# The labels of a metric as sorted pairs; what one metric counted.
Labels = tuple[tuple[str, str], ...]
Sums = Mapping[Labels, float]

_TRIES = (DeliveryState.DELIVERED.value, "failed", DeliveryState.GIVEN_UP.value)


def families_of_sums() -> Iterator[Metric]:
    """Give all of them; where labels are known beforehand a sum is shown at nought, so that its first step is seen."""
    sums = _read()
    ended = product(JobType.values, Outcome.values)
    yield _counter(
        "jobs_ended", "Ends of failover jobs.", sums["jobs_ended"], labels=("job_type", "outcome"), expected=ended
    )
    yield _counter(
        "notification_tries",
        "Tries to deliver a notification; failed ones are repeated.",
        sums["notification_tries"],
        labels=("channel", "outcome"),
        expected=product(Channel.values, _TRIES),
    )
    calls = sums["cloudstack_calls"]
    labels = ("cloud", "command", "outcome")
    yield _counter("cloudstack_calls", "Calls to CloudStack by how far they came.", calls, labels=labels)
    yield _call_seconds(calls, sums["cloudstack_call_seconds"])
    words = "Seconds of a step, from its first start to the reading that proved it."
    yield _histogram("step_seconds", words, sums, label="command")
    words = "Seconds from the request until the target VM was seen running."
    yield _histogram("time_to_running_seconds", words, sums, label="job_type")


def _read() -> Mapping[str, dict[Labels, float]]:
    sums: dict[str, dict[Labels, float]] = defaultdict(dict)
    for metric, labels, total in Tally.objects.order_by("metric", "labels").values_list("metric", "labels", "total"):
        sums[metric][tuple(sorted(json.loads(labels).items()))] = total
    return sums


def _counter(
    name: str, words: str, sums: Sums, *, labels: tuple[str, ...], expected: Iterable[tuple[str, ...]] = ()
) -> Metric:
    family = CounterMetricFamily(PREFIX + name, words, labels=labels)
    nought = {tuple(sorted(zip(labels, values, strict=True))): 0.0 for values in expected}
    for found, total in (nought | dict(sums)).items():
        of = dict(found)
        family.add_metric([of[label] for label in labels], total)
    return family


def _call_seconds(calls: Sums, seconds: Sums) -> Metric:
    counted: dict[Labels, float] = defaultdict(float)
    for labels, total in calls.items():
        counted[tuple(pair for pair in labels if pair[0] != "outcome")] += total
    family = SummaryMetricFamily(
        PREFIX + "cloudstack_call_seconds", "Seconds of calls to CloudStack.", labels=("cloud", "command")
    )
    for labels, total in seconds.items():
        of = dict(labels)
        family.add_metric([of["cloud"], of["command"]], count_value=int(counted[labels]), sum_value=total)
    return family


def _histogram(name: str, words: str, sums: Mapping[str, Sums], *, label: str) -> Metric:
    family = HistogramMetricFamily(PREFIX + name, words, labels=(label,))
    bounds = [*(str(float(bound)) for bound in BOUNDS[name]), ENDLESS]
    counts: dict[str, dict[str, float]] = defaultdict(dict)
    for labels, total in sums.get(name + BUCKET, {}).items():
        of = dict(labels)
        counts[of[label]][of["le"]] = total
    for value, found in counts.items():
        up_to = accumulate(found.get(bound, 0.0) for bound in bounds)
        total = sums[name + SUM].get(((label, value),), 0.0)
        family.add_metric([value], buckets=list(zip(bounds, up_to, strict=True)), sum_value=total)
    return family
