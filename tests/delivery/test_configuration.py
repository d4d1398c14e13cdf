"""This will show that the environment alone configures the service, and that nonsense is named and no secret shown."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT, document
from tests.processes.programs import clean_environment

GOOD = {"SECRET_KEY": "kX" + "abcdefghij0123456789" * 3, "FIELD_KEY": "fY" + "zyxwvutsrq9876543210" * 3}


def manage(*arguments: str, tmp_path: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment() | {"VAR_DIR": str(tmp_path)} | settings
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, timeout=120, capture_output=True, text=True)


def test_the_example_of_an_environment_lists_every_setting_once_and_nothing_else() -> None:
    documented = re.findall(r"^\| `([A-Z_]+)` \|", document("docs/settings.md"), re.MULTILINE)
    example = re.findall(r"^#([A-Z_]+)=[^#]*# \S", document(".env.example"), re.MULTILINE)
    # Only tests set that one, and they set it themselves.
    assert sorted(example) == sorted(set(documented) - {"TEST_SQLITE_FILE"})


@pytest.mark.slow
def test_without_any_setting_the_configuration_is_good_and_all_of_it_is_a_default(tmp_path: Path) -> None:
    shown = manage("check_config", tmp_path=tmp_path)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    origins = dict(re.findall(r"^([A-Z_]+) .*\[([a-z ]+)\]$", shown.stdout, re.MULTILINE))
    assert origins.pop("VAR_DIR") == "environment"
    assert {name for name, origin in origins.items() if origin == "kept file"} == {
        "SECRET_KEY",
        "FIELD_KEY",
        "FLOWER_PASSWORD",
    }
    assert set(origins.values()) == {"kept file", "default"}
    assert "WRONG" not in shown.stdout


@pytest.mark.slow
def test_no_secret_and_no_password_is_shown(tmp_path: Path) -> None:
    secrets = {
        **GOOD,
        "FLOWER_PASSWORD": "tulip-and-rose-7",
        "DATABASE_URL": "postgres://dba:Pg%40Hush@db.example.net/failover",
        "BROKER_URL": "amqps://bee:Rabbit%2FHush@mq.example.net//",
        "CACHE_URL": "redis://:Cache-Hush@cache.example.net/1",
        "OPERATORS_SLACK_WEBHOOK": "https://hooks.slack.com/services/Hush",
    }
    shown = manage("check_config", tmp_path=tmp_path, **secrets)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    said = shown.stdout + shown.stderr
    assert "db.example.net" in said
    assert "mq.example.net" in said
    for secret in (*GOOD.values(), "tulip", "Hush"):
        assert secret not in said, secret


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKER_THREADS", "many"),
        ("WORKER_THREADS", "inf"),
        ("HTTPS", "perhaps"),
        ("DATABASE_URL", "postgres://u:Hu/sh@host/db"),
        ("DATABASE_URL", "oracel://u:Hush@host/db"),
        ("TIME_ZONE", "Vienna"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_what_cannot_be_read_ends_every_command_with_one_sentence(tmp_path: Path, name: str, value: str) -> None:
    shown = manage("check_config", tmp_path=tmp_path, **{name: value})
    assert shown.returncode == 1, shown.stdout
    assert shown.stderr.startswith(f"The settings make no sense: {name} ")
    assert shown.stderr.count("\n") == 1
    assert "Hu" not in shown.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (
            {
                "BROKER_URL": "kafka://host",
                "CACHE_URL": "memcached://host",
                "SECRET_KEY": "short",
                "FIELD_KEY": "change-me-" * 6,
                "FLOWER_PASSWORD": "aaaaaaaaaaaaaaaa",
                "FLOWER_USER": "one:two",
                "BIND_PORT": "70000",
                "WEB_PROCESSES": "0",
                "READS_PER_MINUTE": "-1",
                "MAX_TEST_SECONDS": "59",
                "ALLOWED_HOSTS": "https://failover.example.net",
                "CSRF_TRUSTED_ORIGINS": "failover.example.net",
                "OPERATORS_EMAIL": "one@example.net, two@example.net",
                "OPERATORS_SLACK_WEBHOOK": "https://chat.example.net/Hush",
            },
            {
                "BROKER_URL",
                "CACHE_URL",
                "SECRET_KEY",
                "FIELD_KEY",
                "FLOWER_PASSWORD",
                "FLOWER_USER",
                "BIND_PORT",
                "WEB_PROCESSES",
                "READS_PER_MINUTE",
                "MAX_TEST_SECONDS",
                "ALLOWED_HOSTS",
                "CSRF_TRUSTED_ORIGINS",
                "OPERATORS_EMAIL",
                "OPERATORS_SLACK_WEBHOOK",
            },
        ),
        ({"SECRET_KEY": GOOD["FIELD_KEY"], "FIELD_KEY": GOOD["FIELD_KEY"]}, {"FIELD_KEY"}),
        ({"SECURE_SSL_REDIRECT": "true"}, {"PROXY_PROTO_HEADER"}),
    ],
    ids=["one by one", "one secret for all", "redirects in circles"],
)
def test_all_that_makes_no_sense_is_named_at_once(tmp_path: Path, settings: dict[str, str], named: set[str]) -> None:
    shown = manage("check_config", tmp_path=tmp_path, **settings)
    assert shown.returncode == 1, shown.stdout
    wrong = set(re.findall(r"^WRONG: ([A-Z_]+) ", shown.stdout, re.MULTILINE))
    assert wrong == named


@pytest.mark.slow
def test_a_misspelt_setting_is_noticed(tmp_path: Path) -> None:
    shown = manage("check_config", tmp_path=tmp_path, DATABSE_URL="sqlite:///x")
    assert "note: DATABSE_URL is no setting; was DATABASE_URL meant?" in shown.stdout


@pytest.mark.slow
def test_behind_a_proxy_with_tls_the_check_for_deployment_has_nothing_to_say_of_security(tmp_path: Path) -> None:
    checked = manage(
        "check", "--deploy", tmp_path=tmp_path, HTTPS="true", PROXY_PROTO_HEADER="X-Forwarded-Proto", **GOOD
    )
    assert checked.returncode == 0, checked.stderr
    assert "security." not in checked.stderr
    assert "WARNINGS" not in checked.stderr


@pytest.mark.slow
def test_the_worker_and_gunicorn_take_their_sizes_from_the_environment(tmp_path: Path) -> None:
    code = (
        "from gunicorn.app.wsgiapp import WSGIApplication as Server;"
        "from failover_project.celery import app;"
        "cfg = Server('%(prog)s').cfg; conf = app.conf;"
        "print(cfg.bind, cfg.workers, cfg.threads, cfg.worker_class_str, cfg.preload_app,"
        " conf.worker_concurrency, conf.worker_pool, conf.broker_url)"
    )
    environment = clean_environment() | {
        **{"VAR_DIR": str(tmp_path), "BIND_HOST": "127.0.0.9", "BIND_PORT": "8099", "WEB_PROCESSES": "3"},
        **{"WEB_THREADS": "4", "WORKER_THREADS": "5", "BROKER_URL": "valkey://host/1"},
        "GUNICORN_CMD_ARGS": "--config python:failover_project.web_server",
    }
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, timeout=120, capture_output=True, text=True
    )
    assert said.stdout.split() == ["['127.0.0.9:8099']", "3", "4", "gthread", "False", "5", "threads", "redis://host/1"]
