"""This will run one case and print its JSON lines; bars that were missed are named in them."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from pathlib import Path

from tests.processes.ground import use_test_settings

# Each case is a function `(directory, *, job_seconds) -> line or lines`.
CASES = {"single": "tests.bench.single:single", "api-list-1m": "tests.bench.list_of_jobs:list_of_jobs"}


def main(arguments: list[str] | None = None) -> int:
    """Run the case that is asked for."""
    parser = argparse.ArgumentParser(prog="tests.bench", description="Measure a case; JSON lines.")
    parser.add_argument("case", choices=sorted(CASES))
    parser.add_argument("--job-seconds", type=float, default=5.0, help="how long an async job of the cloud takes")
    parser.add_argument("--keep", type=Path, help="keep journal and logs in this directory (it must not exist)")
    options = parser.parse_args(arguments)
    # Models can be imported only after the settings are chosen.
    module, name = CASES[options.case].split(":")
    case = getattr(importlib.import_module(module), name)
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        if options.keep is not None:
            options.keep.mkdir(parents=True)
        found = case(options.keep or Path(temporary), job_seconds=options.job_seconds)
    for line in found if isinstance(found, list) else [found]:
        sys.stdout.write(f"{json.dumps(line)}\n")
    return 0


if __name__ == "__main__":
    use_test_settings()
    raise SystemExit(main())
