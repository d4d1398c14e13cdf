"""Every command and health check of docker-compose.yml works, run here without containers; none is careless."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.delivery.composed import NotChosen, Service, elsewhere, services
from tests.delivery.running import running
from tests.house.tree import APPS, ROOT, document
from tests.processes.programs import clean_environment
from tests.processes.waiting import wait_until
from tests.support.servers import free_port, postgresql, postgresql_binaries, redis_server

CHOSEN = {
    name: secrets.token_hex(25)
    for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "SECRET_KEY", "FIELD_KEY", "FLOWER_PASSWORD")
}
SERVICES = services(CHOSEN | {"ALLOWED_HOSTS": "failover.example.net"})
# What .env may say besides: the strictest way to serve.
BESIDES = {"HTTPS": "true", "PROXY_PROTO_HEADER": "X-Forwarded-Proto"}
ONCE = {"migrate"}
# Images of others, with servers of their own.
SERVERS = {"postgres", "redis"}


@dataclass(frozen=True)
class Ground:
    """What stands for the containers' surroundings: a migrated database, a broker, a folder."""

    database: str
    broker: str
    folder: Path

    def environment(self, service: Service, own: str, ports: Mapping[str, str]) -> dict[str, str]:
        """Give the service's environment, its addresses and folders replaced by those of here."""
        given = dict(zip(service.environment, elsewhere(list(service.environment.values()), ports), strict=True))
        here = {"DATABASE_URL": own, "BROKER_URL": self.broker, "VAR_DIR": str(self.folder / service.name)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        kept = {name: value for name, value in here.items() if name in given}
        return (
            clean_environment() | given | kept | {"PATH": path, "DJANGO_SETTINGS_MODULE": "failover_project.settings"}
        )

    def own_database(self, name: str) -> str:
        """Give a copy of the migrated database, so that nobody's lease is taken for that of another."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE migrated')
        return self.database.replace("/postgres", f"/{name}")


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Give servers to throw away, and a database that the command of `migrate` has migrated."""
    folder = tmp_path_factory.mktemp("composed")
    with postgresql() as database, redis_server() as broker:
        made = Ground(database, broker, folder)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("CREATE DATABASE migrated")
        migrate = SERVICES["migrate"]
        environment = made.environment(migrate, database.replace("/postgres", "/migrated"), {})
        subprocess.run(migrate.command, cwd=ROOT, env=environment, check=True, timeout=300)
        yield made


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.postgresql
@pytest.mark.redis
@pytest.mark.parametrize("name", sorted(SERVICES.keys() - ONCE - {"postgres"}))
def test_the_command_starts_and_the_health_check_sees_it(ground: Ground, name: str, tmp_path: Path) -> None:
    service = SERVICES[name]
    ports = {port: str(free_port()) for port in ("8082", "5555", "8096", "6379")}
    replaced = {**ports, "0.0.0.0": "127.0.0.1", "/var/lib/failover": str(tmp_path), "dir /tmp": f"dir {tmp_path}"}
    own = ground.own_database(name) if name not in SERVERS else ""
    environment = ground.environment(service, own, replaced)
    (ground.folder / name).mkdir()

    def is_healthy() -> bool:
        check = elsewhere(service.health, replaced)
        return (
            subprocess.run(check, cwd=ROOT, env=environment, check=False, timeout=60, capture_output=True).returncode
            == 0
        )

    assert not is_healthy(), "the health check sees what is not there"
    with running(elsewhere(service.command, replaced), environment=environment, output=tmp_path / "out") as process:
        wait_until(lambda: is_healthy() or not process.lives, within=90, what=f"{name} is healthy", every=0.5)
        assert process.lives, process.said


@pytest.mark.processes
@pytest.mark.postgresql
def test_the_health_check_of_the_database_sees_it(tmp_path: Path) -> None:
    binaries = postgresql_binaries()
    assert binaries is not None
    path = {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
    check = SERVICES["postgres"].health
    with postgresql() as url:
        home = re.findall(r"@(.+)/postgres$", url)[0].replace("%2F", "/")
        assert subprocess.run(check, env=path | {"PGHOST": home}, check=False, timeout=30).returncode == 0
    assert subprocess.run(check, env=path | {"PGHOST": str(tmp_path)}, check=False, timeout=30).returncode != 0


def test_nothing_runs_as_root_writes_its_root_or_stays_down() -> None:
    for name, service in SERVICES.items():
        settings = service.settings
        user, group = settings["user"].split(":")
        assert int(user) > 0 and int(group) > 0, name
        assert settings["read_only"] is True, name
        assert settings["cap_drop"] == ["ALL"], name
        assert settings["security_opt"] == ["no-new-privileges:true"], name
        assert settings["restart"] == ("no" if name in ONCE else "unless-stopped"), name
        assert ("healthcheck" in settings) == (name not in ONCE), name


@pytest.mark.parametrize("missing", CHOSEN)
def test_without_a_password_or_a_key_nothing_starts_and_it_is_named(missing: str) -> None:
    with pytest.raises(NotChosen, match=missing):
        services({name: value for name, value in CHOSEN.items() if name != missing})


def test_no_password_stands_in_the_file_and_no_published_port_is_open_to_others() -> None:
    text = document("docker-compose.yml")
    assert re.findall(r"(?i)(?:password|_key|auth)\w*:[ ]+(?!\$\{)\S+", text.replace("--auth=scram-sha-256", "")) == []
    assert re.findall(r"://\w*:(?!\$\{)[^@\s]+@", text) == []
    for name, service in SERVICES.items():
        assert all(port.startswith("127.0.0.1:") for port in service.settings.get("ports", ())), name


def test_who_needs_the_database_waits_until_it_is_migrated() -> None:
    for name, service in SERVICES.items():
        if "DATABASE_URL" in service.environment and name not in ONCE:
            waits = {other: how["condition"] for other, how in service.settings["depends_on"].items()}
            healthy = dict.fromkeys(SERVERS, "service_healthy")
            assert waits == healthy | {"migrate": "service_completed_successfully"}, name


def test_the_image_holds_every_app_by_hash_and_runs_without_root() -> None:
    lines = document("Dockerfile").splitlines()
    kept = {line.removeprefix("!") for line in document(".dockerignore").splitlines() if line.startswith("!")}
    copied = {line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line}
    assert copied == kept == {*APPS, "manage.py", "requirements.lock", "templates"}
    assert "--require-hashes --no-deps --requirement requirements.lock" in document("Dockerfile")
    last = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM ")) :]
    assert "USER 10001:10001" in last
    assert not any(re.search(r"apt|pip install|build-essential|gcc", line) for line in last)
