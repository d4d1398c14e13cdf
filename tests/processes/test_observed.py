"""This will show that a running service, in each of its forms, tells those who look after it what is so."""

from __future__ import annotations

import json
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.processes.ground import Ground, installation
from tests.processes.waiting import wait_until
from tests.support.servers import free_port, postgresql, standing_still

pytestmark = [pytest.mark.processes, pytest.mark.slow]
REQUEST = "drill-42"
LOGGING = {"LOG_LEVEL": "INFO"}
EVERYTHING = {"database", "generation", "cloud", "watcher", "sweeper", "broker", "canary"}


def _look(ground: Ground, path: str, *, token: str = "") -> requests.Response:
    """Ask as somebody who looks after the service does: without the token of the API, and not for long."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"{ground.service.address()}{path}", headers=headers, timeout=10)


def _wait_until_ready(ground: Ground) -> list[dict[str, Any]]:
    answers: list[requests.Response] = []

    def is_ready() -> bool:
        answers.append(_look(ground, "/readyz"))
        return answers[-1].status_code == 200

    wait_until(is_ready, within=45, what="the service is ready", every=0.5)
    parts: list[dict[str, Any]] = answers[-1].json()["parts"]
    return parts


def _figure(ground: Ground, name: str, **labels: str) -> float:
    answer = ground.send("GET", "/metrics")
    answer.raise_for_status()
    return sum(
        sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def _judge_figures(ground: Ground) -> None:
    """Fail one VM over, and find in a scrape what the processes that carried it counted."""
    start = ground.send("POST", "/api/v1/failover/live", {"vm_id": ground.vm_ids[0]}, request_id=REQUEST)
    start.raise_for_status()

    def is_counted() -> bool:
        return _figure(ground, "failover_jobs_ended_total", outcome="succeeded") == 1

    wait_until(is_counted, within=60, what="the end of the failover is counted", every=0.5)

    def all_calls_are_counted() -> bool:
        # The web processes read, the worker changes, the watcher asks: each counts for itself, and all of it is here.
        calls = ground.calls()
        commands = ("listVolumes", "deployVirtualMachine", "queryAsyncJobResult")
        counted = [_figure(ground, "failover_cloudstack_calls_total", command=command) for command in commands]
        return counted == [calls[command] for command in commands]

    wait_until(all_calls_are_counted, within=30, what="the calls of all processes are counted", every=0.5)
    assert _figure(ground, "failover_time_to_running_seconds_count", job_type="live") == 1
    assert _figure(ground, "failover_round_age_seconds", part="canary") < 60
    assert _look(ground, "/metrics").status_code == 401


def _judge_log(ground: Ground) -> dict[str, set[int]]:
    """Find the whole failover in the log by the id of the request that started it; give who logged what, by pid."""
    records = ground.get(f"debug/logs?request_id={REQUEST}&limit=1000").json()["records"]
    loggers: dict[str, set[int]] = defaultdict(set)
    for record in records:
        loggers[record["event"]].add(record["fields"]["pid"])
    told = [(record["event"], record["fields"].get("async_job_id")) for record in records]
    called = {async_job for event, async_job in told if event == "cloudstack_called" and async_job}
    ended = {async_job for event, async_job in told if event == "async_job_ended"}
    assert {"request_answered", "job_event", "cloudstack_called", "async_job_ended"} <= loggers.keys()
    assert ended and ended <= called
    assert len({record["job_id"] for record in records if record["job_id"]}) == 1
    assert all(record["fields"]["step"] for record in records if record["event"] == "async_job_ended")
    return loggers


def _judge(ground: Ground) -> None:
    parts = _wait_until_ready(ground)
    assert {part["part"].partition(" ")[0] for part in parts} == EVERYTHING
    # A real message went through the broker to a worker, which wrote down that it came.
    assert next(part for part in parts if part["part"] == "canary")["age_seconds"] < 60
    assert _look(ground, "/healthz").status_code == 200
    health = ground.get("debug/health").json()
    assert (health["status"], health["problems"]) == ("healthy", [])


def test_the_service_in_one_process_is_ready_by_itself(tmp_path: Path) -> None:
    with installation(tmp_path, machines=1, job_seconds=0.2, more=LOGGING) as ground:
        _judge(ground)
        _judge_figures(ground)
        _judge_log(ground)


@pytest.mark.redis
def test_the_service_in_several_processes_is_ready_by_itself(tmp_path: Path) -> None:
    more = {**LOGGING, "FLOWER_PORT": str(free_port())}
    with installation(tmp_path, machines=1, job_seconds=0.2, command="serve_processes", more=more) as ground:
        _judge(ground)
        _judge_figures(ground)
        loggers = _judge_log(ground)
        pids = json.loads((tmp_path / "var" / "processes.json").read_text())
        workers, watchers = ({pids[f"{part}-{number}"] for number in (1, 2)} for part in ("worker", "watcher"))
        assert loggers["request_answered"].isdisjoint(workers | watchers)
        assert loggers["cloudstack_called"] & workers
        assert loggers["async_job_ended"] <= watchers


@pytest.mark.postgresql
def test_a_database_that_takes_connections_and_answers_nothing_holds_up_nobody_who_looks(tmp_path: Path) -> None:
    token = "scraper-0123456789-abcdefghijklmn"
    with postgresql() as url:
        more = {"DATABASE_URL": url, "METRICS_TOKEN": token}
        with installation(tmp_path, machines=1, job_seconds=0.2, more=more) as ground:
            _wait_until_ready(ground)
            # What was well a moment ago must not be believed, least of all where every thread has its connection.
            with ThreadPoolExecutor(16) as many:
                list(many.map(lambda _: _look(ground, "/readyz"), range(48)))
            with standing_still(url):
                alive, ready = _look(ground, "/healthz"), _look(ground, "/readyz")
                scraped = _look(ground, "/metrics", token=token)
            _wait_until_ready(ground)
    assert (alive.status_code, ready.status_code, scraped.status_code) == (200, 503, 200)
    assert [part["part"] for part in ready.json()["parts"]] == ["database"]
    assert 'failover_part_well{part="database"} 0.0' in scraped.text
