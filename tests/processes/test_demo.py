"""This will run the demo as a user does, and see what it says, what it leaves, and with which status it ends."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

PROJECT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.processes, pytest.mark.slow]


class Demo:
    """One demo on a state of its own."""

    def __init__(self, var: Path) -> None:
        """Keep where it writes."""
        self.var = var

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start it with its output on a pipe."""
        return subprocess.Popen(
            [sys.executable, str(PROJECT / "manage.py"), "demo", "--job-seconds", "0.3", *options],
            env={**os.environ, "VAR_DIR": str(self.var), "PYTHONIOENCODING": "utf-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *options: str) -> tuple[int, str]:
        """Run it to its end; gives its exit status and what it said."""
        process = self.start(*options)
        said, _ = process.communicate(timeout=240)
        return process.returncode, said

    def children_alive(self) -> list[str]:
        """Give the command lines of processes that write to this demo's state."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # It ended between the listing and the reading.
            if str(self.var / "demo") in words:
                found.append(words)
        return found

    def no_child_is_left(self, *, within: float = 10.0) -> bool:
        """Wait for the last of them to be gone."""
        deadline = monotonic() + within
        while self.children_alive() and monotonic() < deadline:
            Event().wait(0.05)
        return not self.children_alive()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """Give a demo, and show that it left no process."""
    demo = Demo(tmp_path / "var")
    yield demo
    assert demo.no_child_is_left()


def test_the_demo_tests_two_vms_fails_them_over_and_ends_by_itself_with_status_0(demo: Demo) -> None:
    status, said = demo.run("--once", "--port", "0")

    assert status == 0, said
    for line in (
        "PGFILESRV02 is not ready",
        "The sync of Hard disk 2 never finished",
        "Refused with 409",
        "Strategy:    clone: ",
        "Networks:    VM Network on OSSEA-TEST-L2, Storage Network on OSSEA-TEST-ISO",
        "PGWINTESTBIOS's test is over and cleaned up",
        "LNXDBPROD01's test is over and cleaned up",
        "the copy of Hard disk 3: removed",
        "PGWINTESTBIOS failed over in",
        "LNXDBPROD01 failed over in",
        "Attach Hard disk 3 to the target VM as device 2",
        "PGWINTESTBIOS: its test ran on OSSEA-TEST-L2 and on no other network",
        "LNXDBPROD01: its test was ended by the clock, not before its time was over",
        "LNXDBPROD01: nothing of its test is left: no VM, no copy, no snapshot",
        "After the tests the cloud was as before them",
        "LNXDBPROD01: its 3 disks hang on it alone, in boot order, in record and domain",
        "PGFILESRV02 is untouched",
        "Alarms:    none",
        "The world is as it must be.",
    ):
        assert line in said
    assert "\x1b[" not in said
    assert not any(line.endswith(" ") for line in said.splitlines())
    assert_secrets_are_for_this_user_alone(demo, said)


def assert_secrets_are_for_this_user_alone(demo: Demo, said: str) -> None:
    """Token and password lie in files of mode 0600; a demo that ends by itself has no use for showing them."""
    for name in ("demo-token", "demo-admin-password"):
        file = demo.var / name
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_text().strip() not in said


def test_tests_without_snapshots_of_running_vms_leave_nothing_and_a_failed_failover_gives_status_1(demo: Demo) -> None:
    status, said = demo.run(
        *("--once", "--port", "0", "--scenario", "no-running-snapshots", "--fault", "attachVolume=refuse")
    )

    assert status == 1, said
    for line in (
        "Strategy:    detached_clone: ",
        "LNXDBPROD01: nothing of its test is left: no VM, no copy, no snapshot",
        "After the tests the cloud was as before them",
        "it has no VM in the cloud",
        "as it does not run, its disks are back where they hung, unwritten",
        "The world is NOT as it must be",
    ):
        assert line in said


def test_a_taken_port_is_named_with_the_way_out(demo: Demo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = demo.run("--once", "--port", str(port))

    assert status == 1
    assert f"Port {port} on 127.0.0.1 is taken" in said
    assert f"make demo PORT={port + 1}" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_demo_that_is_ended_takes_its_processes_with_it(demo: Demo, number: signal.Signals) -> None:
    process = demo.start("--port", "0")
    assert process.stdout is not None
    for line in process.stdout:
        if "The service answers at" in line:
            break
    assert len(demo.children_alive()) == 2

    process.send_signal(number)
    process.communicate(timeout=60)

    assert process.returncode == (-number if number is signal.SIGKILL else 128 + number)
    assert demo.no_child_is_left()
