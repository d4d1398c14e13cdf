"""The report of a campaign that was played in chunks is the sum of their reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.campaign.merging import main, merged
from tests.campaign.play import Played
from tests.campaign.schedule import drawn
from tests.campaign.summary import Summary


def _report(first: int, *, violation: str = "") -> dict[str, Any]:
    summary = Summary(first=first, cpu_seconds=2.0)
    for number in (first, first + 1):
        played = Played(drawn(number), violation=violation)
        played.cells["kill", "detachVolume", f"{'before' if first else 'after'}_call"] += 3
        played.stops["unclear"] += 1
        summary.add(played)
    return summary.as_json()


def test_reports_are_added_up_and_every_first_number_is_kept() -> None:
    first, second = _report(0), _report(1000)

    found = merged([first, second])

    assert [chunk["first_seed"] for chunk in found["chunks"]] == [0, 1000]
    assert (found["schedules"], found["operator_stops"], found["faults_per_schedule"]) == (4, 4, 3.0)
    assert found["schedules_per_cpu_second"] == 1.0
    assert found["stops_by_kind"] == {"unclear": 4}
    assert found["coverage"]["covered"] == 2
    assert len(found["coverage"]["uncovered"]) == found["coverage"]["reachable"] - 2


def test_no_schedule_counts_twice() -> None:
    with pytest.raises(ValueError, match="begin at the same number"):
        merged([_report(0), _report(0)])


def test_a_violation_in_one_chunk_is_one_of_the_whole(tmp_path: Path) -> None:
    for name, report in (("a", _report(0)), ("b", _report(1000, violation="I1: gone"))):
        (tmp_path / f"{name}.json").write_text(json.dumps(report))

    status = main([str(tmp_path / "sum.json"), str(tmp_path / "a.json"), str(tmp_path / "b.json")])

    assert status == 1
    assert json.loads((tmp_path / "sum.json").read_text())["violations"] == 2
