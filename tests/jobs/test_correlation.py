"""This will show that one start can be followed through the log: request, job, step and CloudStack's own job."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from cloudstack_simulator import Fault, Simulator
from jobs.models import FailoverJob, StepAttempt
from tests.support.service import Service

REQUEST = "drill-42"
Lines = list[dict[str, Any]]


def _carried(service: Service, caplog: pytest.LogCaptureFixture) -> FailoverJob:
    """Start a failover in the context of a request, as web does, and carry it out of that context, as a worker does."""
    caplog.set_level("INFO")
    with structlog.contextvars.bound_contextvars(request_id=REQUEST):
        job = service.start_live("vm-one")
    service.run()
    return job


def _lines(caplog: pytest.LogCaptureFixture, event: str) -> Lines:
    found = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    return [line for line in found if line["event"] == event]


def test_every_change_of_the_cloud_is_logged_with_request_job_step_and_async_job(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    job = _carried(service, caplog)

    calls = [line for line in _lines(caplog, "cloudstack_called") if "async_job_id" in line]
    attempts = {attempt.async_job_id: attempt.step.key for attempt in StepAttempt.objects.select_related("step")}

    assert len(calls) >= 8
    for line in calls:
        assert (line["request_id"], line["job_id"]) == (REQUEST, job.job_id)
        assert line["step"] == attempts[line["async_job_id"]]


def test_the_end_of_every_async_job_is_logged_under_the_same_names(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    job = _carried(service, caplog)

    ended = {line["async_job_id"]: line for line in _lines(caplog, "async_job_ended")}
    submitted = StepAttempt.objects.filter(submitted_at__isnull=False).select_related("step")

    assert ended.keys() == {attempt.async_job_id for attempt in submitted}
    for attempt in submitted:
        line = ended[attempt.async_job_id]
        assert (line["request_id"], line["job_id"], line["step"]) == (REQUEST, job.job_id, attempt.step.key)
        assert line["status"] == "succeeded"


def test_what_becomes_of_the_job_is_logged_from_its_start_to_its_end(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    job = _carried(service, caplog)

    told = [(line["kind"], line["request_id"]) for line in _lines(caplog, "job_event") if line["job_id"] == job.job_id]

    assert [kind for kind, _ in told] == ["created", "started", "finished"]
    assert {request for _, request in told} == {REQUEST}


def test_an_async_job_that_failed_is_a_warning_with_the_words_of_the_cloud(
    service: Service, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.faults.add(Fault("createSnapshot", "fail"))
    _carried(service, caplog)

    failed = [line for line in _lines(caplog, "async_job_ended") if line["status"] == "failed"]

    assert failed and failed[0]["level"] == "warning"
    assert failed[0]["text"] and failed[0]["request_id"] == REQUEST


def test_nothing_of_one_job_clings_to_the_lines_of_the_next(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    _carried(service, caplog)
    caplog.clear()

    other = service.start_live("vm-two")
    service.run()

    for line in _lines(caplog, "cloudstack_called"):
        assert line.get("job_id", other.job_id) == other.job_id
        assert line.get("request_id") is None
    assert structlog.contextvars.get_contextvars() == {}
