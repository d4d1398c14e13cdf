"""This will name the processes that make up the service on one machine, and how each is started."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

WORKERS = 2
WATCHERS = 2


@dataclass(frozen=True)
class Part:
    """This will describe one process: its command, its environment, what it reads, and where it listens."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    reads: bytes = field(default=b"", repr=False)
    listens_at: tuple[str, int] | None = None
    # The others need it when they start.
    comes_first: bool = False


def parts_of_service(*, host: str, port: int, flower: tuple[str, int], environment: Mapping[str, str]) -> list[Part]:
    """Give web, workers, watchers and Flower; the environment names their database and broker."""
    python = sys.executable
    web = Part(
        name="web",
        command=(python, "-m", "gunicorn", "--config", "python:failover_project.web_server"),
        environment={**environment, "BIND_HOST": host, "BIND_PORT": str(port)},
        listens_at=(host, port),
    )
    looker = Part(
        name="flower",
        command=(python, "manage.py", "flower", "--host", flower[0], "--port", str(flower[1])),
        environment=environment,
        listens_at=flower,
    )
    workers = [Part(name, _worker(name), environment) for name in _numbered("worker", WORKERS)]
    watchers = [Part(name, (python, "manage.py", "watch"), environment) for name in _numbered("watcher", WATCHERS)]
    return [*watchers, *workers, web, looker]


def _worker(name: str) -> tuple[str, ...]:
    celery = (sys.executable, "-m", "celery", "--app", "failover_project", "--quiet")
    return (
        *celery,
        "worker",
        "--pool",
        "threads",
        "--task-events",
        "--hostname",
        f"{name}@%h",
        "--loglevel",
        "WARNING",
    )


def _numbered(name: str, count: int) -> list[str]:
    return [f"{name}-{number}" for number in range(1, count + 1)]
