"""This will ask why before a verb is used on a job, then make the one service call that every door makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from jobs.cleanup import clean_up, cleanup_preview, force_cleanup
from jobs.engine.ports import Engine
from jobs.errors import JobError
from jobs.models import FailoverJob, Question
from jobs.presentation import allowed_actions
from jobs.retries import retry, retry_preview
from jobs.runtime import process_engine, process_gateways
from jobs.services import answer, cancel, cancel_preview, job_of
from jobs.verbs import commit, commit_preview, extend, roll_back, rollback_preview
from validation.errors import NotReady

OPERATE = "jobs.operate"


class ReasonForm(forms.Form):
    """This will take why somebody does what he does; it stands in the job's events for good."""

    reason = forms.CharField(
        max_length=1000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "autofocus": True}),
        help_text="Stays in the job's events for good.",
    )


class CleanupForm(ReasonForm):
    """This will ask whether a cleanup shall leave what it can't remove."""

    force = forms.BooleanField(
        required=False,
        label="Force it",
        help_text="What can't be removed is left and listed, instead of becoming a question. Never a replica.",
    )


class RollbackForm(ReasonForm):
    """This will have the name of the VM typed whose writes will be lost."""

    typed_name = forms.CharField(
        label="Name of the VM",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="Type it to confirm: what the VM wrote since its first start will be lost.",
    )


class ExtendForm(ReasonForm):
    """This will ask by how much a window is extended."""

    duration = forms.CharField(
        label="Longer by", initial="1h", widget=UnfoldAdminTextInputWidget, help_text="As 30m, 2h or 4h30m."
    )


@dataclass(frozen=True)
class Verb:
    """What a page says of a verb, what it asks for, and the service call behind it."""

    title: str
    effect: str
    button: str
    act: Callable[..., object]
    form: type[ReasonForm] = ReasonForm
    is_dangerous: bool = True


def _clean_up(*, engine: Engine, job_id: str, actor: str, reason: str, force: bool) -> None:
    (force_cleanup if force else clean_up)(engine=engine, job=job_of(job_id), actor=actor, reason=reason)


def _retry(*, engine: Engine, job_id: str, actor: str, reason: str) -> None:
    retry(engine=engine, gateways=process_gateways(), job_id=job_id, actor=actor, reason=reason)


# By the names that `allowed_actions` has for them.
VERBS = {
    "cancel": Verb(
        "Cancel this failover", "What was done so far is undone, in reverse order.", "Cancel the failover", cancel
    ),
    "retry": Verb(
        "Try this failover again",
        "It goes on from the step that failed where its makings still exist, else as another job of the same request.",
        "Try again",
        _retry,
        is_dangerous=False,
    ),
    "cleanup": Verb(
        "Clean up this test",
        "The test VM, the copies of its disks and their snapshots are removed. The replicas stay.",
        "Clean up",
        _clean_up,
        form=CleanupForm,
        is_dangerous=False,
    ),
    "extend": Verb(
        "Extend the window",
        "The test VM runs longer, or the way back stays open longer.",
        "Extend",
        extend,
        form=ExtendForm,
        is_dangerous=False,
    ),
    "rollback": Verb(
        "Roll this live failover back",
        "The VM is stopped and removed; its disks go back to the appliance as they were before its first start.",
        "Roll back",
        roll_back,
        form=RollbackForm,
    ),
    "commit": Verb(
        "Commit this live failover",
        "The rollback points are removed. From then on there is no way back.",
        "Commit",
        commit,
    ),
}


def refuse_unless_operator(request: HttpRequest) -> None:
    """Raise PermissionDenied for who is neither operator nor administrator."""
    if not request.user.has_perm(OPERATE):
        raise PermissionDenied("This needs the role operator.")


def verb_page(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Ask for the reason and what else the verb needs, then use it."""
    job = _job(request, pk)
    obstacle = next(known.reason for known in allowed_actions(job) if known.action == name)
    lost = said = None
    to_do: list[str] = []
    try:
        if name == "rollback" and not obstacle:
            lost = rollback_preview(engine=process_engine(), job=job)
        if name == "cancel" and not obstacle:
            said = cancel_preview(engine=process_engine(), job=job)
        if name == "commit" and not obstacle:
            said = commit_preview(engine=process_engine(), job=job)
        if name == "cleanup" and not obstacle:
            said = cleanup_preview(engine=process_engine(), job=job)
        if name == "retry" and not obstacle:
            said = retry_preview(engine=process_engine(), gateways=process_gateways(), job=job)
            obstacle = f"{said['words']} That is refused now: {said['obstacle']}." if said["obstacle"] else ""
            to_do = said["required_actions"]
    except JobError as error:
        obstacle, to_do = str(error), list(error.required_actions)
    return _asked(request, job, VERBS[name], obstacle=obstacle, previews={"lost": lost, "said": said, "to_do": to_do})


def answer_page(request: HttpRequest, pk: int, question_id: int, choice: str) -> HttpResponse:
    """Show what the choice means, ask for the reason, then answer the question."""
    job = _job(request, pk)
    question = get_object_or_404(Question, job=job, pk=question_id)
    offered = {row["choice"]: row.get("effect", "") for row in question.choices}
    if choice not in offered:
        raise Http404

    closed = "The question was answered already." if question.answered_at else ""
    act = partial(answer, question_id=question_id, choice=choice)
    verb = Verb(question.text, offered[choice], f"Answer: {choice.replace('_', ' ')}", act, is_dangerous=False)
    return _asked(request, job, verb, obstacle=closed)


def _job(request: HttpRequest, pk: int) -> FailoverJob:
    refuse_unless_operator(request)
    return get_object_or_404(FailoverJob.objects.select_related("vm"), pk=pk)


def _asked(
    request: HttpRequest, job: FailoverJob, verb: Verb, *, obstacle: str, previews: dict[str, Any] | None = None
) -> HttpResponse:
    """Show the form, or act on it; what the service refuses is shown in its own words."""
    form = verb.form(request.POST or None)
    refusal = ""
    if request.method == "POST" and form.is_valid():
        actor = request.user.get_username()
        try:
            verb.act(engine=process_engine(), job_id=job.job_id, actor=actor, **form.cleaned_data)
        except (JobError, NotReady) as error:
            refusal = str(error)
            previews = {**(previews or {}), "to_do": list(error.required_actions)}
        else:
            messages.success(request, f"{verb.button}: taken. The job goes on from here by itself.")
            return redirect("admin:jobs_failoverjob_change", job.pk)
    shown: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": verb.title,
        "opts": FailoverJob._meta,
        "job": job,
        "form": form,
        "verb": verb,
        "obstacle": obstacle,
        "refusal": refusal,
        **(previews or {}),
    }
    return TemplateResponse(request, "admin/jobs/failoverjob/verb.html", shown)
