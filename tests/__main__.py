"""Run all tests, on SQLite and then on PostgreSQL where there is one, and close with one plain summary.

Tests that start whole processes wait more than they work: they run beside the others, one after another.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.support.servers import missing, postgresql, services_are_required

# Who has nothing left takes from the others; until then what shares a kept point stays with one worker.
TOGETHER = ("-n", os.environ.get("TEST_WORKERS", "2"), "--dist", "worksteal")
ONE_BY_ONE = ("-n", "0")


@dataclass(frozen=True)
class Result:
    """What one run of pytest found."""

    title: str
    status: int
    passed: int
    failed: int

    def line(self) -> str:
        """Say it in a line; a run that found no test failed (pytest's exit status 5)."""
        verdict = "" if self.status == 0 else f", pytest ended with {self.status}"
        return f"{self.title}: {self.passed} passed, {self.failed} failed{verdict}"


def main() -> int:
    """Run everything; give 0 only when all passed and nothing required was missing."""
    without_postgresql = "postgresql" in missing()
    with ThreadPoolExecutor(1) as beside:
        processes = beside.submit(run, "SQLite, whole processes", "processes", ONE_BY_ONE, told_at_its_end=True)
        results = [run("SQLite", "not processes", TOGETHER)]
        if not without_postgresql:
            with postgresql() as url:
                marks = "database and not processes"
                if not os.environ.get("ALL_ON_POSTGRESQL"):
                    marks += " and not any_database"
                results.append(run("PostgreSQL", marks, TOGETHER, database_url=url))
        results.append(processes.result())
    say("")
    for result in results:
        say(result.line())
    if without_postgresql:
        say("PostgreSQL is not installed here: the run on it was left out (REQUIRE_SERVICES=1 makes this a failure).")
    failed = sum(result.failed for result in results)
    say(f"{sum(result.passed for result in results)} passed, {failed} failed")
    broken = any(result.status for result in results)
    return 1 if broken or (without_postgresql and services_are_required()) else 0


def say(line: str) -> None:
    """Write a line now: what pytest writes comes after it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def run(
    title: str,
    marks: str,
    options: tuple[str, ...],
    *,
    database_url: str | None = None,
    told_at_its_end: bool = False,
) -> Result:
    """Run the tests that the marks choose, on the database of that URL or else on SQLite."""
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    if database_url is not None:
        environment["DATABASE_URL"] = database_url
    if not told_at_its_end:
        say(f"\n== {title}")
    with tempfile.TemporaryDirectory() as folder:
        report, told = Path(folder) / "report.xml", Path(folder) / "told"
        command = [sys.executable, "-m", "pytest", "-m", marks, *options, f"--junitxml={report}"]
        if not told_at_its_end:
            return read_report(title, subprocess.run(command, env=environment, check=False).returncode, report)
        with told.open("wb") as out:
            status = subprocess.run(command, env=environment, check=False, stdout=out, stderr=out).returncode
        say(f"\n== {title}\n{told.read_text(errors='replace')}")
        return read_report(title, status, report)


def read_report(title: str, status: int, report: Path) -> Result:
    """Count what a run reported; a run that ended badly has failed even if no single test did."""
    if not report.exists():
        return Result(title, status or 1, passed=0, failed=1)
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    total, failed, left_out = (
        sum(int(suite.get(name, "0")) for name in names for suite in suites)
        for names in (("tests",), ("failures", "errors"), ("skipped",))
    )
    return Result(title, status, passed=total - failed - left_out, failed=failed or int(status != 0))


if __name__ == "__main__":
    sys.exit(main())
