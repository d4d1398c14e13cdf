"""This will turn the body of a start into the request that the services take, and its outcome into the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from inventory.api.keeping import keep_answer
from jobs.api.rendering import dry_run, started, test_dry_run, test_started
from jobs.api.start_requests import StartBody, TestStartBody, refuse_dry_run_in_body
from jobs.durations import NANOSECONDS, parse_duration
from jobs.models import FailoverJob, JobType
from jobs.prepared_starts import Asked, PreparedStart
from jobs.runtime import Gateways, process_engine
from jobs.services import StartRequest, StartTestRequest, prepare_live, prepare_test, start_live, start_test


@dataclass(frozen=True)
class LiveStart:
    """This will be a parsed live start."""

    vm_id: str
    request: StartRequest

    def asked(self, *, part: str = "") -> Asked:
        """Give the start, with its answer kept for repeats of the request (of this part of it, in a bulk)."""
        return Asked(self.vm_id, self._kept(part=part))

    def start(self, *, gateways: Gateways, actor: str) -> dict[str, Any]:
        """Start, and keep the answer with the job for repeats of the request."""
        request = self._kept()
        return self.answer(
            start_live(engine=process_engine(), gateways=gateways, vm_id=self.vm_id, request=request, actor=actor)
        )

    def rehearse(self, *, gateways: Gateways) -> dict[str, Any]:
        """Answer what a start would do."""
        return self.rehearsal(
            prepare_live(engine=process_engine(), gateways=gateways, vm_id=self.vm_id, request=self.request)
        )

    def answer(self, job: FailoverJob) -> dict[str, Any]:
        """Answer that the job was started."""
        return started(job)

    def rehearsal(self, prepared: PreparedStart) -> dict[str, Any]:
        """Answer what would be done."""
        return dry_run(prepared)

    def _kept(self, *, part: str = "") -> StartRequest:
        return replace(self.request, on_written=partial(_keep, self.answer, part=part))


@dataclass(frozen=True)
class TestStart:
    """This will be a parsed test start; `test_duration` is the text that was sent."""

    vm_id: str
    request: StartTestRequest
    test_duration: str

    def asked(self, *, part: str = "") -> Asked:
        """Give the start, with its answer kept for repeats of the request (of this part of it, in a bulk)."""
        return Asked(self.vm_id, self._kept(part=part))

    def start(self, *, gateways: Gateways, actor: str) -> dict[str, Any]:
        """Start, and keep the answer with the job for repeats of the request."""
        request = self._kept()
        return self.answer(
            start_test(engine=process_engine(), gateways=gateways, vm_id=self.vm_id, request=request, actor=actor)
        )

    def rehearse(self, *, gateways: Gateways) -> dict[str, Any]:
        """Answer what a start would do."""
        return self.rehearsal(
            prepare_test(engine=process_engine(), gateways=gateways, vm_id=self.vm_id, request=self.request)
        )

    def answer(self, job: FailoverJob) -> dict[str, Any]:
        """Answer that the job was started."""
        return test_started(job, test_duration=self.test_duration)

    def rehearsal(self, prepared: PreparedStart) -> dict[str, Any]:
        """Answer what would be done."""
        return test_dry_run(prepared, request=self.request, test_duration=self.test_duration)

    def _kept(self, *, part: str = "") -> StartTestRequest:
        return replace(self.request, on_written=partial(_keep, self.answer, part=part))


def _keep(answer: Callable[[FailoverJob], dict[str, Any]], job: FailoverJob, *, part: str) -> None:
    keep_answer(lambda: answer(job), part=part)


ParsedStart = LiveStart | TestStart


def parsed_start(body: Any, *, kind: JobType) -> ParsedStart:
    """Give the start that the body asks for; raises ValidationError with the fields that are wrong."""
    parser = StartBody(data=body) if kind == JobType.LIVE else TestStartBody(data=body)
    parser.is_valid(raise_exception=True)
    refuse_dry_run_in_body(body)
    fields: dict[str, Any] = dict(parser.validated_data)
    vm_id = fields.pop("vm_id")
    unknown = {name: value for name, value in body.items() if name not in parser.fields}
    if kind == JobType.LIVE:
        return LiveStart(vm_id, StartRequest(**fields, unknown_fields=unknown))
    test_duration = fields.pop("test_duration")
    seconds = parse_duration(test_duration) // NANOSECONDS
    return TestStart(vm_id, StartTestRequest(**fields, window_seconds=seconds, unknown_fields=unknown), test_duration)
