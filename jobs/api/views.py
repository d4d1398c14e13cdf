"""This will be the API's door to failover jobs: parse, one service call, render."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from jobs.api.answers import CancelAnswer, JobsAnswer, StatusAnswer
from jobs.api.callers import actor_of
from jobs.api.rendering import events_answer, listed, status_answer, steps_answer
from jobs.api.requests import AnswerBody, CancelBody, EventsQuery, JobFilterQuery
from jobs.api.start_requests import DryRunQuery
from jobs.api.timeline_answers import EventsAnswer, StepsAnswer
from jobs.listing import CursorRefused, JobFilter, page_of_jobs
from jobs.revision import revision_of
from jobs.runtime import process_engine
from jobs.services import answer, cancel, cancel_preview, job_of
from jobs.timeline import events_of
from networks.api.dry_runs import has_dry_run
from networks.api.unknown_parameters import unknown_parameters


class FailoverJobViewSet(ViewSet):
    """This will show failover jobs, and take what operators decide about them."""

    @extend_schema(parameters=[JobFilterQuery], responses={200: JobsAnswer}, operation_id="list_failover_jobs")
    def list(self, request: Request) -> Response:
        """List failover jobs, newest first."""
        parser = JobFilterQuery(data=request.query_params)
        parser.is_valid(raise_exception=True)
        asked: dict[str, Any] = dict(parser.validated_data)
        with_actions = asked.pop("include", None) is not None
        place = {name: asked.pop(name) for name in ("limit", "offset", "cursor") if name in asked}
        try:
            page = page_of_jobs(wanted=JobFilter(**asked), now=timezone.now(), **place)
        except CursorRefused as error:
            raise ValidationError({"cursor": [str(error)]}) from error
        doubts = unknown_parameters(request, known=parser.fields)
        return Response({**listed(page, with_actions=with_actions), **doubts})

    @extend_schema(
        operation_id="failover_job_status",
        parameters=[
            OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description="ETags of answers at hand."),
            OpenApiParameter(
                "ETag", str, OpenApiParameter.HEADER, response=[200, 304], description="Names this state of the job."
            ),
        ],
        responses={
            200: StatusAnswer,
            304: OpenApiResponse(description="The answer at hand is still so; only `duration` went on."),
        },
    )
    def status(self, request: Request, job_id: str) -> Response:
        """Show how far a failover job is.

        Whoever polls sends the `ETag` of the last answer as `If-None-Match`: 304 says that nothing changed since.
        """
        job = job_of(job_id)
        # Before the body is built: the tag must never be newer than what it names.
        tag = revision_of(job)
        headers = {"ETag": f'W/"{tag}"', "Cache-Control": "private, no-cache"}
        if _is_at_hand(request, tag=tag):
            return Response(status=304, headers=headers)
        return Response(status_answer(job, now=timezone.now()), headers=headers)

    @extend_schema(responses={200: StepsAnswer}, operation_id="failover_job_steps")
    def steps(self, request: Request, job_id: str) -> Response:
        """Show all plans of a job with every step and attempt: times, async job ids, answers, what was read back."""
        del request
        return Response(steps_answer(job_of(job_id)))

    @extend_schema(parameters=[EventsQuery], responses={200: EventsAnswer}, operation_id="failover_job_events")
    def events(self, request: Request, job_id: str) -> Response:
        """Show the timeline of a job, oldest first; go on with `after` = `next_after` to follow it."""
        query = EventsQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        job = job_of(job_id)
        return Response(events_answer(job, events_of(job, **query.validated_data)))

    @has_dry_run
    @extend_schema(
        request=CancelBody,
        parameters=[DryRunQuery],
        responses={200: CancelAnswer},
        operation_id="cancel_failover_job",
    )
    def cancel(self, request: Request, job_id: str) -> Response:
        """Stop a job before its point of no return and undo what it did; `dry_run=true` says first what that is."""
        parser, query = CancelBody(data=request.data), DryRunQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        parser.is_valid(raise_exception=True)
        if query.validated_data["dry_run"]:
            preview = cancel_preview(engine=process_engine(), job=job_of(job_id))
            return Response({"message": "Nothing was cancelled: this is what would be undone", "cancel": preview})
        job = cancel(engine=process_engine(), job_id=job_id, actor=actor_of(request), **parser.validated_data)
        return Response(status_answer(job, now=timezone.now(), message="Cancellation requested"))

    @extend_schema(request=AnswerBody, responses={200: StatusAnswer}, operation_id="answer_failover_question")
    def answer(self, request: Request, job_id: str) -> Response:
        """Answer the question that a job waits for."""
        parser = AnswerBody(data=request.data)
        parser.is_valid(raise_exception=True)
        job = answer(engine=process_engine(), job_id=job_id, actor=actor_of(request), **parser.validated_data)
        return Response(status_answer(job, now=timezone.now(), message="Answer recorded"))


def _is_at_hand(request: Request, *, tag: str) -> bool:
    """Say whether the caller has this state already; the comparison is weak, as a GET's is."""
    known = parse_etags(request.headers.get("If-None-Match", ""))
    return "*" in known or any(etag.removeprefix("W/") == f'"{tag}"' for etag in known)
