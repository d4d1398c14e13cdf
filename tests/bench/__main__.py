"""This will run one case and print its JSON lines; bars that were missed are named in them."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.processes.ground import use_test_settings

# Each case is a function `(directory, *, job_seconds) -> line or lines`.
CASES = {
    "call": "tests.bench.call:call",
    "single": "tests.bench.single:single",
    "api-list-1m": "tests.bench.list_of_jobs:list_of_jobs",
    "metrics-100k": "tests.bench.scrape:scrape",
    "pages-1m": "tests.bench.pages:pages",
    "recovery": "tests.bench.recovery:recovery",
}
# Failovers at once by the dozen; they, and the recovery, want a PostgreSQL and a Redis of their own.
BURST = re.compile(r"burst-(\d+)x(\d+(?:\.\d+)?)s")
WANTS_SERVERS = "BENCH_HAS_SERVERS"


def main(arguments: list[str] | None = None) -> int:
    """Run the case that is asked for."""
    parser = argparse.ArgumentParser(prog="tests.bench", description="Measure a case; JSON lines.")
    parser.add_argument("case", help=f"{', '.join(sorted(CASES))} or burst-NxSs, such as burst-500x5s")
    parser.add_argument("--job-seconds", type=float, default=5.0, help="how long an async job of the cloud takes")
    parser.add_argument("--keep", type=Path, help="keep journal and logs in this directory (it must not exist)")
    options = parser.parse_args(arguments)
    case = _case(options.case, parser)
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        if options.keep is not None:
            options.keep.mkdir(parents=True)
        found = case(options.keep or Path(temporary), job_seconds=options.job_seconds)
    for line in found if isinstance(found, list) else [found]:
        sys.stdout.write(f"{json.dumps(line)}\n")
    return 0


def _case(wanted: str, parser: argparse.ArgumentParser) -> Callable[..., Any]:
    """Give the case's function. Models can be imported only now that the settings are chosen."""
    if found := BURST.fullmatch(wanted):
        from tests.bench.burst import burst

        machines, seconds = int(found[1]), float(found[2])
        return lambda directory, job_seconds: burst(directory, machines=machines, job_seconds=seconds)
    if wanted not in CASES:
        parser.error(f"there is no case {wanted}")
    module, name = CASES[wanted].split(":")
    case: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return case


def _with_servers() -> None:
    """Begin again under throw-away servers when a case is asked for that wants them."""
    if any(one == "recovery" or BURST.fullmatch(one) for one in sys.argv[1:]) and WANTS_SERVERS not in os.environ:
        os.environ[WANTS_SERVERS] = "1"
        servers = [sys.executable, "-m", "tests.support.servers", "postgresql", "redis", "--"]
        os.execv(sys.executable, [*servers, sys.executable, "-m", "tests.bench", *sys.argv[1:]])


if __name__ == "__main__":
    _with_servers()
    broker = os.environ.get("BROKER_URL")
    use_test_settings()
    if broker is not None:
        os.environ["BROKER_URL"] = broker
    raise SystemExit(main())
