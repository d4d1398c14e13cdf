"""This will show in a small dose that kill -9 of the service harms no failover; `make kills` is the large one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes.dose import Dose
from tests.processes.kills import run


@pytest.mark.processes
@pytest.mark.slow
def test_six_kills_over_six_failovers_leave_every_job_right(tmp_path: Path) -> None:
    # Jobs of the cloud are long enough for each failover to outlast the longest pause before a kill, also on a fast and
    # quiet machine: with half a second the last kill found nothing left to hit.
    summary = run(Dose(kills=6, jobs=6, seed=1, job_seconds=1.5), tmp_path)

    assert summary["wrong"] == []
    assert summary["kills_done"] == 6
