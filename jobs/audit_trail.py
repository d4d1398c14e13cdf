"""This will seal the timelines of ended jobs into the audit by reference, and tell those that were changed since."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max

from audit.models import AuditEvent
from audit.recording import record_event
from jobs.engine.journal import subject_of
from jobs.models import FailoverJob, JobEvent, JobState

SEALED = "timeline_sealed"
PURGED = "history_purged"
SEALER = "sealer"
# Events commit in another order than they take their numbers; none is so late.
OVERLAP = 10_000
SETTLED = timedelta(seconds=30)


@dataclass
class TimelineSealer:
    """Looks at the ended jobs that something was added to since it looked last; holds the last event seen of each."""

    _seen: dict[int, int] = field(default_factory=dict)
    _looked_to: int | None = None

    def seal_ended(self, *, now: datetime) -> int:
        """Put a digest of each ended job's timeline into the audit; give how many those were.

        A job is left for a while after its end: by then all that was written beside its end is committed.
        """
        since = self._start() if self._looked_to is None else self._looked_to
        ended = JobEvent.objects.filter(
            pk__gt=since - OVERLAP, job__state=JobState.FINISHED, job__completed_at__lte=now - SETTLED
        )
        lasts = dict(ended.order_by().values_list("job").annotate(last=Max("pk")))
        fresh = [job_pk for job_pk, last in lasts.items() if self._seen.get(job_pk) != last]
        sealed = sum(seal_timeline(job) for job in FailoverJob.objects.filter(pk__in=fresh).order_by("pk"))
        self._seen, self._looked_to = lasts, max([since, *lasts.values()])
        return sealed

    def _start(self) -> int:
        last = AuditEvent.objects.filter(kind=SEALED).order_by("-pk").first()
        return int(json.loads(last.fields)["last_event"]) if last is not None else 0


def seal_timeline(job: FailoverJob) -> bool:
    """Record what the timeline holds now; False when that is recorded already."""
    with transaction.atomic():
        # Under the job's lock, so that two sealers do not both do it.
        FailoverJob.objects.select_for_update().get(pk=job.pk)
        last, count, digest = _digest_of(job.pk, up_to=None)
        before = _newest_seal(subject_of(job))
        if before is not None and before["last_event"] >= last:
            return False
        record_event(
            SEALED,
            actor=SEALER,
            subject=subject_of(job),
            words=f"The timeline of {count} events was sealed.",
            fields={"job": job.pk, "last_event": last, "events": count, "digest": digest},
        )
    return True


def timeline_faults() -> list[str]:
    """Compare the timelines with what was sealed of them: one sentence for each that is not as it was."""
    faults = []
    purged = set(AuditEvent.objects.filter(kind=PURGED).values_list("subject", flat=True))
    seals = AuditEvent.objects.filter(kind=SEALED).order_by("pk").values_list("subject", "fields")
    newest = {subject: json.loads(fields) for subject, fields in seals.iterator(chunk_size=2000)}
    present = set(FailoverJob.objects.values_list("job_id", flat=True))
    for subject, sealed in newest.items():
        job_id = subject.partition(":")[2]
        if job_id not in present:
            if subject not in purged:
                faults.append(f"Job {job_id} is gone, and no purge tells of it")
            continue
        _, count, digest = _digest_of(sealed["job"], up_to=sealed["last_event"])
        if (count, digest) != (sealed["events"], sealed["digest"]):
            faults.append(f"The timeline of job {job_id} is not as it was sealed: an event was changed or removed")
    return faults


def _newest_seal(subject: str) -> dict[str, Any] | None:
    last = AuditEvent.objects.filter(kind=SEALED, subject=subject).order_by("-pk").first()
    return json.loads(last.fields) if last is not None else None


def _digest_of(job_pk: int, *, up_to: int | None) -> tuple[int, int, str]:
    """Give the number of the last event, how many there are, and a hash of all that they say."""
    events = JobEvent.objects.filter(job_id=job_pk).order_by("pk")
    if up_to is not None:
        events = events.filter(pk__lte=up_to)
    digest, last, count = hashlib.sha256(), 0, 0
    for event in events:
        at = event.at.astimezone(UTC).isoformat(timespec="microseconds")
        said = [event.pk, at, event.kind, event.message, event.step_key, event.async_job_id, event.actor, event.fields]
        digest.update(json.dumps(said, sort_keys=True).encode())
        last, count = event.pk, count + 1
    return last, count, digest.hexdigest()
