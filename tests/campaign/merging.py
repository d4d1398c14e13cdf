"""This will add up the reports of several campaigns: `python -m tests.campaign.merging OUT.json REPORT.json ...`.

A long campaign is played in chunks of numbers, each with a report of its own; what is kept is their sum, with every
first number, so that any schedule can be played again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_SUMS = ("schedules", "begun", "events", "faults", "kills", "violations", "operator_stops", "avoidable_stops", "leaks")
_LISTS = ("violated", "avoidable", "leaking")
_COUNTS = ("stops_by_kind", "ends", "hits")
_SECONDS = ("seconds", "cpu_seconds")


def main(arguments: list[str] | None = None) -> int:
    """Write the sum; give 1 when an invariant was broken in any of them."""
    parser = argparse.ArgumentParser(prog="tests.campaign.merging", description="Add up reports of campaigns.")
    parser.add_argument("out", type=Path)
    parser.add_argument("reports", type=Path, nargs="+")
    options = parser.parse_args(arguments)
    found = merged([json.loads(path.read_text()) for path in sorted(options.reports)])
    options.out.write_text(json.dumps(found, indent=1) + "\n")
    sys.stdout.write(f"{found['schedules']} schedules, {found['violations']} violations\n")
    return 1 if found["violations"] else 0


def merged(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Give the sum of several reports; raises ValueError when two of them begin at the same number."""
    chunks = [{name: one[name] for name in ("first_seed", "schedules", "begun", "branches")} for one in reports]
    if len({chunk["first_seed"] for chunk in chunks}) < len(chunks):
        raise ValueError("two reports begin at the same number: a schedule would count twice")
    sums: dict[str, Any] = {name: sum(one[name] for one in reports) for name in _SUMS}
    sums |= {name: round(sum(one[name] for one in reports), 1) for name in _SECONDS}
    sums |= {name: [entry for one in reports for entry in one[name]] for name in _LISTS}
    for name in _COUNTS:
        added = Counter[str]()
        for one in reports:
            added.update(one[name])
        sums[name] = dict(added.most_common()) if name != "hits" else dict(sorted(added.items()))
    schedules = max(1, sums["schedules"])
    return (
        {"name": "campaign", "chunks": chunks}
        | sums
        | {
            "faults_per_schedule": round(sums["faults"] / schedules, 2),
            "avoidable_share_of_schedules": round(sums["avoidable_stops"] / schedules, 5),
            "schedules_per_cpu_second": round(sums["schedules"] / max(0.001, sums["cpu_seconds"]), 2),
            "coverage": _coverage(reports),
        }
    )


def _coverage(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What no report covered is uncovered."""
    uncovered = set.intersection(*(set(one["coverage"]["uncovered"]) for one in reports))
    reachable = max(one["coverage"]["reachable"] for one in reports)
    return {"reachable": reachable, "covered": reachable - len(uncovered), "uncovered": sorted(uncovered)}


if __name__ == "__main__":
    sys.exit(main())
