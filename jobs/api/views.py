"""This will be the API's door to failover jobs: parse, one service call, render."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from inventory.api.keeping import keep_answer, keeps_its_answer
from jobs.api.answers import CleanupAnswer, JobsAnswer, StartAnswer, StatusAnswer, TestStartAnswer
from jobs.api.rendering import cleaning, listed, started, status_answer, test_started
from jobs.api.requests import AnswerBody, CancelBody, JobFilterQuery, ReasonOfCleanup, StartBody, TestStartBody
from jobs.cleanup import clean_up
from jobs.durations import NANOSECONDS, parse_duration
from jobs.listing import CursorRefused, JobFilter, page_of_jobs
from jobs.runtime import process_engine, process_gateways
from jobs.services import StartRequest, StartTestRequest, answer, cancel, job_of, start_live, start_test
from networks.api.fields import unknown_fields


class LiveFailoverViewSet(ViewSet):
    """This will start live failovers."""

    @keeps_its_answer
    @extend_schema(request=StartBody, responses={200: StartAnswer}, operation_id="start_live_failover")
    def create(self, request: Request) -> Response:
        """Start a live failover: the replica's disks become the disks of a VM on the production network."""
        parser = StartBody(data=request.data)
        parser.is_valid(raise_exception=True)
        fields: dict[str, Any] = dict(parser.validated_data)
        vm_id = fields.pop("vm_id")
        warnings = tuple(unknown_fields(request.data, parser, also=frozenset()))
        job = start_live(
            engine=process_engine(),
            gateways=process_gateways(),
            vm_id=vm_id,
            request=StartRequest(**fields, warnings=warnings, on_written=lambda job: keep_answer(started(job))),
            actor=_actor(request),
        )
        return Response(started(job))


class TestFailoverViewSet(ViewSet):
    """This will start test failovers, and end them."""

    @keeps_its_answer
    @extend_schema(request=TestStartBody, responses={200: TestStartAnswer}, operation_id="start_test_failover")
    def create(self, request: Request) -> Response:
        """Start a test failover: the VM boots from copies of its replica in an isolated test network."""
        parser = TestStartBody(data=request.data)
        parser.is_valid(raise_exception=True)
        fields: dict[str, Any] = dict(parser.validated_data)
        vm_id, test_duration = fields.pop("vm_id"), fields.pop("test_duration")
        warnings = tuple(unknown_fields(request.data, parser, also=frozenset()))
        job = start_test(
            engine=process_engine(),
            gateways=process_gateways(),
            vm_id=vm_id,
            request=StartTestRequest(
                **fields,
                window_seconds=parse_duration(test_duration) // NANOSECONDS,
                warnings=warnings,
                on_written=lambda job: keep_answer(test_started(job, test_duration=test_duration)),
            ),
            actor=_actor(request),
        )
        return Response(test_started(job, test_duration=test_duration))

    @extend_schema(
        parameters=[ReasonOfCleanup],
        request=None,
        responses={200: CleanupAnswer},
        operation_id="clean_up_test_failover",
    )
    def destroy(self, request: Request, job_id: str) -> Response:
        """End a test failover at any moment and remove what it made; safe to repeat."""
        parser = ReasonOfCleanup(data=request.query_params)
        parser.is_valid(raise_exception=True)
        asked: dict[str, Any] = parser.validated_data
        job = clean_up(engine=process_engine(), job=job_of(job_id), actor=_actor(request), **asked)
        return Response(cleaning(job))


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
        job = cancel(engine=process_engine(), job_id=job_id, actor=_actor(request), **parser.validated_data)
        return Response(status_answer(job, now=timezone.now(), message="Cancellation requested"))

    @extend_schema(request=AnswerBody, responses={200: StatusAnswer}, operation_id="answer_failover_question")
    def answer(self, request: Request, job_id: str) -> Response:
        """Answer the question that a job waits for."""
        parser = AnswerBody(data=request.data)
        parser.is_valid(raise_exception=True)
        job = answer(engine=process_engine(), job_id=job_id, actor=_actor(request), **parser.validated_data)
        return Response(status_answer(job, now=timezone.now(), message="Answer recorded"))


def _actor(request: Request) -> str:
    return str(request.user.get_username())
