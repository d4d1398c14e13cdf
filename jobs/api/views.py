"""This will be the API's door to failover jobs: parse, one service call, render."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from jobs.api.answers import JobsAnswer, StatusAnswer
from jobs.api.callers import actor_of
from jobs.api.rendering import listed, status_answer
from jobs.api.requests import AnswerBody, CancelBody, JobFilterQuery
from jobs.listing import CursorRefused, JobFilter, page_of_jobs
from jobs.runtime import process_engine
from jobs.services import answer, cancel, job_of


class FailoverJobViewSet(ViewSet):
    """This will show failover jobs, and take what operators decide about them."""

    @extend_schema(parameters=[JobFilterQuery], responses={200: JobsAnswer}, operation_id="list_failover_jobs")
    def list(self, request: Request) -> Response:
        """List failover jobs, newest first."""
        parser = JobFilterQuery(data=request.query_params)
        parser.is_valid(raise_exception=True)
        asked: dict[str, Any] = dict(parser.validated_data)
        place = {name: asked.pop(name) for name in ("limit", "offset", "cursor") if name in asked}
        try:
            page = page_of_jobs(wanted=JobFilter(**asked), now=timezone.now(), **place)
        except CursorRefused as error:
            raise ValidationError({"cursor": str(error)}) from error
        return Response(listed(page))

    @extend_schema(responses={200: StatusAnswer}, operation_id="failover_job_status")
    def status(self, request: Request, job_id: str) -> Response:
        """Show how far a failover job is."""
        del request
        return Response(status_answer(job_of(job_id), now=timezone.now()))

    @extend_schema(request=CancelBody, responses={200: StatusAnswer}, operation_id="cancel_failover_job")
    def cancel(self, request: Request, job_id: str) -> Response:
        """Stop a job before its point of no return and undo what it did."""
        parser = CancelBody(data=request.data)
        parser.is_valid(raise_exception=True)
        job = cancel(engine=process_engine(), job_id=job_id, actor=actor_of(request), **parser.validated_data)
        return Response(status_answer(job, now=timezone.now(), message="Cancellation requested"))

    @extend_schema(request=AnswerBody, responses={200: StatusAnswer}, operation_id="answer_failover_question")
    def answer(self, request: Request, job_id: str) -> Response:
        """Answer the question that a job waits for."""
        parser = AnswerBody(data=request.data)
        parser.is_valid(raise_exception=True)
        job = answer(engine=process_engine(), job_id=job_id, actor=actor_of(request), **parser.validated_data)
        return Response(status_answer(job, now=timezone.now(), message="Answer recorded"))
