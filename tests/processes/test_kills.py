"""This will show in a small dose that kill -9 of the service harms no failover; `make kills` is the large one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes.kills import Dose, run


@pytest.mark.processes
@pytest.mark.slow
def test_six_kills_over_six_failovers_leave_every_job_right(tmp_path: Path) -> None:
    summary = run(Dose(kills=6, jobs=6, seed=1, job_seconds=0.5), tmp_path)

    assert summary["wrong"] == []
    assert summary["kills_done"] == 6
