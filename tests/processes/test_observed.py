"""This will show that a running service, in each of its forms, tells those who look after it what is so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from tests.processes.ground import Ground, installation
from tests.processes.waiting import wait_until
from tests.support.servers import free_port

pytestmark = [pytest.mark.processes, pytest.mark.slow]
EVERYTHING = {"database", "generation", "cloud", "watcher", "sweeper", "broker", "canary"}


def _look(ground: Ground, path: str) -> requests.Response:
    """Ask without a token."""
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"{ground.service.address()}{path}", timeout=30)


def _wait_until_ready(ground: Ground) -> list[dict[str, Any]]:
    answers: list[requests.Response] = []

    def is_ready() -> bool:
        answers.append(_look(ground, "/readyz"))
        return answers[-1].status_code == 200

    wait_until(is_ready, within=45, what="the service is ready", every=0.5)
    parts: list[dict[str, Any]] = answers[-1].json()["parts"]
    return parts


def _judge(ground: Ground) -> None:
    parts = _wait_until_ready(ground)
    assert {part["part"].partition(" ")[0] for part in parts} == EVERYTHING
    # A real message went through the broker to a worker, which wrote down that it came.
    assert next(part for part in parts if part["part"] == "canary")["age_seconds"] < 60
    assert _look(ground, "/healthz").status_code == 200
    health = ground.get("debug/health").json()
    assert (health["status"], health["problems"]) == ("healthy", [])


def test_the_service_in_one_process_is_ready_by_itself(tmp_path: Path) -> None:
    with installation(tmp_path, machines=1, job_seconds=0.2) as ground:
        _judge(ground)


@pytest.mark.redis
def test_the_service_in_several_processes_is_ready_by_itself(tmp_path: Path) -> None:
    more = {"FLOWER_PORT": str(free_port())}
    with installation(tmp_path, machines=1, job_seconds=0.2, command="serve_processes", more=more) as ground:
        _judge(ground)
