"""Whoever types a wrong thing at the terminal, or has no database, gets a sentence and a status, and no stack trace."""

from __future__ import annotations

import io
import socket
import subprocess
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DataError, InterfaceError, OperationalError, ProgrammingError

from failover_project.database_troubles import database_trouble
from networks.models import NetworkDesignation
from tests.delivery.test_configuration import manage


@pytest.mark.slow
@pytest.mark.parametrize("command", [("failover", "list"), ("serve", "--port", "0"), ("verify_world",)])
def test_a_database_that_was_never_migrated_is_said_with_what_to_do(tmp_path: Path, command: tuple[str, ...]) -> None:
    said = manage(*command, tmp_path=tmp_path)

    assert said.returncode == 2
    line = said.stderr.splitlines()[-1]
    assert "Traceback" not in said.stderr
    assert line.startswith("The database was not brought to this version (no such table")
    assert "manage.py migrate" in line


def test_a_database_that_cannot_be_used_is_told_from_a_defect() -> None:
    missing = ProgrammingError('relation "x" does not exist')
    missing.__cause__ = type("UndefinedTable", (Exception,), {"sqlstate": "42P01"})()

    assert "manage.py migrate" in (database_trouble(missing) or "")
    for gone in (OperationalError("disk I/O error\nand more"), InterfaceError("connection already closed")):
        assert "cannot be used" in (database_trouble(gone) or "")
    assert "and more" not in (database_trouble(OperationalError("disk full\nand more")) or "")
    for defect in (ProgrammingError("syntax error"), DataError("out of range")):
        assert database_trouble(defect) is None


@pytest.mark.slow
def test_a_port_that_is_taken_is_said_before_anything_works(tmp_path: Path) -> None:
    assert manage("migrate", "-v0", tmp_path=tmp_path).returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        said = manage("serve", "--host", "127.0.0.1", "--port", str(number), tmp_path=tmp_path)

    assert said.returncode == 1
    assert f"Port {number} on 127.0.0.1 is taken by another program" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize("command", ["serve", "serve_processes", "flower", "demo"])
@pytest.mark.parametrize("wrong", ["65536", "-1", "http"])
def test_what_is_no_port_is_refused_and_not_cut_to_another(command: str, wrong: str) -> None:
    with pytest.raises(CommandError, match="is no port: 1 to 65535"):
        call_command(command, f"--port={wrong}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VERIFY_WORLD_SECONDS", "-1"),
        ("CLOUD_CALLS_PER_SECOND", "-1"),
        ("CLOUD_CALLS_AT_ONCE", "0"),
        ("REPLICATION_HEARTBEAT_SECONDS", "0"),
        ("WEBHOOK_HOSTS", "*"),
        ("WEBHOOK_HOSTS", "*.example.net"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(tmp_path: Path, name: str, value: str) -> None:
    said: subprocess.CompletedProcess[str] = manage("check_config", tmp_path=tmp_path, **{name: value})

    assert said.returncode == 1
    assert f"WRONG: {name} " in said.stdout


@pytest.mark.slow
def test_a_database_that_nobody_tried_is_refused_by_its_name(tmp_path: Path) -> None:
    said = manage("check_config", tmp_path=tmp_path, DATABASE_URL="mysql://failover@host/name")

    assert said.returncode == 1
    assert "DATABASE_URL must begin with postgres:// or sqlite:///" in said.stderr


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "  ", "a\nb", "n" * 101])
def test_a_token_has_a_name_that_can_be_read(name: str) -> None:
    with pytest.raises(CommandError, match="--name must be"):
        call_command("create_token", "--name", name, "--role", "viewer")


@pytest.mark.django_db
@pytest.mark.parametrize("days", ["0", "-3", "99999999999"])
def test_a_token_ends_within_a_lifetime(days: str) -> None:
    with pytest.raises(CommandError, match="--expires-in-days must be 1 to"):
        call_command("create_token", "--name", "x", "--role", "viewer", f"--expires-in-days={days}")


@pytest.mark.django_db
def test_a_network_that_no_mapping_names_is_designated_with_a_doubt() -> None:
    out = io.StringIO()

    call_command("designate_network", "no-such-network", "live", stdout=out)

    assert "is this the id that CloudStack shows?" in out.getvalue()
    assert NetworkDesignation.objects.filter(network_id="no-such-network", is_pinned=True).exists()
