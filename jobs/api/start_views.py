"""This will be the API's door to starts of failovers, one or many, and to the end of tests."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from inventory.api.keeping import keeps_its_answer, kept_answer
from jobs.api.answers import CleanupAnswer, StartAnswer, TestStartAnswer
from jobs.api.callers import actor_of
from jobs.api.parsed_starts import ParsedStart, parsed_start
from jobs.api.rendering import bulk_started, cleaning
from jobs.api.requests import CleanupQuery
from jobs.api.start_answers import BulkAnswer, DryRunAnswer, TestDryRunAnswer
from jobs.api.start_requests import BulkBody, DryRunQuery, StartBody, TestStartBody, refuse_dry_run_in_body
from jobs.bulk import Wish, rehearse_each, start_each
from jobs.cleanup import clean_up, cleanup_preview, force_cleanup
from jobs.errors import InvalidStart
from jobs.models import JobType
from jobs.prepared_starts import Asked
from jobs.runtime import process_engine, process_gateways
from jobs.services import job_of
from networks.api.dry_runs import has_dry_run


class LiveFailoverViewSet(ViewSet):
    """This will start live failovers."""

    @has_dry_run
    @keeps_its_answer
    @extend_schema(
        operation_id="start_live_failover",
        parameters=[DryRunQuery],
        request=StartBody,
        responses={
            200: PolymorphicProxySerializer(
                component_name="LiveStartOrDryRun",
                serializers=[StartAnswer, DryRunAnswer],
                resource_type_field_name=None,
            )
        },
    )
    def create(self, request: Request) -> Response:
        """Start a live failover: the replica's disks become the disks of a VM on the production network.

        With `dry_run=true` the same is validated and planned, and the plan is the answer: nothing is started.
        """
        return _started(request, kind=JobType.LIVE)


class TestFailoverViewSet(ViewSet):
    """This will start test failovers, and end them."""

    @has_dry_run
    @keeps_its_answer
    @extend_schema(
        operation_id="start_test_failover",
        parameters=[DryRunQuery],
        request=TestStartBody,
        responses={
            200: PolymorphicProxySerializer(
                component_name="TestStartOrDryRun",
                serializers=[TestStartAnswer, TestDryRunAnswer],
                resource_type_field_name=None,
            )
        },
    )
    def create(self, request: Request) -> Response:
        """Start a test failover: the VM boots from copies of its replica in an isolated test network.

        With `dry_run=true` the same is validated and planned, and the plan is the answer: nothing is started.
        """
        return _started(request, kind=JobType.TEST)

    @has_dry_run
    @extend_schema(
        parameters=[CleanupQuery],
        request=None,
        responses={200: CleanupAnswer},
        operation_id="clean_up_test_failover",
    )
    def destroy(self, request: Request, job_id: str) -> Response:
        """End a test failover at any moment and remove what it made; safe to repeat.

        What can't be removed becomes a question; with `force=true` it is left, and `left_behind` lists it so far.
        `dry_run=true` says what would be removed, and does nothing.
        """
        parser = CleanupQuery(data=request.query_params)
        parser.is_valid(raise_exception=True)
        query: dict[str, Any] = parser.validated_data
        said: dict[str, Any] = {"engine": process_engine(), "actor": actor_of(request), "reason": query["reason"]}
        job = job_of(job_id)
        if query["dry_run"]:
            preview = cleanup_preview(engine=process_engine(), job=job)
            return Response({"message": "Nothing was cleaned up: this is what would be removed", "cleanup": preview})
        cleaned = force_cleanup(job=job, **said).job if query["force"] else clean_up(job=job, **said)
        return Response(cleaning(cleaned))


class BulkFailoverViewSet(ViewSet):
    """This will start many failovers of one kind."""

    @has_dry_run
    @keeps_its_answer
    @extend_schema(
        operation_id="start_bulk_failover", parameters=[DryRunQuery], request=BulkBody, responses={200: BulkAnswer}
    )
    def create(self, request: Request) -> Response:
        """Start failovers of many VMs, each for itself: the answer is 200 with a result per VM, in the order sent.

        The refusal of one VM stops no other. When a target cloud does not answer, its further VMs are refused at once.
        With `dry_run=true` every VM is validated and planned, and nothing is started.
        """
        is_dry_run = _is_dry_run(request)
        body: Any = request.data
        parser = BulkBody(data=body)
        parser.is_valid(raise_exception=True)
        refuse_dry_run_in_body(body)
        kind = JobType(parser.validated_data["type"])
        shared = {name: value for name, value in body.items() if name not in {"type", "vms"}}
        bodies = [{**shared, **own} for own in parser.validated_data["vms"]]

        shared_by_all: dict[str, Any] = {"engine": process_engine(), "gateways": process_gateways(), "kind": kind}
        if is_dry_run:
            ended = list(rehearse_each((_rehearsal(own, kind) for own in bodies), **shared_by_all))
        else:
            wishes = (_start(own, kind) for own in bodies)
            ended = list(start_each(wishes, **shared_by_all, actor=actor_of(request)))
        return Response(bulk_started(ended, kind=kind, is_dry_run=is_dry_run))


def _started(request: Request, *, kind: JobType) -> Response:
    is_dry_run = _is_dry_run(request)
    parsed = parsed_start(request.data, kind=kind)
    if is_dry_run:
        return Response(parsed.rehearse(gateways=process_gateways()))
    return Response(parsed.start(gateways=process_gateways(), actor=actor_of(request)))


def _rehearsal(body: dict[str, Any], kind: JobType) -> Wish:
    parsed = _parsed(body, kind)
    if isinstance(parsed, InvalidStart):
        return Wish(_vm_id(body), parsed)
    return Wish(_vm_id(body), Asked(parsed.vm_id, parsed.request), parsed.rehearsal)


def _start(body: dict[str, Any], kind: JobType) -> Wish:
    """Give the start, or the answer that a repeat of the request finds kept for it."""
    parsed = _parsed(body, kind)
    if isinstance(parsed, InvalidStart):
        return Wish(_vm_id(body), parsed)
    done = kept_answer(part=parsed.vm_id)
    return Wish(_vm_id(body), parsed.asked(part=parsed.vm_id) if done is None else done, parsed.answer)


def _parsed(body: dict[str, Any], kind: JobType) -> ParsedStart | InvalidStart:
    try:
        return parsed_start(body, kind=kind)
    except ValidationError as error:
        return InvalidStart(error.detail)


def _vm_id(body: dict[str, Any]) -> str | None:
    vm_id = body.get("vm_id")
    return vm_id.strip() if isinstance(vm_id, str) else None


def _is_dry_run(request: Request) -> bool:
    query = DryRunQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    return bool(query.validated_data["dry_run"])
