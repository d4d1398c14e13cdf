"""This will run a small dose of the campaign, as `make campaign` does, and show that a schedule replays exactly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.campaign.singles import COURSES
from tests.house.tree import ROOT

pytestmark = pytest.mark.slow

DOSE = 60
# One in so many of the single faults; `make campaign SINGLES=1` plays them all.
SHARE = 45


def _campaign(*arguments: str) -> tuple[int, list[str]]:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    command = [sys.executable, "-m", "tests.campaign", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=900)
    assert done.stdout, done.stderr
    return done.returncode, done.stdout.splitlines()


def test_no_schedule_of_a_small_dose_does_harm() -> None:
    status, lines = _campaign("--schedules", str(DOSE), "--seed", "90")

    summary: dict[str, Any] = json.loads(lines[-1])
    assert (status, summary["violations"], summary["leaks"]) == (0, 0, 0), "\n".join(lines)
    assert summary["schedules"] == DOSE
    assert summary["faults_per_schedule"] >= 3.0


def test_single_faults_of_every_plan_take_place_and_do_no_harm() -> None:
    status, lines = _campaign("--singles", "--share", str(SHARE))

    summary: dict[str, Any] = json.loads(lines[-1])
    assert (status, summary["violations"], summary["leaks"], summary["not_struck"]) == (0, 0, 0, []), "\n".join(lines)
    assert summary["struck"] == summary["schedules"] > 40
    assert set(summary["plans"]) == {course.name for course in COURSES}
    assert summary["avoidable_stops"] == 0


def test_a_branch_is_what_its_troubles_alone_make() -> None:
    status, lines = _campaign("--schedules", "2", "--seed", "77", "--branches", "3,2", "--prove")

    told: dict[str, Any] = json.loads(lines[-1])
    assert (status, told["different"]) == (0, [])
    assert told["branches"] > 4


def test_a_schedule_replays_exactly() -> None:
    first = _campaign("--replay", "90000003")

    assert _campaign("--replay", "90000003") == first
