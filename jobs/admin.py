"""This will show failover jobs and their journal in the admin; nothing of it is added, changed or deleted there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import display

from inventory.admin import ProtectedVMAdmin, ReadOnlyAdmin
from inventory.models import ProtectedVM
from jobs.console import starts, verbs, vm_list
from jobs.console.colours import COLOURS, in_words
from jobs.console.machines import overview_of
from jobs.console.story import story_of
from jobs.models import (
    CommandTiming,
    FailoverJob,
    JobEvent,
    JobType,
    Plan,
    ProcessLease,
    Pulse,
    Question,
    Reservation,
    RoleLease,
    Step,
    StepAttempt,
    WorldLook,
)
from networks.models import Purpose


def _coloured(row: Any, field: str) -> tuple[str, str]:
    word = getattr(row, field) or ""
    return word, in_words(word)


class JournalAdmin(ReadOnlyAdmin):
    """This will show rows of the journal, newest first; the states of all of them have the same colours."""

    ordering: tuple[str, ...] = ("-pk",)

    @display(description="State", label=COLOURS)  # type: ignore[untyped-decorator]
    def coloured_state(self, row: Any) -> tuple[str, str]:
        """Give the state with its colour."""
        return _coloured(row, "state")


@admin.register(FailoverJob)
class FailoverJobAdmin(JournalAdmin):
    """This will list jobs, and show each as a timeline that renews itself."""

    list_display = (
        "vm_by_name",
        "coloured_type",
        "phase",
        "coloured_state",
        "coloured_outcome",
        "percent",
        "requested_by",
        "created_at",
        "completed_at",
        "whole_job_id",
    )
    list_filter = ("state", "outcome", "job_type", "status", "auto_cleanup")
    search_fields = ("job_id", "vm_name")
    ordering = ("-created_at", "-id")

    @display(description="Type", label=COLOURS)  # type: ignore[untyped-decorator]
    def coloured_type(self, job: FailoverJob) -> tuple[str, str]:
        """Give the type with its colour."""
        return _coloured(job, "job_type")

    @display(description="Outcome", label=COLOURS)  # type: ignore[untyped-decorator]
    def coloured_outcome(self, job: FailoverJob) -> tuple[str, str] | None:
        """Give the outcome with its colour."""
        return _coloured(job, "outcome") if job.outcome else None

    @admin.display(description="VM", ordering="vm_name")
    def vm_by_name(self, job: FailoverJob) -> str:
        """Give the VM's name."""
        return job.vm_name

    @admin.display(description="Job", ordering="job_id")
    def whole_job_id(self, job: FailoverJob) -> str:
        """Give the id on one line, to be copied."""
        return format_html('<span class="fo-whole">{}</span>', job.job_id)

    @admin.display(description="Status", ordering="status")
    def phase(self, job: FailoverJob) -> str:
        """Give the status in words."""
        return in_words(job.status)

    @admin.display(description="Progress")
    def percent(self, job: FailoverJob) -> str:
        """Give the progress."""
        return f"{job.progress:.0f} %"

    def get_urls(self) -> list[URLPattern]:
        """Add the timeline and the verbs."""
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/timeline/", wrap(self.timeline), name="jobs_failoverjob_timeline"),
            *(
                path(f"<int:pk>/{name}/", wrap(verbs.verb_page), {"name": name}, name=f"jobs_failoverjob_{name}")
                for name in verbs.VERBS
            ),
            path(
                "<int:pk>/answer/<int:question_id>/<str:choice>/",
                wrap(verbs.answer_page),
                name="jobs_failoverjob_answer",
            ),
            *super().get_urls(),
        ]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the job: there is nothing to change by a form, whatever is sent."""
        del form_url, extra_context
        job = self._job(request, object_id)
        shown = {
            **self.admin_site.each_context(request),
            **self._story(request, job),
            "title": job.job_id,
            "opts": self.opts,
            "original": job,
        }
        return TemplateResponse(request, "admin/jobs/failoverjob/job.html", shown)

    def timeline(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give the part of the page that renews itself."""
        story = self._story(request, self._job(request, str(pk)))
        return TemplateResponse(request, "admin/jobs/failoverjob/timeline.html", story)

    def _job(self, request: HttpRequest, object_id: str | None) -> FailoverJob:
        if object_id is None or request.method not in {"GET", "HEAD"} or not self.has_view_permission(request):
            raise PermissionDenied
        number = int(object_id) if object_id.isdecimal() else None
        return get_object_or_404(FailoverJob.objects.select_related("vm"), pk=number)

    def _story(self, request: HttpRequest, job: FailoverJob) -> dict[str, Any]:
        return {**story_of(job, now=timezone.now()), "may_operate": request.user.has_perm(verbs.OPERATE)}


@admin.register(Plan)
class PlanAdmin(JournalAdmin):
    """This will list plans."""

    list_display = ("job", "number", "kind", "coloured_state", "stop_reason", "created_at", "finished_at")
    list_filter = ("kind", "state")
    list_select_related = ("job",)
    search_fields = ("=job__job_id",)
    search_help_text = "The whole job_id"


@admin.register(Step)
class StepAdmin(JournalAdmin):
    """This will list steps."""

    list_display = ("key", "plan", "phase", "command", "coloured_state", "attempts_made", "reason", "started_at")
    list_filter = ("state", "phase", "plan__kind")
    list_select_related = ("plan__job",)
    search_fields = ("=plan__job__job_id",)
    search_help_text = "The whole job_id"


@admin.register(StepAttempt)
class StepAttemptAdmin(JournalAdmin):
    """This will list attempts."""

    list_display = ("async_job_id", "step", "number", "coloured_state", "intent_at", "ended_at", "explanation")
    list_filter = ("state",)
    list_select_related = ("step",)
    search_fields = ("=async_job_id", "=step__plan__job__job_id")
    search_help_text = "The id of an async job, or the whole job_id"


@admin.register(JobEvent)
class JobEventAdmin(JournalAdmin):
    """This will list events."""

    list_display = ("at", "job", "kind", "message", "step_key", "actor")
    list_select_related = ("job",)
    search_fields = ("=job__job_id", "=async_job_id")
    search_help_text = "The whole job_id"


class IsOpen(admin.SimpleListFilter):
    """This will part the open questions from the answered ones."""

    title = "open"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Give the choices."""
        del request, model_admin
        return [("yes", "Open"), ("no", "Answered")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Apply the choice."""
        del request
        return queryset.filter(answered_at__isnull=self.value() == "yes") if self.value() else queryset


@admin.register(Question)
class QuestionAdmin(JournalAdmin):
    """This will list questions; they are answered on the job's page."""

    list_display = ("text", "job", "kind", "asked_at", "answer", "answered_by", "answered_at")
    list_filter = (IsOpen,)
    list_select_related = ("job",)
    search_fields = ("=job__job_id", "text")


@admin.register(Reservation)
class ReservationAdmin(JournalAdmin):
    """This will list what unfinished attempts touch."""

    list_display = ("resource", "job", "taken_at")
    list_select_related = ("job",)
    search_fields = ("resource", "=job__job_id")


@admin.register(ProcessLease)
class ProcessLeaseAdmin(JournalAdmin):
    """This will list processes."""

    list_display = ("owner", "host", "pid", "started_at", "valid_until")
    search_fields = ("owner", "host")


@admin.register(RoleLease)
class RoleLeaseAdmin(JournalAdmin):
    """This will list who watches and sweeps."""

    list_display = ("role", "owner", "last_tick_at", "valid_until")
    search_fields = ("role", "owner")


@admin.register(WorldLook)
class WorldLookAdmin(JournalAdmin):
    """This will show what the last comparison of each cloud with inventory and journal found."""

    list_display = ("cloud", "read_at", "began_at", "seconds", "counts", "trouble")


@admin.register(Pulse)
class PulseAdmin(JournalAdmin):
    """This will list when sweeper and canary last came to the end of a round."""

    list_display = ("part", "began_at", "ended_at", "seconds")
    search_fields = ("part",)


@admin.register(CommandTiming)
class CommandTimingAdmin(JournalAdmin):
    """This will list how long commands took."""

    list_display = ("command", "endpoint", "mean_seconds", "samples")
    search_fields = ("command", "endpoint")


admin.site.unregister(ProtectedVM)


@admin.register(ProtectedVM)
class OperatedVMAdmin(ProtectedVMAdmin):
    """This will show a VM with its readiness, replicas and failovers, and start failovers of it."""

    change_form_before_template = "admin/inventory/protectedvm/overview.html"

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """Give what is asked at night before what the VM is."""
        del request
        return ("name", "live", "test", "oldest_sync", "failover", "cloud", "appliance", "guest_os", "vm_id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProtectedVM]:
        """Add what the list tells of each VM."""
        return vm_list.told(super().get_queryset(request))

    @display(description="Live failover", label=vm_list.COLOURS)  # type: ignore[untyped-decorator]
    def live(self, vm: ProtectedVM) -> str | None:
        """Say whether its newest check found it ready."""
        return vm_list.readiness_of(vm, Purpose.LIVE)

    @display(description="Test failover", label=vm_list.COLOURS)  # type: ignore[untyped-decorator]
    def test(self, vm: ProtectedVM) -> str | None:
        """Say whether its newest check found it ready."""
        return vm_list.readiness_of(vm, Purpose.TEST)

    @admin.display(description="Replica as of", empty_value="never synced")
    def oldest_sync(self, vm: Any) -> datetime | None:
        """Give how old its oldest disk would be after a failover now."""
        return vm.oldest_sync  # type: ignore[no-any-return]

    @admin.display(description="Failover")
    def failover(self, vm: ProtectedVM) -> str:
        """Say what is under way, or what became of it."""
        return vm_list.failover_of(vm)

    def get_urls(self) -> list[URLPattern]:
        """Add the pages that start failovers."""
        view = self.admin_site.admin_view(starts.start_page)
        pages = [
            path(f"<int:pk>/start-{kind}/", view, {"kind": kind}, name=f"inventory_protectedvm_start_{kind}")
            for kind in JobType
        ]
        return [*pages, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the VM, above the form with the choices of its target."""
        shown = {**overview_of(object_id), "may_operate": request.user.has_perm(verbs.OPERATE)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})  # type: ignore[no-any-return]
