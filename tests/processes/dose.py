"""This will read from a command line how much is killed, and run a campaign of kills with it."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Dose:
    """How much is killed: so many kills over so many jobs of a cloud whose async jobs take so long.

    `broker` carries the messages of an installation of several processes.
    """

    kills: int
    jobs: int
    seed: int
    job_seconds: float
    broker: str = "redis"


def run_from_command_line(
    run: Callable[[Dose, Path], dict[str, Any]], *, program: str, words: str, jobs: int, arguments: list[str] | None
) -> int:
    """Run one campaign, print its summary as one JSON line, and give 1 when anything is wrong."""
    parser = argparse.ArgumentParser(prog=program, description=words)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=jobs)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--job-seconds", type=float, default=1.0)
    parser.add_argument(
        "--broker", choices=("redis", "rabbitmq"), default="redis", help="for a production installation"
    )
    parser.add_argument("--keep", type=Path, help="keep journal, world and logs in this directory (it must not exist)")
    options = parser.parse_args(arguments)
    dose = Dose(options.kills, options.jobs, options.seed, options.job_seconds, options.broker)
    with tempfile.TemporaryDirectory(prefix="kills-") as temporary:
        if options.keep is not None:
            options.keep.mkdir(parents=True)
        summary = run(dose, options.keep or Path(temporary))
    sys.stdout.write(f"{json.dumps(summary)}\n")
    return 1 if summary["wrong"] else 0
