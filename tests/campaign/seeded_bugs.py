"""This will sow safety bugs into a copy of the code, one by one, and see that each is caught: `make seeded-bugs`."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.campaign.seeded import BUGS, Bug
from tests.house.tree import ROOT

_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "var", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache")
DOSE = ("--schedules", "150", "--seed", "60", "--first")
_LONGEST = 900


def main(arguments: list[str] | None = None) -> int:
    """Sow every bug (or those whose name holds a word) and print a line each and a count; 0 when all were caught."""
    parser = argparse.ArgumentParser(prog="tests.campaign.seeded_bugs", description="See that seeded bugs are caught.")
    parser.add_argument(
        "--only", action="append", default=[], help="a part of the names of the bugs to sow; repeatable"
    )
    options = parser.parse_args(arguments)
    chosen = [bug for bug in BUGS if not options.only or any(part in bug.name for part in options.only)]
    caught = 0
    with tempfile.TemporaryDirectory(prefix="seeded-bugs-") as folder:
        field = Path(folder) / "code"
        shutil.copytree(ROOT, field, ignore=_LEFT_OUT)
        for bug in chosen:
            caught += _sow(bug, field)
    sys.stdout.write(f"{caught} of {len(chosen)} caught\n")
    return 0 if caught == len(chosen) else 1


def _sow(bug: Bug, field: Path) -> bool:
    file = field / bug.file
    sound = file.read_text()
    if sound.count(bug.old) != 1:
        _say(f"STALE    {bug.name}: its place in {bug.file} is gone")
        return False
    file.write_text(sound.replace(bug.old, bug.new))
    began = time.monotonic()
    try:
        is_caught, by = _is_caught(bug, field)
    finally:
        file.write_text(sound)
    _say(f"{'caught' if is_caught else 'MISSED':8} {bug.name} ({by}, {time.monotonic() - began:.0f} s)")
    return is_caught


def _is_caught(bug: Bug, field: Path) -> tuple[bool, str]:
    """Run the bug's dose; a dose that cannot even begin catches nothing."""
    if bug.tests:
        command = ["-m", "pytest", "-x", "-p", "no:cacheprovider", "-n", "0", *bug.tests]
        return _run(command, field) == 1, "tests"
    dose = ("--bug", bug.name) if bug.troubles else DOSE
    return _run(["-m", "tests.campaign", *dose], field) == 1, "one schedule" if bug.troubles else "campaign"


def _run(command: list[str], field: Path) -> int:
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("DATABASE_URL", None)
    with tempfile.TemporaryFile() as said:
        try:
            ended = subprocess.run(
                [sys.executable, *command],
                cwd=field,
                env=environment,
                check=False,
                stdout=said,
                stderr=said,
                timeout=_LONGEST,
            )
        except subprocess.TimeoutExpired:
            return 0  # Nothing said what is wrong: that is no catch.
        said.seek(0)
        text = said.read().decode(errors="replace")
    # A campaign that breaks off says no word of a violation: nothing was caught, the bug is badly sown.
    if "tests.campaign" in command and "VIOLATION" not in text:
        return 0
    return ended.returncode


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
