"""This will run the project's programs as real processes, and leave none of them behind."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
END_SECONDS = 15.0
# What the caller's shell may have set for a service of its own must not reach the one under test.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")


class ProgramEnded(Exception):
    """A program ended though nobody asked it to."""


class NotReady(Exception):
    """A program did not say in time that it listens."""


@dataclass
class Program:
    """A program of the project that says in a file where it listens; it may be killed and started again."""

    name: str
    arguments: Sequence[str]
    directory: Path
    environment: Mapping[str, str]
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def ready_file(self) -> Path:
        """Give the file that holds the address while the program listens."""
        return self.directory / f"{self.name}.ready"

    @property
    def output(self) -> Path:
        """Give the file that holds what the program wrote to its terminal."""
        return self.directory / f"{self.name}.out"

    @property
    def pid(self) -> int:
        """Give the process id; raises ProgramEnded when it was never started."""
        if self._process is None:
            raise ProgramEnded(f"{self.name} was not started")
        return self._process.pid

    def start(self) -> None:
        """Start the program and return at once."""
        self.ready_file.unlink(missing_ok=True)
        command = [sys.executable, *self.arguments, "--port", "0", "--ready-file", str(self.ready_file)]
        with self.output.open("ab") as out:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=dict(self.environment), stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def address(self) -> str | None:
        """Give where it listens, None while it does not yet."""
        try:
            said = self.ready_file.read_text().strip()
        except FileNotFoundError:
            return None
        return said.removeprefix("ready ") or None

    def wait_until_ready(self, *, within: float = START_SECONDS) -> str:
        """Give the address as soon as it listens; raises ProgramEnded, NotReady."""
        pause = threading.Event()
        for _ in range(int(within / 0.02)):
            address = self.address()
            if address is not None:
                return address
            self.demand_life()
            pause.wait(0.02)
        raise NotReady(f"{self.name} did not listen within {within:.0f} s: {self.last_words()}")

    def demand_life(self) -> None:
        """Raise ProgramEnded when it has ended by itself."""
        status = self._process.poll() if self._process is not None else None
        if status is not None:
            raise ProgramEnded(f"{self.name} ended by itself with status {status}: {self.last_words()}")

    def last_words(self, lines: int = 15) -> str:
        """Give the end of what it wrote."""
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-lines:]) if self.output.exists() else ""

    def kill(self) -> None:
        """End it as a power cut would, and wait until the kernel has taken it away."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end; kill it when it does not."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(END_SECONDS)


def simulator_program(directory: Path, *, scenario: str, job_seconds: float) -> Program:
    """Give the simulated cloud, with a world that outlives it."""
    arguments = ["-m", "cloudstack_simulator", "--scenario", scenario, "--job-seconds", str(job_seconds)]
    arguments += ["--state", str(directory / "cloud.state")]
    return Program("simulator", arguments, directory, clean_environment())


def service_program(directory: Path, *, settings: Mapping[str, str], command: str = "serve") -> Program:
    """Give the whole service, in one process or as the processes that the command keeps."""
    return Program("service", ["manage.py", command], directory, clean_environment() | dict(settings))


def manage(*arguments: str, settings: Mapping[str, str]) -> str:
    """Run a management command to its end and give its standard output; raises CalledProcessError."""
    return _ended("manage.py", *arguments, settings=settings)


def settled(inventory: Path, *, settings: Mapping[str, str]) -> str:
    """Make the tables, import the inventory, and give an administrator's token, all in one process as the demo does."""
    login = {"DJANGO_SUPERUSER_PASSWORD": secrets.token_urlsafe(12)}
    made = json.loads(_ended("-m", "debugtools.demo.settling", str(inventory), settings={**settings, **login}))
    return str(made["administrator"])


def _ended(*arguments: str, settings: Mapping[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=clean_environment() | dict(settings),
        check=True,
        timeout=300,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def clean_environment() -> dict[str, str]:
    """Give the caller's environment without any setting of the service."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {"PYTHONUNBUFFERED": "1"}
