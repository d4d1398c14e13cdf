"""This will show that several processes carry failovers through deaths, and that none of them is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from failover_project.processes.broker import NoBroker, broker_program
from tests.house.tree import ROOT
from tests.processes.ground import Ground, installation
from tests.processes.judging import World, judge, unannounced
from tests.processes.programs import clean_environment
from tests.processes.waiting import wait_until
from tests.support.servers import free_port

pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.redis]
PARTS = {"broker", "watcher-1", "watcher-2", "worker-1", "worker-2", "web", "flower", "supervisor"}


@contextmanager
def several_processes(tmp_path: Path, *, machines: int, job_seconds: float) -> Iterator[Ground]:
    more = {"FLOWER_PORT": str(free_port())}
    with installation(
        tmp_path, machines=machines, job_seconds=job_seconds, command="serve_processes", more=more
    ) as ground:
        yield ground


def pids(ground: Ground) -> dict[str, int]:
    """Give the process ids by part, as the supervisor wrote them."""
    found: dict[str, int] = json.loads((ground.directory / "var" / "processes.json").read_text())
    return found


def lives(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_failovers_end_right_though_worker_watcher_and_broker_are_killed_in_their_midst(tmp_path: Path) -> None:
    with several_processes(tmp_path, machines=4, job_seconds=1.5) as ground:
        before, calls_before = World.of(ground.world()), ground.calls()
        first = pids(ground)
        assert first.keys() == PARTS
        for vm_id in ground.vm_ids:
            ground.post("failover/live", {"vm_id": vm_id}).raise_for_status()
        attempts = ground.journal.attempts_by_command
        wait_until(lambda: bool(attempts().get("take_snapshot")), within=60, what="snapshots are being cut")
        for name in ("worker-1", "watcher-1", "broker"):
            os.kill(first[name], signal.SIGKILL)
        wait_until(lambda: bool(attempts().get("attach_to_target")), within=90, what="disks are being attached")
        for name in ("worker-2", "watcher-2"):
            os.kill(pids(ground)[name], signal.SIGKILL)
        wait_until(lambda: ground.journal.moving() == 0, within=180, what="every failover ended", every=0.5)

        jobs = ground.journal.jobs()
        calls = {name: count - calls_before.get(name, 0) for name, count in ground.calls().items()}
        assert [(job.state, job.outcome) for job in jobs] == [("finished", "succeeded")] * 4
        assert judge(before=before, after=World.of(ground.world()), jobs=jobs) == []
        assert unannounced(calls=calls, attempts=attempts()) == []
        wait_until(lambda: pids(ground).keys() == PARTS, within=40, what="what died was started again")
        assert pids(ground)["web"] == first["web"]
        assert pids(ground)["worker-1"] != first["worker-1"]


def test_no_process_outlives_the_one_that_keeps_them_even_if_that_is_killed(tmp_path: Path) -> None:
    with several_processes(tmp_path, machines=1, job_seconds=1.5) as ground:
        family = pids(ground)
        web = [int(pid) for pid in Path(f"/proc/{family['web']}/task/{family['web']}/children").read_text().split()]
        assert len(web) == 2
        ground.service.kill()
        members = [*family.values(), *web]
        wait_until(lambda: not any(map(lives, members)), within=20, what="all of them are gone")


def test_asked_to_end_all_end_and_the_list_of_processes_is_gone(tmp_path: Path) -> None:
    with several_processes(tmp_path, machines=1, job_seconds=1.5) as ground:
        family = pids(ground)
        ground.service.stop()
        assert not any(map(lives, family.values()))
        assert not (tmp_path / "var" / "processes.json").exists()


def test_what_never_comes_up_ends_all_of_it_visibly(tmp_path: Path) -> None:
    # No database listens there: workers and watchers end at once, again and again.
    environment = clean_environment() | {"VAR_DIR": str(tmp_path), "DATABASE_URL": "postgres://nobody@127.0.0.1:9/x"}
    environment |= {"FLOWER_PORT": str(free_port())}
    command = [sys.executable, "manage.py", "serve_processes", "--port", "0"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, check=False, timeout=240, capture_output=True, text=True)
    assert ended.returncode == 70
    assert '"event": "part_given_up"' in ended.stderr


def test_without_any_broker_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    try:
        found = broker_program()
    except NoBroker as error:
        assert "redis-server" in str(error)
    else:
        assert found.endswith("valkey-server")
