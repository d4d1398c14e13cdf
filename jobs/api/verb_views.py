"""This will be the API's door to what is done with a failover after it ran: roll back, commit, extend, retry."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from jobs.api.answers import PreviewedAnswer, StatusAnswer
from jobs.api.callers import actor_of
from jobs.api.rendering import status_answer
from jobs.api.requests import CancelBody, ExtendBody, RollbackBody
from jobs.api.start_requests import DryRunQuery
from jobs.retries import Way, retry, retry_preview
from jobs.runtime import process_engine, process_gateways
from jobs.services import job_of
from jobs.verbs import commit, commit_preview, extend, roll_back, rollback_preview
from networks.api.dry_runs import has_dry_run


class RollbackAnswer(PreviewedAnswer):
    """This will describe the answer to a rollback; with `dry_run=true` only `message` and `rollback` are there."""

    rollback = serializers.DictField(
        required=False, help_text="What a rollback would do, and since when writes would be lost (dry_run only)."
    )


class CommitPlan(serializers.Serializer[Any]):
    """This will describe what a commit would remove."""

    vm_name = serializers.CharField(help_text="The VM that stays.")
    words = serializers.CharField(help_text="What it means.")
    steps = serializers.ListField(child=serializers.CharField(), help_text="What would be done.")
    rollback_points = serializers.ListField(
        child=serializers.CharField(), help_text="The snapshots that would be removed."
    )


class CommitAnswer(PreviewedAnswer):
    """This will describe the answer to a commit; with `dry_run=true` only `message` and `commit` are there."""

    commit = CommitPlan(required=False, help_text="What a commit would remove (dry_run only).")


class RetryPlan(serializers.Serializer[Any]):
    """This will describe how a job is tried again."""

    way = serializers.ChoiceField(choices=[way.value for way in Way], help_text="What a retry does here.")
    words = serializers.CharField(help_text="The same for people, with the reason.")
    job_id = serializers.CharField(allow_null=True, help_text="The job that goes on; null where it is not made yet.")
    steps = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="What is still to be done (dry_run only)."
    )
    obstacle = serializers.CharField(
        allow_null=True, required=False, help_text="Why another job would be refused now (dry_run only)."
    )
    required_actions = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="What is to be done about that (dry_run only)."
    )


class RetryAnswer(PreviewedAnswer):
    """This will describe the answer to a retry; with `dry_run=true` only `message` and `retry` are there."""

    shown_always = PreviewedAnswer.shown_always | {"retry"}

    retry = RetryPlan(help_text="How it is tried again.")


class VerbViewSet(ViewSet):
    """This will take what operators decide about a failover that ran."""

    @has_dry_run
    @extend_schema(
        request=RollbackBody,
        parameters=[DryRunQuery],
        responses={200: RollbackAnswer},
        operation_id="roll_back_failover_job",
    )
    def rollback(self, request: Request, job_id: str) -> Response:
        """Roll a live failover back to the moment before its first start.

        The VM is stopped, its disks are reverted and go back to the appliance, the VM is removed. What it wrote is
        lost: `dry_run=true` says since when, and `confirm_vm_name` must be its name. Of a failover whose undo or
        rollback left something undone, or that an operator left where it was, the rest is put back.
        """
        parser, query = RollbackBody(data=request.data), DryRunQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        parser.is_valid(raise_exception=True)
        if query.validated_data["dry_run"]:
            preview = rollback_preview(engine=process_engine(), job=job_of(job_id))
            return Response({"message": "Nothing was rolled back: this is what would be done", "rollback": preview})
        asked = parser.validated_data
        job = roll_back(
            engine=process_engine(),
            job_id=job_id,
            typed_name=asked["confirm_vm_name"],
            actor=actor_of(request),
            reason=asked["reason"],
        )
        return Response(status_answer(job, now=timezone.now(), message="Rollback requested"))

    @has_dry_run
    @extend_schema(
        request=CancelBody, parameters=[DryRunQuery], responses={200: CommitAnswer}, operation_id="commit_failover_job"
    )
    def commit(self, request: Request, job_id: str) -> Response:
        """Commit a live failover: its rollback points are removed, and there is no way back.

        `dry_run=true` says which points those are, and removes none.
        """
        parser, query = CancelBody(data=request.data), DryRunQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        parser.is_valid(raise_exception=True)
        if query.validated_data["dry_run"]:
            preview = commit_preview(engine=process_engine(), job=job_of(job_id))
            return Response({"message": "Nothing was committed: this is what would be done", "commit": preview})
        job = commit(engine=process_engine(), job_id=job_id, actor=actor_of(request), **parser.validated_data)
        return Response(status_answer(job, now=timezone.now(), message="Commit requested"))

    @has_dry_run
    @extend_schema(
        request=CancelBody, parameters=[DryRunQuery], responses={200: RetryAnswer}, operation_id="retry_failover_job"
    )
    def retry(self, request: Request, job_id: str) -> Response:
        """Try a job again that failed, was cancelled or undone, or asks whether to.

        Where what it made is still there it goes on from the step that failed; else another job is started from the
        same request, and the answer is that job's status. `dry_run=true` says which, and does nothing.
        """
        parser, query = CancelBody(data=request.data), DryRunQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        parser.is_valid(raise_exception=True)
        doors: dict[str, Any] = {"engine": process_engine(), "gateways": process_gateways()}
        if query.validated_data["dry_run"]:
            preview = retry_preview(**doors, job=job_of(job_id))
            return Response({"message": "Nothing was done: this is how it would be tried again", "retry": preview})
        retried = retry(**doors, job_id=job_id, actor=actor_of(request), **parser.validated_data)
        said = {"way": retried.way, "words": retried.words, "job_id": retried.job.job_id}
        answer = status_answer(retried.job, now=timezone.now(), message="Retry requested")
        return Response({**answer, "retry": said})

    @extend_schema(request=ExtendBody, responses={200: StatusAnswer}, operation_id="extend_test_failover")
    def extend(self, request: Request, job_id: str) -> Response:
        """Let the window of a test, or of a live failover's way back, end later."""
        parser = ExtendBody(data=request.data)
        parser.is_valid(raise_exception=True)
        job = extend(engine=process_engine(), job_id=job_id, actor=actor_of(request), **parser.validated_data)
        return Response(status_answer(job, now=timezone.now(), message="Window extended"))
