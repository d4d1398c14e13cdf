"""This will set up the service as it runs in production: PostgreSQL, Redis, web, two workers, a watcher as processes.

DATABASE_URL and BROKER_URL name throw-away servers (`python -m tests.support.servers postgresql redis -- COMMAND`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
import requests
from django.db import connection

from tests.bench.meter import Used
from tests.processes.ground import PRODUCTION_NETWORK, SOURCE_NETWORK, describe, prepare
from tests.processes.programs import ROOT, Program, clean_environment, simulator_program
from tests.processes.waiting import wait_until
from tests.support.servers import free_port

Json = dict[str, Any]
WORKERS = 2
THREADS = 8


class Background(Program):
    """This will be a program that says nowhere that it listens."""

    def start(self) -> None:
        """Start it and return at once."""
        with self.output.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, *self.arguments],
                cwd=ROOT,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )


@dataclass
class Fleet:
    """This will hold the running installation; `engine_programs` are those that carry failovers: workers, watcher."""

    directory: Path
    control: str
    document: Json
    address: str
    token: str
    web: Program
    engine_programs: dict[str, Program]
    simulator: Program

    @property
    def vm_ids(self) -> list[str]:
        """Give the ids of all VMs, in the order of the scenario."""
        return [vm["vm_id"] for vm in self.document["vms"]]

    def ask(self, method: str, path: str, body: Json | None = None) -> requests.Response:
        """Send one request to the service."""
        headers = {"Authorization": f"Token {self.token}"}
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, f"{self.address}/api/v1/{path}", json=body, headers=headers, timeout=600)

    def calls(self) -> dict[str, int]:
        """Give how often each CloudStack command was called so far."""
        with requests.Session() as session:
            session.trust_env = False
            answer: dict[str, int] = session.get(f"{self.control}/calls", timeout=60).json()
        return answer

    def used(self) -> dict[str, Used]:
        """Give what each program has used so far; cloud, database and broker count as programs too."""
        pids = {name: program.pid for name, program in {**self.engine_programs, "web": self.web}.items()}
        pids |= {"cloud": self.simulator.pid, "database": _database_pid(), "broker": _broker_pid()}
        return {name: Used.by_family(pid) for name, pid in pids.items()}

    def kill_all(self) -> None:
        """End the whole service as a power cut would; cloud, database and broker stay."""
        for program in (self.web, *self.engine_programs.values()):
            program.kill()

    def start_all(self) -> None:
        """Start the service again."""
        for program in (self.web, *self.engine_programs.values()):
            program.start()

    def demand_life(self) -> None:
        """Raise ProgramEnded when any of them has ended."""
        for program in (self.web, *self.engine_programs.values()):
            program.demand_life()


@contextmanager
def fleet(directory: Path, *, machines: int, job_seconds: float) -> Iterator[Fleet]:
    """Run cloud and service for so many one-disk VMs, five to an appliance; all is gone afterwards."""
    scenario = f"fleet:{machines}"
    settings = {
        "VAR_DIR": str(directory / "var"),
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "BROKER_URL": os.environ["BROKER_URL"],
        "LOG_LEVEL": "WARNING",
        "STARTS_PER_MINUTE": "0",
        "READS_PER_MINUTE": "0",
    }
    simulator = simulator_program(directory, scenario=scenario, job_seconds=job_seconds)
    with ExitStack() as running:
        running.callback(simulator.stop)
        simulator.start()
        endpoint = simulator.wait_until_ready()
        document, network_id = describe(scenario, endpoint)
        token = prepare(directory, document, settings)
        _map_networks(network_id)
        port = free_port()
        web, engine_programs = _programs(directory, settings, port)
        for program in (web, *engine_programs.values()):
            running.callback(program.stop)
            program.start()
        made = Fleet(
            directory=directory,
            control=endpoint.replace("/client/api", "/simulator"),
            document=document,
            address=f"http://127.0.0.1:{port}",
            token=token,
            web=web,
            engine_programs=engine_programs,
            simulator=simulator,
        )
        _wait_until_ready(made)
        yield made


def _programs(directory: Path, settings: dict[str, str], port: int) -> tuple[Program, dict[str, Program]]:
    environment = clean_environment() | settings
    serving = ["-m", "gunicorn", "failover_project.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "8"]
    web = Background("web", [*serving, "--timeout", "600", "--workers", "1"], directory, environment)
    working = ["-m", "celery", "-A", "failover_project", "worker", "--pool", "threads", "-c", str(THREADS), "-E"]
    quiet = ["--without-mingle", "--without-gossip", "--loglevel", "WARNING"]
    programs: dict[str, Program] = {
        f"worker{number}": Background(
            f"worker{number}", [*working, *quiet, "-n", f"bench{number}@%h"], directory, environment
        )
        for number in range(WORKERS)
    }
    programs["watcher"] = Background("watcher", ["manage.py", "watch"], directory, environment)
    return web, programs


def _database_pid() -> int:
    """Give the process that the database's connections are forked from."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    status = Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()
    return int(status[1])


def _broker_pid() -> int:
    with redis.Redis.from_url(os.environ["BROKER_URL"]) as client:
        return int(client.info("server")["process_id"])


def _map_networks(network_id: str) -> None:
    from inventory.models import ProtectedVM
    from networks.services import MappingWish, create_mapping

    wish = MappingWish(SOURCE_NETWORK, network_id, PRODUCTION_NETWORK)
    for vm in ProtectedVM.objects.all():
        create_mapping(vm=vm, wish=wish)


def _wait_until_ready(made: Fleet) -> None:
    """Wait until the service listens, and its watcher has probed the cloud."""

    def ready() -> bool:
        made.demand_life()
        try:
            return bool(made.ask("GET", f"failover/{made.vm_ids[0]}/readiness").json().get("is_valid"))
        except requests.ConnectionError:
            return False

    wait_until(ready, within=60.0, what="the service is up and a VM is ready", every=0.25)
