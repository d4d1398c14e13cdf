"""This will ask why before a verb is used on a job, then make the one service call that every door makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminTextareaWidget

from jobs.cleanup import clean_up
from jobs.errors import JobError
from jobs.models import FailoverJob, Question
from jobs.presentation import allowed_actions
from jobs.runtime import process_engine
from jobs.services import answer, cancel

OPERATE = "jobs.operate"


class ReasonForm(forms.Form):
    """This will take why somebody does what he does; it stands in the job's events for good."""

    reason = forms.CharField(
        max_length=1000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "autofocus": True}),
        help_text="Stays in the job's events for good.",
    )


def refuse_unless_operator(request: HttpRequest) -> None:
    """Raise PermissionDenied for who is neither operator nor administrator."""
    if not request.user.has_perm(OPERATE):
        raise PermissionDenied("This needs the role operator.")


def cancel_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the reason, then cancel the job."""
    job = _job(request, pk)

    def act(reason: str) -> None:
        cancel(engine=process_engine(), job_id=job.job_id, actor=request.user.get_username(), reason=reason)

    words = ("Cancel this failover", "What was done so far is undone, in reverse order.", "Cancel the failover")
    return _asked(request, job, act, words=words, obstacle=_obstacle(job, "cancel"))


def cleanup_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the reason, then end the test."""
    job = _job(request, pk)

    def act(reason: str) -> None:
        clean_up(engine=process_engine(), job=job, actor=request.user.get_username(), reason=reason)

    effect = "The test VM, its disks' copies and the snapshots are removed. The replicas stay."
    return _asked(
        request, job, act, words=("Clean up this test", effect, "Clean up"), obstacle=_obstacle(job, "cleanup")
    )


def answer_page(request: HttpRequest, pk: int, question_id: int, choice: str) -> HttpResponse:
    """Show what the choice means, ask for the reason, then answer the question."""
    job = _job(request, pk)
    question = get_object_or_404(Question, job=job, pk=question_id)
    offered = {row["choice"]: row.get("effect", "") for row in question.choices}
    if choice not in offered:
        raise Http404

    def act(reason: str) -> None:
        answer(
            engine=process_engine(),
            job_id=job.job_id,
            question_id=question_id,
            choice=choice,
            actor=request.user.get_username(),
            reason=reason,
        )

    closed = "The question was answered already." if question.answered_at else ""
    words = (question.text, offered[choice], f"Answer: {choice.replace('_', ' ')}")
    return _asked(request, job, act, words=words, obstacle=closed)


def _job(request: HttpRequest, pk: int) -> FailoverJob:
    refuse_unless_operator(request)
    return get_object_or_404(FailoverJob.objects.select_related("vm"), pk=pk)


def _obstacle(job: FailoverJob, action: str) -> str:
    return next(known.reason for known in allowed_actions(job) if known.action == action)


def _asked(
    request: HttpRequest,
    job: FailoverJob,
    act: Callable[[str], None],
    *,
    words: tuple[str, str, str],
    obstacle: str,
) -> HttpResponse:
    """Show the form, or act on it; what the service refuses is shown in its own words."""
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            act(form.cleaned_data["reason"])
        except JobError as refusal:
            obstacle = str(refusal)
        else:
            messages.success(request, f"{words[2]}: done. The job goes on from here by itself.")
            return redirect("admin:jobs_failoverjob_change", job.pk)
    question, effect, button = words
    shown: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": question,
        "opts": FailoverJob._meta,
        "job": job,
        "form": form,
        "effect": effect,
        "button": button,
        "obstacle": obstacle,
    }
    return TemplateResponse(request, "admin/jobs/failoverjob/verb.html", shown)
