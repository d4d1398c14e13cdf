"""This will run a throw-away RabbitMQ that can be emptied, and killed and started again at the same place."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from kombu import Connection

from tests.support.servers import free_port, unprivileged_user

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
QUEUE = "celery"
_STARTS_WITHIN = 60
_ENDS_WITHIN = 30.0


@dataclass
class RabbitMQ:
    """A server of its own in a directory of its own; it runs as its own user where this is root."""

    directory: Path
    port: int = field(default_factory=free_port)
    _ports: tuple[int, int] = field(default_factory=lambda: (free_port(), free_port()))
    _server: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Give its address."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def start(self) -> None:
        """Start it and wait until it answers."""
        user = unprivileged_user("rabbitmq")
        home = self.directory / "rabbitmq"
        home.mkdir(exist_ok=True)
        group = None
        if user is not None:
            # Whoever made the directory for himself alone lets the server through to its own.
            self.directory.chmod(0o711)
            shutil.chown(home, user)
            group = pwd.getpwnam(user).pw_gid
        self._server = subprocess.Popen(
            [PROGRAM],
            cwd="/",
            env=self._environment(home),
            user=user,
            group=group,
            extra_groups=None if user is None else [],
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        with Connection(self.url) as connection:
            connection.ensure_connection(max_retries=_STARTS_WITHIN, interval_start=1, interval_step=0)

    def flush(self) -> None:
        """Lose every message that waits."""
        with Connection(self.url) as connection:
            connection.SimpleQueue(QUEUE, queue_opts={"max_priority": settings.LEAST_URGENT}).clear()

    def restart(self) -> None:
        """Lose every message and every connection."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Kill it: the shell that was started, the Erlang machine and its port mapper are one group."""
        if self._server is not None:
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait(_ENDS_WITHIN)
            self._server = None

    def _environment(self, home: Path) -> dict[str, str]:
        distribution, mapper = self._ports
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "RABBITMQ_NODENAME": f"failover{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "ERL_EPMD_PORT": str(mapper),
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
        }
