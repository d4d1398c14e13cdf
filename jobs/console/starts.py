"""This will start failovers from a VM's page: first what would happen and whether it may, then the start itself."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from rest_framework.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from inventory.models import ProtectedVM
from jobs.api.parsed_starts import ParsedStart, parsed_start
from jobs.console.verbs import ReasonForm, refuse_unless_operator
from jobs.errors import JobError
from jobs.models import FailoverJob, JobType
from jobs.runtime import process_gateways
from validation.errors import NotReady


class LiveForm(ReasonForm):
    """This will have the VM's name typed: a live failover is not started by a slip of the hand."""

    vm_name = forms.CharField(
        label="Name of the VM",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="Type it to confirm: this moves production.",
    )

    def __init__(self, *args: Any, vm: ProtectedVM, **options: Any) -> None:
        super().__init__(*args, **options)
        self._vm = vm

    def clean_vm_name(self) -> str:
        """Refuse any other name."""
        typed = str(self.cleaned_data["vm_name"]).strip()
        if typed != self._vm.name:
            raise forms.ValidationError(f"This is not the name of the VM: {self._vm.name}")
        return typed

    def body(self) -> dict[str, Any]:
        """Give the body of a start."""
        return {"vm_id": self._vm.vm_id, "reason": self.cleaned_data["reason"]}


class TestForm(ReasonForm):
    """This will ask how long the test VM shall run."""

    test_duration = forms.CharField(
        label="Duration",
        initial="2h",
        max_length=40,
        widget=UnfoldAdminTextInputWidget,
        help_text="How long the test VM runs, as 30m, 2h or 4h30m.",
    )
    auto_cleanup = forms.BooleanField(
        label="Clean up by itself",
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget,
        help_text="When the time is over. Else the test is shown as overdue and nothing is deleted.",
    )

    def __init__(self, *args: Any, vm: ProtectedVM, **options: Any) -> None:
        super().__init__(*args, **options)
        self._vm = vm

    def body(self) -> dict[str, Any]:
        """Give the body of a start."""
        names = ("reason", "test_duration", "auto_cleanup")
        return {"vm_id": self._vm.vm_id, **{name: self.cleaned_data[name] for name in names}}


def start_page(request: HttpRequest, pk: int, kind: JobType) -> HttpResponse:
    """Show what a start would do now, or start; a refusal is shown with what must be done."""
    refuse_unless_operator(request)
    vm = get_object_or_404(ProtectedVM.objects.select_related("cloud", "appliance"), pk=pk)
    form = (LiveForm if kind == JobType.LIVE else TestForm)(request.POST or None, vm=vm)
    found: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        found = _started(request, form.body(), kind=kind)
        if job_id := found.get("job_id"):
            messages.success(request, f"{job_id} is started.")
            return redirect("admin:jobs_failoverjob_change", FailoverJob.objects.only("pk").get(job_id=job_id).pk)
        for name, wrong in found.get("fields", {}).items():
            form.add_error(name if name in form.fields else None, [str(text) for text in wrong])
    elif request.method != "POST":
        found = _rehearsed(vm, kind=kind)
    shown = {
        **admin.site.each_context(request),
        "title": f"{'Live' if kind == JobType.LIVE else 'Test'} failover of {vm.name}",
        "opts": ProtectedVM._meta,
        "vm": vm,
        "form": form,
        "is_live": kind == JobType.LIVE,
        **found,
    }
    return TemplateResponse(request, "admin/inventory/protectedvm/start.html", shown)


def _rehearsed(vm: ProtectedVM, *, kind: JobType) -> dict[str, Any]:
    body: dict[str, Any] = {"vm_id": vm.vm_id}
    if kind == JobType.TEST:
        body["test_duration"] = "2h"
    return _carried_out(body, kind, lambda start: {"rehearsal": start.rehearse(gateways=process_gateways())})


def _started(request: HttpRequest, body: dict[str, Any], *, kind: JobType) -> dict[str, Any]:
    actor = request.user.get_username()
    return _carried_out(body, kind, lambda start: start.start(gateways=process_gateways(), actor=actor))


def _carried_out(body: dict[str, Any], kind: JobType, act: Any) -> dict[str, Any]:
    """Give what came of it, or why it was refused and what must be done."""
    try:
        start: ParsedStart = parsed_start(body, kind=kind)
        came: dict[str, Any] = act(start)
    except ValidationError as error:
        return {"fields": error.detail}
    except (JobError, NotReady) as refusal:
        return {"refusal": refusal, "to_do": list(getattr(refusal, "required_actions", ()))}
    return came
