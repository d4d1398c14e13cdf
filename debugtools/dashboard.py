"""This will say on the admin's first page what needs a person, what moves, what is ready and whether all is well."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from debugtools.health import health
from inventory.models import ProtectedVM, ReplicaState, ReplicaVolume
from jobs.failed_over import failed_over_vms, ways_back
from jobs.models import FailoverJob, JobState, Outcome, Question
from networks.models import Purpose
from validation.models import CheckStatus, CheckType, ValidationCheck

_SHOWN = 10
_LATELY = timedelta(days=1)
_BLOCKS = Q(check_type=CheckType.CRITICAL, status__in=[CheckStatus.FAIL, CheckStatus.SKIPPED])
_DOUBTFUL = [ReplicaState.UNVERIFIED, ReplicaState.NEEDS_FULL_RESYNC]
_VIEW = "jobs.view_failoverjob"


def fill_index(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Give the first page what it shows at once; the state of the parts follows, since clouds may be slow to answer."""
    if not request.user.has_perm(_VIEW):
        return context
    return {**context, "title": "Overview", "may_view": True, **work(now=timezone.now())}


def work_view(request: HttpRequest) -> HttpResponse:
    """Give the part of the first page that tells of people, jobs and VMs, again."""
    _refuse_unless_viewer(request)
    return TemplateResponse(request, "admin/dashboard/work.html", work(now=timezone.now()))


def health_view(request: HttpRequest) -> HttpResponse:
    """Give the part of the first page that tells of worker, watcher, broker and clouds: what the API's health tells."""
    _refuse_unless_viewer(request)
    return TemplateResponse(request, "admin/dashboard/health.html", {"health": health(now=timezone.now())})


def _refuse_unless_viewer(request: HttpRequest) -> None:
    if not admin.site.has_permission(request) or not request.user.has_perm(_VIEW):
        raise PermissionDenied


def work(*, now: datetime) -> dict[str, Any]:
    """Give what needs a person, what moves and what is protected, by queries whose number is always the same."""
    open_jobs = FailoverJob.objects.exclude(state=JobState.FINISHED)
    states = Counter(open_jobs.order_by().values_list("state", flat=True))
    failed = FailoverJob.objects.filter(outcome=Outcome.FAILED, completed_at__gte=now - _LATELY)
    return {
        "questions": _some(Question.objects.filter(answered_at=None).select_related("job").order_by("asked_at")),
        "overdue": _some(
            FailoverJob.objects.filter(state=JobState.WINDOW_OPEN, overdue_since__isnull=False).order_by(
                "overdue_since"
            )
        ),
        "failed": _some(failed.order_by("-completed_at")),
        "doubtful": _some(
            ReplicaVolume.objects.filter(state__in=_DOUBTFUL).select_related("disk__vm").order_by("disk__vm__name")
        ),
        "ways_back": _some(ways_back().order_by("-completed_at")),
        "running": _jobs(JobState.RUNNING, order="started_at"),
        "queued": _jobs(JobState.QUEUED, order="created_at"),
        "windows": _jobs(JobState.WINDOW_OPEN, order="window_ends_at"),
        "count": {state.value: states[state] for state in JobState},
        "readiness": _readiness(),
        "shown_at": now,
    }


def _jobs(state: JobState, *, order: str) -> list[FailoverJob]:
    return list(FailoverJob.objects.filter(state=state).order_by(order)[:_SHOWN])


def _some(rows: QuerySet[Any]) -> dict[str, Any]:
    """Give the first rows, and whether there are more."""
    found = list(rows[: _SHOWN + 1])
    return {"rows": found[:_SHOWN], "has_more": len(found) > _SHOWN}


def _readiness() -> dict[str, Any]:
    """Count VMs by what their newest validation found, and give the most frequent obstacles."""
    checks = ValidationCheck.objects.order_by()
    total = ProtectedVM.objects.count()
    pairs = set(checks.values_list("purpose", "vm_id").distinct())
    blocked = Counter[tuple[str, str]]()
    unready = set()
    gone = failed_over_vms()
    for purpose, vm_id, name in checks.filter(_BLOCKS).values_list("purpose", "vm_id", "check_name"):
        if vm_id not in gone:
            unready.add((purpose, vm_id))
            blocked[purpose, name] += 1
    # What was found before a VM failed over, or before its replica fell in doubt, is so no more.
    seen = {(purpose, vm_id) for purpose, vm_id in pairs if vm_id not in gone}
    doubtful = ReplicaVolume.objects.filter(state__in=_DOUBTFUL).order_by().values("disk__vm_id")
    in_doubt = {int(row["disk__vm_id"]) for row in doubtful}
    unready |= {(purpose, vm_id) for purpose, vm_id in seen if vm_id in in_doubt}
    return {
        "total": total,
        "failed_over": len(gone),
        "purposes": [_of_purpose(purpose, total - len(gone), seen, unready, blocked) for purpose in Purpose],
    }


def _of_purpose(
    purpose: Purpose,
    total: int,
    known: set[tuple[str, int]],
    unready: set[tuple[str, int]],
    blocked: Counter[tuple[str, str]],
) -> dict[str, Any]:
    seen = sum(1 for of, _ in known if of == purpose)
    not_ready = sum(1 for of, _ in unready if of == purpose)
    reasons = [(name, count) for (of, name), count in blocked.most_common() if of == purpose]
    return {
        "purpose": purpose,
        "ready": seen - not_ready,
        "not_ready": not_ready,
        "unknown": max(0, total - seen),
        "reasons": reasons[:5],
    }
