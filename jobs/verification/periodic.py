"""This will compare every cloud with inventory and journal from time to time, keep what was found, and tell news.

It only reads. What a job has in hand at this moment is not told: it is on its way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q

from cloudstack import CloudError
from inventory.models import TargetCloud
from inventory.secrets import SecretUnreadable
from jobs.engine.contracts import Clock
from jobs.models import FailoverJob, JobState, WorldLook
from jobs.runtime import Gateways
from jobs.verification.findings import Finding
from jobs.verification.world import verify_cloud
from notifications.models import Event
from notifications.outbox import tell

log = structlog.get_logger(__name__)

# More differences than these are counted, and not kept one by one.
MOST_KEPT = 500
_TOLD_IN_WORDS = 10


def look_when_due(*, gateways: Gateways, clock: Clock, every_seconds: float) -> int:
    """Look at each cloud that was not looked at for so long, one after the other; give how many those were."""
    if every_seconds <= 0:
        return 0
    due = Q(world_look=None) | Q(world_look__began_at__lte=clock.now() - timedelta(seconds=every_seconds))
    # A look that lies ahead was noted by a clock that has been set back since.
    ahead = Q(world_look__began_at__gt=clock.now() + timedelta(seconds=every_seconds))
    looked = 0
    for cloud in TargetCloud.objects.filter(due | ahead).select_related("world_look").order_by("pk"):
        # Taken before it is read: a slow cloud outlasts the role, and another process may be at this too.
        if _take(cloud, now=clock.now()):
            _look_at(cloud, gateways=gateways, clock=clock)
            looked += 1
    return looked


def _take(cloud: TargetCloud, *, now: datetime) -> bool:
    """Note that a look begins; False when another process noted it first."""
    look: WorldLook | None = getattr(cloud, "world_look", None)
    if look is None:
        return WorldLook.objects.get_or_create(cloud=cloud, defaults={"began_at": now})[1]
    return bool(WorldLook.objects.filter(pk=look.pk, began_at=look.began_at).update(began_at=now))


def _look_at(cloud: TargetCloud, *, gateways: Gateways, clock: Clock) -> None:
    """Compare one cloud and keep what was found; a difference that was not there before is told."""
    began = clock.now()
    found: list[Finding] = []
    trouble = ""
    try:
        found = _at_rest(verify_cloud(gateway=gateways(cloud), cloud=cloud))
    except (CloudError, SecretUnreadable) as error:
        trouble = str(error) or type(error).__name__
    ended = clock.now()
    row: dict[str, Any] = {"began_at": began, "seconds": round((ended - began).total_seconds(), 3), "trouble": trouble}
    if not trouble:
        counts = dict(Counter(str(finding.drift) for finding in found))
        row |= {"read_at": ended, "counts": counts, "findings": [one.as_json() for one in found[:MOST_KEPT]]}
    with transaction.atomic():
        fresh = [] if trouble else _unknown_before(cloud, found[:MOST_KEPT])
        WorldLook.objects.filter(cloud=cloud).update(**row)
        if fresh:
            _tell(cloud, fresh, at=ended)
    log.info("world_compared", cloud=cloud.name, differences=len(found), fresh=len(fresh), trouble=trouble)


def _at_rest(found: Iterable[Finding]) -> list[Finding]:
    """Leave out what a job has in hand just now, by the job or by the disk."""
    moving = FailoverJob.objects.filter(state__in=[JobState.QUEUED, JobState.RUNNING])
    jobs: set[str] = set()
    touched: set[str] = set()
    for job_id, target, specification in moving.values_list("job_id", "destination_vm_id", "specification"):
        jobs.add(job_id)
        touched |= {target, *(str(disk["volume_id"]) for disk in specification.get("disks", []))}
    return [finding for finding in found if finding.job_id not in jobs and finding.id not in touched]


def _unknown_before(cloud: TargetCloud, found: Iterable[Finding]) -> list[Finding]:
    before = WorldLook.objects.select_for_update().filter(cloud=cloud).first()
    known = {(row["drift"], row["id"]) for row in before.findings} if before is not None else set()
    return [finding for finding in found if (str(finding.drift), finding.id) not in known]


def _tell(cloud: TargetCloud, fresh: list[Finding], *, at: datetime) -> None:
    words = [f"{finding.words}. {finding.what_to_do}" for finding in fresh[:_TOLD_IN_WORDS]]
    if len(fresh) > _TOLD_IN_WORDS:
        words.append(f"And {len(fresh) - _TOLD_IN_WORDS} more: see the overview, or `manage.py verify_world`.")
    tell(
        Event.DRIFT,
        subject=f"cloud:{cloud.name}"[:200],
        words="\n".join(words),
        at=at,
        body={"cloud": cloud.name, "findings": [finding.as_json() for finding in fresh[:MOST_KEPT]]},
        email=settings.OPERATORS_EMAIL,
        slack_webhook=settings.OPERATORS_SLACK_WEBHOOK,
    )
