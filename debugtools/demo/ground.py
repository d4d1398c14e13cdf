"""This will lay the demo's ground: a fresh state of its own, the simulated cloud, the inventory, and the service."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cloudstack_simulator import Simulator
from debugtools.demo.cast import SHORT_TEST_SECONDS
from debugtools.demo.client import Client, Refused, Unreachable
from debugtools.demo.processes import Child, Processes
from debugtools.demo.screen import Screen
from debugtools.demo.stage import Stage

HOST = "127.0.0.1"
_READY_SECONDS = 60.0
_INVENTORY = "docs/examples/demo-inventory.yaml"

# What would send the demo to somebody's real database, broker or log, or open its doors.
_NOT_PASSED_ON = frozenset(
    {
        "SECRET_KEY",
        "FIELD_KEY",
        "ALLOWED_HOSTS",
        "BIND_HOST",
        "BIND_PORT",
        "AUTH_DISABLED",
        "DATABASE_URL",
        "BROKER_URL",
        "LOG_FILE",
        "MAX_TEST_SECONDS",
    }
)


class CannotStart(Exception):
    """The demo cannot begin; the text says what is in the way, `advice` what to do."""

    def __init__(self, text: str, *, advice: str = "") -> None:
        """Keep both."""
        super().__init__(text)
        self.advice = advice


@dataclass(frozen=True)
class Wishes:
    """What was asked for on the command line. `fault` is (CloudStack command, kind) of the simulator's faults."""

    scenario: str
    port: int
    job_seconds: float
    once: bool
    fault: tuple[str, str] | None = None


@dataclass(frozen=True)
class Ground:
    """Where the demo lies: the project, and `var` with everything that the demo writes."""

    project: Path
    var: Path

    @property
    def state(self) -> Path:
        """Give the directory that is made afresh at each start."""
        return self.var / "demo"

    @property
    def token_file(self) -> Path:
        """Give the file with the operator's token."""
        return self.var / "demo-token"

    @property
    def password_file(self) -> Path:
        """Give the file with the admin's password."""
        return self.var / "demo-admin-password"

    def manage(self, *words: str) -> list[str]:
        """Give the arguments of a management command."""
        return [str(self.project / "manage.py"), *words]

    def environment(self) -> dict[str, str]:
        """Give the environment of the demo's processes: the user's, on a state of its own."""
        passed_on = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
        return {
            **passed_on,
            "VAR_DIR": str(self.state),
            "MIN_TEST_SECONDS": str(SHORT_TEST_SECONDS),
            # The demo looks at every job many times a second, all by one token.
            "READS_PER_MINUTE": "0",
            "PYTHONUNBUFFERED": "1",
        }

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the state for this demo; raises CannotStart when another demo has it."""
        self.var.mkdir(parents=True, exist_ok=True)
        with (self.var / "demo.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise CannotStart(
                    f"Another demo is running on {self.state}.", advice="End it with Ctrl-C in its terminal first."
                ) from error
            yield


@contextmanager
def prepared(ground: Ground, wishes: Wishes, screen: Screen) -> Iterator[Stage]:
    """Give the stage, ready to play on; at the end all processes are gone. Raises CannotStart, ChildFailed."""
    refuse_taken_port(wishes.port)
    with ground.alone():
        _make_afresh(ground.state)
        processes = Processes(ground.project, ground.environment(), logs=ground.state)
        with processes:
            screen.heading("Setting up: a simulated CloudStack, an inventory, the service")
            simulator = processes.start("simulator", _simulator_arguments(ground, wishes))
            endpoint = _wait_for_simulator(ground, simulator)
            pace = f"scenario {wishes.scenario}, {wishes.job_seconds:g} s a job"
            screen.good(f"The simulated cloud answers at {endpoint} ({pace})")
            operator, administrator = _settle(ground, processes, screen, endpoint=endpoint, scenario=wishes.scenario)
            service = processes.start("service", _service_arguments(ground, wishes))
            base = service.wait_for(ground.state / "service.ready", seconds=_READY_SECONDS)
            stage = Stage(
                screen=screen,
                processes=processes,
                operator=Client(base, operator),
                administrator=Client(base, administrator),
                cloud=Client(endpoint.removesuffix("/client/api")),
                job_seconds=wishes.job_seconds,
                fault=wishes.fault,
            )
            _wait_until_healthy(stage)
            screen.good(f"The service answers at {base}: API, worker and watcher in one process")
            yield stage


def refuse_taken_port(port: int) -> None:
    """Raise CannotStart when something listens on the port already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the service binds: a port that an ended server has left in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CannotStart(
                    f"Port {port} on {HOST} is taken by another program.",
                    advice=f"End that program, or choose another port: make demo PORT={port + 1}",
                ) from error
            raise CannotStart(
                f"Port {port} on {HOST} cannot be used: {error.strerror}.",
                advice="Choose another port: make demo PORT=8083",
            ) from error


def write_private(file: Path, text: str) -> None:
    """Write a secret that only this user may read, also over an older file with other rights."""
    file.unlink(missing_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(f"{text}\n")


def _make_afresh(directory: Path) -> None:
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(parents=True)


def _simulator_arguments(ground: Ground, wishes: Wishes) -> list[str]:
    return [
        *("-m", "cloudstack_simulator", "--port", "0", "--scenario", wishes.scenario),
        *("--job-seconds", str(wishes.job_seconds), "--state", str(ground.state / "cloud.sqlite3")),
        *("--ready-file", str(ground.state / "simulator.ready")),
    ]


def _service_arguments(ground: Ground, wishes: Wishes) -> list[str]:
    ready_file = str(ground.state / "service.ready")
    return ground.manage("serve", "--host", HOST, "--port", str(wishes.port), "--ready-file", ready_file)


def _wait_for_simulator(ground: Ground, simulator: Child) -> str:
    ready = simulator.wait_for(ground.state / "simulator.ready", seconds=_READY_SECONDS)
    return ready.removeprefix("ready ")


def _settle(ground: Ground, processes: Processes, screen: Screen, *, endpoint: str, scenario: str) -> tuple[str, str]:
    """Fill the state; give the operator's token and the one that configures, which is kept in memory."""
    world = Simulator.scenario(scenario)
    password = secrets.token_urlsafe(12)
    keys = {
        "DEMO_CLOUDSTACK_ENDPOINT": endpoint,
        "DEMO_CLOUDSTACK_KEY": world.api_key,
        "DEMO_CLOUDSTACK_SECRET": world.secret_key,
        "DJANGO_SUPERUSER_PASSWORD": password,
    }
    made = json.loads(processes.run("settling", ["-m", "debugtools.demo.settling", _INVENTORY], secrets=keys))
    screen.good(f"A fresh database and state in {shown(ground.state)}")
    screen.good(f"The inventory is imported: {made['inventory']}")
    write_private(ground.token_file, made["operator"])
    write_private(ground.password_file, password)
    return made["operator"], made["administrator"]


def _wait_until_healthy(stage: Stage) -> None:
    """Wait for the health route to say that everything is as it should be; what it last said is the error."""
    said = "nothing"
    for _ in range(int(_READY_SECONDS / 0.25)):
        try:
            answer = stage.operator.get("/api/v1/debug/health")
        except (Unreachable, Refused) as error:
            said = str(error)
        else:
            if answer["status"] == "healthy":
                return
            said = str(answer["components"])
        stage.pause(0.25)
    raise CannotStart(f"The service did not become healthy within {_READY_SECONDS:.0f} s; it last said {said}.")


def shown(path: Path) -> str:
    """Give a path as the user would type it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
