"""This will kill a production installation piece by piece at random moments, and judge every failover at the end.

Run it as `python -m tests.processes.kills_production --kills 100 --jobs 40 --seed 1`: it prints one JSON summary and
ends with status 1 when anything is wrong.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.processes.dose import Dose, run_from_command_line
from tests.processes.ground import PRODUCTION_NETWORK, SOURCE_NETWORK, describe, prepare, use_test_settings
from tests.processes.journal_on_postgresql import JournalOnPostgreSQL
from tests.processes.judging import World, judge, unannounced
from tests.processes.kills import end_of
from tests.processes.production import Broker, Part, parts_of
from tests.processes.programs import Program, simulator_program
from tests.processes.waiting import NeverCame, wait_until
from tests.support.rabbitmq import RabbitMQ
from tests.support.servers import free_port, postgresql, restart_postgresql

READY_WITHIN = 90.0
ENDS_WITHIN = 420.0
Json = dict[str, Any]
_KINDS = ("kill", "stop", "postgresql", "flush", "broker")
_WEIGHTS = (62, 14, 8, 8, 8)


@dataclass
class Installation:
    """A cloud, its database and broker, and the parts of the service."""

    simulator: Program
    database_url: str
    broker: Broker | RabbitMQ
    parts: list[Part]
    journal: JournalOnPostgreSQL
    address: str
    token: str
    control: str
    done: Counter[str] = field(default_factory=Counter)

    def ask(self, method: str, path: str, body: Json | None = None) -> requests.Response | None:
        """Send a request to the web server; None when it gave no answer."""
        headers = {"Authorization": f"Token {self.token}"}
        with requests.Session() as session:
            session.trust_env = False
            try:
                return session.request(method, f"{self.address}/api/v1/{path}", json=body, headers=headers, timeout=20)
            except requests.RequestException:
                return None

    def seen(self, what: str) -> Json:
        """Read the cloud behind the service's back."""
        with requests.Session() as session:
            session.trust_env = False
            answer: Json = session.get(f"{self.control}/{what}", timeout=60).json()
            return answer

    def keep_alive(self) -> None:
        """Be the supervisor."""
        for part in self.parts:
            part.keep_alive()

    def hurt(self, chance: random.Random) -> None:
        """Do one bad thing."""
        kind = chance.choices(_KINDS, weights=_WEIGHTS)[0]
        self.done[kind] += 1
        match kind:
            case "kill":
                chance.choice(self.parts).kill()
            case "stop":
                chance.choice(self.parts).stand_still(chance.choice((3.0, 10.0, 20.0)))
            case "postgresql":
                restart_postgresql(self.database_url)
            case "flush":
                self.broker.flush()
            case "broker":
                self.broker.restart()


def run(dose: Dose, directory: Path) -> Json:
    """Run a campaign in a directory of its own and give its summary; `wrong` is empty when all is right."""
    simulator = simulator_program(directory, scenario=f"fleet:{dose.jobs}", job_seconds=dose.job_seconds)
    broker = RabbitMQ(directory) if dose.broker == "rabbitmq" else Broker(directory)
    parts: list[Part] = []
    with postgresql() as url:
        try:
            simulator.start()
            broker.start()
            installed = _install(dose, directory, simulator, url, broker, parts)
            return _carry_out(dose, installed)
        finally:
            for part in parts:
                part.end()
            broker.stop()
            simulator.stop()


def _install(
    dose: Dose, directory: Path, simulator: Program, url: str, broker: Broker | RabbitMQ, parts: list[Part]
) -> Installation:
    endpoint = simulator.wait_until_ready()
    port = free_port()
    settings = {"VAR_DIR": str(directory / "var"), "DATABASE_URL": url, "BROKER_URL": broker.url}
    settings |= {"LOG_FILE": str(directory / "service.log"), "LOG_LEVEL": "WARNING", "ALLOWED_HOSTS": "127.0.0.1"}
    settings |= {"STARTS_PER_MINUTE": "0", "READS_PER_MINUTE": "0"}
    document, network_id = describe(f"fleet:{dose.jobs}", endpoint)
    token = prepare(directory, document, settings)
    parts += parts_of(directory, settings, port=port)
    control = endpoint.replace("/client/api", "/simulator")
    installed = Installation(
        simulator, url, broker, parts, JournalOnPostgreSQL(url), f"http://127.0.0.1:{port}", token, control
    )
    vm_ids = [vm["vm_id"] for vm in document["vms"]]
    _map_and_wait(installed, vm_ids, network_id)
    return installed


def _map_and_wait(installed: Installation, vm_ids: list[str], network_id: str) -> None:
    def answered() -> bool:
        installed.keep_alive()
        return installed.ask("GET", "failover/jobs") is not None

    wait_until(answered, within=READY_WITHIN, what="the web server answers", every=0.5)
    for vm_id in vm_ids:
        mapping = {"vm_id": vm_id, "source_network_name": SOURCE_NETWORK, "destination_network_id": network_id}
        told = installed.ask("POST", "network-mappings", mapping | {"destination_network_name": PRODUCTION_NETWORK})
        assert told is not None
        told.raise_for_status()

    def ready() -> bool:
        installed.keep_alive()
        told = installed.ask("GET", f"failover/{vm_ids[0]}/readiness")
        return told is not None and bool(told.json().get("is_valid"))

    wait_until(ready, within=READY_WITHIN, what="a VM of the fleet is ready", every=0.5)


def _carry_out(dose: Dose, installed: Installation) -> Json:
    chance = random.Random(dose.seed)
    before, calls_before = World.of(installed.seen("world")), installed.seen("calls")
    vm_ids = chance.sample(installed.journal.vm_ids(), dose.jobs)
    began, wrong = time.monotonic(), list[str]()
    pause = threading.Event()
    for number in range(dose.kills):
        installed.keep_alive()
        for vm_id in vm_ids[: (number + 1) * dose.jobs // dose.kills + 1]:
            if not installed.journal.has_job_of(vm_id):
                installed.ask("POST", "failover/live", {"vm_id": vm_id})
                break
        pause.wait(chance.uniform(0.1, 1.5 + dose.job_seconds))
        installed.hurt(chance)
    wrong += _let_end(installed, vm_ids)
    jobs, calls = installed.journal.jobs(), installed.seen("calls")
    made = {command: count - calls_before.get(command, 0) for command, count in calls.items()}
    wrong += judge(before=before, after=World.of(installed.seen("world")), jobs=jobs)
    wrong += unannounced(calls=made, attempts=installed.journal.attempts_by_command())
    if len(jobs) != dose.jobs:
        wrong.append(f"{len(jobs)} jobs in the journal, {dose.jobs} were asked for")
    return {
        "name": "kill-campaign",
        **asdict(dose),
        "done": dict(installed.done),
        "parts_started_again": {part.name: part.deaths for part in installed.parts},
        "ends": dict(Counter(end_of(job) for job in jobs)),
        "questions": [job.question_texts for job in jobs if job.questions],
        "failures": [job.error_message for job in jobs if job.error_message],
        "wall_s": round(time.monotonic() - began, 1),
        "wrong": [words for words in wrong if not _is_an_outage(words, installed)],
    }


def _is_an_outage(words: str, installed: Installation) -> bool:
    """Say whether a defect that a job tells of is only that the database went away under it, as we made it do."""
    told = " a defect of the service: " in words and "OperationalError" in words
    return told and installed.done["postgresql"] > 0


def _let_end(installed: Installation, vm_ids: list[str]) -> list[str]:
    """Let everything live until every failover was taken on and has come to rest."""

    def over() -> bool:
        installed.keep_alive()
        missing = [vm_id for vm_id in vm_ids if not installed.journal.has_job_of(vm_id)]
        for vm_id in missing[:3]:
            installed.ask("POST", "failover/live", {"vm_id": vm_id})
        return not missing and not installed.journal.moving()

    try:
        wait_until(over, within=ENDS_WITHIN, what="every failover came to rest", every=0.5)
    except NeverCame as never:
        return [str(never)]
    return []


def main(arguments: list[str] | None = None) -> int:
    """Run one campaign from the command line."""
    return run_from_command_line(
        run, program="tests.processes.kills_production", words="Kill, and judge the end.", jobs=25, arguments=arguments
    )


if __name__ == "__main__":
    use_test_settings()
    raise SystemExit(main())
