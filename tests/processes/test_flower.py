"""This will show what Flower lets people see, whom it lets in, and that it changes nothing."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.delivery.running import Running, running
from tests.house.tree import ROOT
from tests.processes.programs import clean_environment, manage
from tests.processes.waiting import wait_until
from tests.support.servers import free_port, redis_server

pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.redis]
RING = """
import django; django.setup()
from jobs.models import Phase
from jobs.runtime import CeleryBell
for job_id, phase in enumerate(Phase.values, start=41):
    CeleryBell().ring(job_id=job_id, phase=phase)
"""


@pytest.fixture(scope="module")
def flower(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, str, tuple[str, str]]]:
    """Give Flower beside a worker that has done a task of each phase, its address, and name and password."""
    directory = tmp_path_factory.mktemp("flower")
    with redis_server() as broker:
        environment = clean_environment() | {"VAR_DIR": str(directory / "var"), "BROKER_URL": broker}
        environment["DJANGO_SETTINGS_MODULE"] = "failover_project.settings"
        # What must not weaken it.
        environment |= {"FLOWER_READ_ONLY": "false", "FLOWER_BASIC_AUTH": "", "FLOWER_UNAUTHENTICATED_API": "true"}
        manage("migrate", "--verbosity", "0", settings=environment)
        port = free_port()
        worker = [sys.executable, "-m", "celery", "-A", "failover_project", "worker", "--pool", "threads", "-E"]
        looker = [sys.executable, "manage.py", "flower", "--port", str(port)]
        with (
            running(worker, environment=environment, output=directory / "worker.out"),
            running(looker, environment=environment, output=directory / "flower.out") as process,
        ):
            address = f"http://127.0.0.1:{port}"
            login = ("operator", _password(directory / "var" / "flower-password"))
            wait_until(lambda: _answers(address), within=60, what="Flower answers")
            # Flower asks a worker about itself when it hears it come; one that came just before Flower is asked here.
            workers = "/api/workers?refresh=1"
            wait_until(lambda: len(_get(address, workers, login).json()) == 1, within=60, what="a worker is seen")
            subprocess.run([sys.executable, "-c", RING], cwd=ROOT, env=environment, check=True, timeout=60)
            yield process, address, login


def test_phases_appear_by_name_with_the_job_as_argument(flower: tuple[Running, str, tuple[str, str]]) -> None:
    _, address, login = flower

    def seen() -> dict[str, str]:
        tasks = _get(address, "/api/tasks", login).json().values()
        return {task["name"]: task["args"] for task in tasks if task["state"] == "SUCCESS"}

    wait_until(lambda: len(seen()) == 7, within=30, what="a task of each phase is done")
    assert seen()["jobs.phases.snapshotting"] == "(42, 'snapshotting')"


def test_nobody_gets_in_without_the_generated_password(flower: tuple[Running, str, tuple[str, str]]) -> None:
    _, address, (name, password) = flower
    for path in ("/", "/tasks", "/workers", "/broker", "/api/tasks", "/api/workers"):
        assert _get(address, path, None).status_code == 401, path
        assert _get(address, path, (name, "")).status_code == 401, path
        assert _get(address, path, (name, password)).status_code == 200, path


def test_nothing_can_be_sent_stopped_or_revoked(flower: tuple[Running, str, tuple[str, str]]) -> None:
    _, address, login = flower
    worker = next(iter(_get(address, "/api/workers", login).json()))
    paths = (f"worker/shutdown/{worker}", "task/async-apply/jobs.phases.cleanup", "task/revoke/some-id")
    for path in paths:
        answer = _session().post(f"{address}/api/{path}", auth=login, json={"args": [1, "cleanup"]}, timeout=10)
        assert answer.status_code == 403, path


def test_the_password_is_in_no_process_list(flower: tuple[Running, str, tuple[str, str]]) -> None:
    process, _, (_, password) = flower
    command = Path(f"/proc/{process.process.pid}/cmdline").read_text()
    assert "flower" in command
    assert password not in command + process.said


def test_without_a_broker_or_with_a_weak_password_it_does_not_start(tmp_path: Path) -> None:
    environment = clean_environment() | {"VAR_DIR": str(tmp_path)}
    for settings, words in (
        ({}, "set BROKER_URL"),
        ({"BROKER_URL": "redis://localhost", "FLOWER_PASSWORD": "flower"}, "FLOWER_PASSWORD is too short"),
    ):
        command = [sys.executable, "manage.py", "flower"]
        ended = subprocess.run(
            command, cwd=ROOT, env=environment | settings, check=False, timeout=60, capture_output=True, text=True
        )
        assert ended.returncode == 1
        assert words in ended.stderr


def _password(file: Path) -> str:
    wait_until(file.exists, within=60, what="a password is made")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    return file.read_text().strip()


def _answers(address: str) -> bool:
    try:
        return _get(address, "/healthcheck", None).ok
    except requests.ConnectionError:
        return False


def _get(address: str, path: str, login: tuple[str, str] | None) -> requests.Response:
    return _session().get(f"{address}{path}", auth=login, timeout=10)


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session
