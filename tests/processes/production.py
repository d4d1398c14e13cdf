"""This will run the service as in production: web, workers and watchers of their own, on PostgreSQL and Redis."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import redis

from tests.processes.programs import END_SECONDS, ROOT, clean_environment
from tests.processes.waiting import wait_until
from tests.support.servers import free_port, redis_program

STARTS_WITHIN = 60.0


@dataclass
class Part:
    """One process of the service, started again whenever it has ended: what a supervisor does in production."""

    name: str
    command: list[str]
    directory: Path
    environment: Mapping[str, str]
    deaths: int = 0
    stopped: bool = False
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def keep_alive(self) -> None:
        """Start it if it does not run."""
        if self._process is not None and self._process.poll() is None:
            return
        self.deaths += self._process is not None
        self.stopped = False
        with (self.directory / f"{self.name}.out").open("ab") as out:
            self._process = subprocess.Popen(
                self.command, cwd=ROOT, env=dict(self.environment), stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def kill(self) -> None:
        """End it as a power cut would."""
        self._send(signal.SIGKILL)

    def stand_still(self, seconds: float) -> None:
        """Stop it, and let it go on after so long."""
        self._send(signal.SIGSTOP)
        self.stopped = True
        waker = threading.Timer(seconds, self.wake)
        waker.daemon = True
        waker.start()

    def wake(self) -> None:
        """Let it go on."""
        self._send(signal.SIGCONT)
        self.stopped = False

    def end(self) -> None:
        """End it for good."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(END_SECONDS)

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)


@dataclass
class Broker:
    """A Redis server that can be emptied, and killed and started again at the same place."""

    directory: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Give its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = redis_program()
        assert program is not None, "no Redis server here"
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.directory)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        wait_until(self._answers, within=STARTS_WITHIN, what="Redis answers")

    def flush(self) -> None:
        """Lose every message."""
        with redis.Redis(port=self.port) as client:
            client.flushall()

    def restart(self) -> None:
        """Lose every message and every connection."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(END_SECONDS)

    def _answers(self) -> bool:
        with redis.Redis(port=self.port) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False


def parts_of(directory: Path, settings: Mapping[str, str], *, port: int) -> list[Part]:
    """Give the processes of a production installation: one web server, two workers, two watchers."""
    environment = clean_environment() | dict(settings)
    binaries = Path(sys.executable).parent
    environment["PATH"] = f"{binaries}{os.pathsep}{environment.get('PATH', '')}"
    web = [
        "-m",
        "gunicorn",
        "failover_project.wsgi",
        "--bind",
        f"127.0.0.1:{port}",
        "--threads",
        "8",
        "--timeout",
        "90",
    ]
    worker = ["-m", "celery", "-A", "failover_project", "worker", "--pool", "threads", "--concurrency", "4"]
    worker += ["--without-mingle", "--without-gossip", "--loglevel", "WARNING"]
    commands = {"web": web, "watcher-1": ["manage.py", "watch"], "watcher-2": ["manage.py", "watch"]}
    commands |= {f"worker-{number}": [*worker, "-n", f"worker-{number}@%h"] for number in (1, 2)}
    return [Part(name, [sys.executable, *rest], directory, environment) for name, rest in commands.items()]
