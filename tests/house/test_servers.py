"""This will show that throw-away servers come up for a command and are gone after it."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
import redis

from tests.support.servers import postgresql, redis_server, run_with


@pytest.mark.postgresql
def test_a_throw_away_postgresql_answers_and_leaves_nothing() -> None:
    with postgresql() as url:
        folder = Path(unquote(urlsplit(url).hostname or ""))
        with psycopg.connect(host=str(folder), user="failover", dbname="postgres") as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    assert not folder.exists()


@pytest.mark.redis
def test_a_throw_away_redis_answers_and_is_gone_after() -> None:
    with redis_server() as url, redis.from_url(url) as client:
        assert client.ping()
    with pytest.raises(redis.ConnectionError):
        redis.from_url(url).ping()


@pytest.mark.redis
def test_a_command_finds_the_server_in_its_environment_and_its_exit_status_is_ours() -> None:
    code = "import os, sys; sys.exit(7 if os.environ['BROKER_URL'].startswith('redis://127.0.0.1:') else 1)"
    assert run_with(["redis"], [sys.executable, "-c", code]) == 7
