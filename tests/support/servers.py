"""Start throw-away PostgreSQL and Redis servers, and stop them again; nothing of them stays.

`python -m tests.support.servers postgresql redis -- COMMAND…` runs a command with DATABASE_URL and BROKER_URL set.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

_START_SECONDS = 30
_POSTGRESQL_HOMES = ("/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt/postgresql", "/usr/local/opt/postgresql")


class ServerMissing(Exception):
    """The programs of a server are not installed here."""


@contextmanager
def postgresql() -> Iterator[str]:
    """Give the URL of an empty database; raises ServerMissing. It listens on a socket of its own, on no port."""
    binaries = postgresql_binaries()
    if binaries is None:
        raise ServerMissing("postgresql")
    user = unprivileged_user("postgres")
    with tempfile.TemporaryDirectory(prefix="failover-pg-") as text:
        home = Path(text)
        if user is not None:
            os.chown(home, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        data = home / "data"
        # A throw-away database may lose everything in a power cut, and its queries are too small to be compiled.
        careless = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c jit=off"
        options = f"-k {home} -c listen_addresses='' -c max_connections=200 {careless}"
        control = [str(binaries / "pg_ctl"), "-D", str(data), "-w", "-t", str(_START_SECONDS)]
        _as_user(user, [str(binaries / "initdb"), "-A", "trust", "-U", "failover", "-E", "UTF8", "-D", str(data)])
        try:
            _as_user(user, [*control, "-l", str(home / "log"), "-o", options, "start"])
            yield f"postgres://failover@{str(home).replace('/', '%2F')}/postgres"
        finally:
            _as_user(user, [*control, "-m", "immediate", "stop"], must_succeed=False)


def restart_postgresql(url: str) -> None:
    """Let the server of that URL crash and start again: every connection is cut, what was committed is there."""
    binaries = postgresql_binaries()
    assert binaries is not None
    home = Path(unquote(urlsplit(url).netloc.partition("@")[2]))
    control = [str(binaries / "pg_ctl"), "-D", str(home / "data"), "-w", "-t", str(_START_SECONDS)]
    _as_user(unprivileged_user("postgres"), [*control, "-m", "immediate", "-l", str(home / "log"), "restart"])


@contextmanager
def standing_still(url: str) -> Iterator[None]:
    """Let the server of that URL take connections and answer nothing, as one whose disk hangs does."""
    home = Path(unquote(urlsplit(url).netloc.partition("@")[2]))
    first = int((home / "data" / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    family = [first, *map(int, children)]
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(family):
            os.kill(pid, signal.SIGCONT)


@contextmanager
def redis_server() -> Iterator[str]:
    """Give the URL of an empty Redis on a free port of this host; raises ServerMissing."""
    program = redis_program()
    if program is None:
        raise ServerMissing("redis")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="failover-redis-") as home:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", home]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        try:
            _wait_for_redis(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
            server.wait(_START_SECONDS)


def postgresql_binaries() -> Path | None:
    """Give the folder of PostgreSQL's server programs, the newest version's; None when there is none."""
    homes = [path for home in _POSTGRESQL_HOMES for path in Path(home).parent.glob(f"{Path(home).name}*/bin")]
    homes += [path for home in _POSTGRESQL_HOMES for path in Path(home).glob("*/bin")]
    found = [path for path in homes if (path / "initdb").exists() and (path / "pg_ctl").exists()]
    on_path = shutil.which("initdb")
    if found:
        return max(found, key=_version_of)
    return Path(on_path).resolve().parent if on_path else None


def redis_program() -> str | None:
    """Give the Redis or Valkey server on PATH."""
    return shutil.which("redis-server") or shutil.which("valkey-server")


def browser_program() -> str | None:
    """Give the browser on PATH."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def missing() -> list[str]:
    """Name what is not installed here, by the mark of the tests that need it."""
    looks: dict[str, Callable[[], object]] = {
        "postgresql": postgresql_binaries,
        "redis": redis_program,
        "browser": browser_program,
    }
    return [name for name, look in looks.items() if look() is None]


def services_are_required() -> bool:
    """Say whether a missing server is a failure (REQUIRE_SERVICES=1) and not a reason to leave tests out."""
    return os.environ.get("REQUIRE_SERVICES", "") not in {"", "0"}


def free_port() -> int:
    """Give a port of this host that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


_VARIABLES: Mapping[str, tuple[str, Callable[[], AbstractContextManager[str]]]] = MappingProxyType(
    {"postgresql": ("DATABASE_URL", postgresql), "redis": ("BROKER_URL", redis_server)}
)


def run_with(names: list[str], command: list[str]) -> int:
    """Run the command with the servers up and their addresses in its environment; give its exit status."""
    with ExitStack() as stack:
        environment = dict(os.environ)
        for name in names:
            variable, server = _VARIABLES[name]
            environment[variable] = stack.enter_context(server())
        return subprocess.run(command, env=environment, check=False).returncode


def _version_of(binaries: Path) -> tuple[int, ...]:
    digits = "".join(character if character.isdigit() else " " for character in binaries.parent.name).split()
    return tuple(int(number) for number in digits)


def unprivileged_user(wanted: str) -> str | None:
    """Give the user to run a server as that refuses to run as root; None where this is not root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return wanted if wanted in known else "nobody"


def _as_user(user: str | None, command: list[str], *, must_succeed: bool = True) -> None:
    group = None if user is None else pwd.getpwnam(user).pw_gid
    # To a file, not a pipe: the server that pg_ctl leaves behind would keep a pipe open for ever.
    with tempfile.TemporaryFile() as said:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            cwd="/",
            user=user,
            group=group,
            extra_groups=None if user is None else [],
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            check=False,
        )
        if must_succeed and ended.returncode != 0:
            said.seek(0)
            raise RuntimeError(f"{Path(command[0]).name} failed: {said.read().decode(errors='replace')}")


def _wait_for_redis(port: int) -> None:
    patience = Retry(ConstantBackoff(0.05), _START_SECONDS * 20, supported_errors=(redis.ConnectionError,))
    with redis.Redis(port=port, retry=patience) as client:
        client.ping()


def main(arguments: list[str]) -> int:
    """Read `NAME… -- COMMAND…` and run it."""
    divider = arguments.index("--")
    # So that the servers end with us also when we are told to go.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return run_with(arguments[:divider], arguments[divider + 1 :])
    except ServerMissing as error:
        sys.stderr.write(f"{error} is not installed here.\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
