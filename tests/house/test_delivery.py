"""This will show that what is delivered names no place of its making, and that a run without tests is no success."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.__main__ import read_report
from tests.house.tree import ROOT, code_files, document, files_of_tests, named

# Put together here, so that this file does not hold them.
PLACES = ["/" + "work/", "pypi" + ".org", "python" + "hosted", "artifact" + "ory", "/" + "root/"]


def delivered() -> list[Path]:
    """Give the files that people read or run; no git is needed, so that an unpacked archive can be tested too."""
    others = [
        ROOT / name
        for name in ("Makefile", "Dockerfile", "docker-compose.yml", ".dockerignore", ".ci/run", ".gitignore")
    ]
    written = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.*"), *(ROOT / "cloudstack_simulator").rglob("*.yaml")]
    return [*code_files(), *files_of_tests(), *others, *written, *ROOT.glob("*.lock"), ROOT / "pyproject.toml"]


def test_no_file_names_the_place_where_it_was_made() -> None:
    found = [f"{named(path)}: {place}" for path in delivered() for place in PLACES if place in path.read_text()]
    assert found == []


@pytest.mark.parametrize(
    ("name", "at_least"), [("requirements.lock", 20), ("requirements-dev.lock", 20), ("requirements-valkey.lock", 1)]
)
def test_lock_files_pin_by_hash_and_name_no_address(name: str, at_least: int) -> None:
    lock = document(name)
    assert "://" not in lock
    pinned = re.findall(
        r"^[A-Za-z0-9][^\n]*==(?:[^\n]*\\\n)(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n?)+", lock, re.MULTILINE
    )
    assert len(pinned) == len(re.findall(r"^[A-Za-z0-9].*==", lock, re.MULTILINE)) > at_least


def test_what_tests_need_includes_what_the_service_needs() -> None:
    runtime, everything = (
        set(re.findall(r"^([A-Za-z0-9._-]+==[^ ;\\]+)", document(name), re.MULTILINE))
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert runtime <= everything


def test_the_ci_script_runs_everything_with_every_server_required() -> None:
    script = document(".ci/run")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "REQUIRE_SERVICES=1" in script
    assert script.rstrip().endswith("make --no-print-directory test </dev/null")


def test_a_run_that_found_no_test_has_failed(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite tests="0" failures="0" errors="0" skipped="0"/></testsuites>')
    assert read_report("nothing", 5, report).failed == 1


def test_a_run_is_counted_as_pytest_reports_it(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite tests="9" failures="1" errors="1" skipped="2"/></testsuites>')
    assert read_report("some", 1, report).line() == "some: 5 passed, 2 failed, pytest ended with 1"


def test_a_run_that_wrote_no_report_has_failed(tmp_path: Path) -> None:
    assert read_report("broken", 0, tmp_path / "report.xml").status != 0
