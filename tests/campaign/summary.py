"""This will add up what many schedules showed, and name what they never reached."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.campaign.openings import OPENINGS
from tests.campaign.play import Played
from tests.campaign.schedule import (
    CALL_MOMENTS,
    CLOUD_KINDS,
    COMMIT_KINDS,
    COMMIT_MOMENTS,
    FOREIGN,
    HOOK_KINDS,
    PROCESS_KINDS,
    READ_KINDS,
    READS,
    TIMED,
)
from tests.campaign.troubles import Cell

_COMMANDS = sorted({command for opening in OPENINGS for command, _ in opening.calls})


def reachable() -> set[Cell]:
    """Give every fault × command × moment that a schedule may reach."""
    cells: set[Cell] = {(kind, command, "call") for kind in CLOUD_KINDS for command in _COMMANDS}
    for command in _COMMANDS:
        cells |= {(kind, command, moment) for kind in PROCESS_KINDS for moment in CALL_MOMENTS}
        cells |= {(kind, command, moment) for kind in COMMIT_KINDS for moment in COMMIT_MOMENTS}
    cells |= {(kind, command, "read") for kind in READ_KINDS for command in READS}
    cells |= {(kind, "hook", "hook") for kind in HOOK_KINDS}
    cells |= {(kind, "-", "time") for kind in TIMED if kind != "foreign"}
    return cells | {("foreign", hand, "time") for hand in FOREIGN}


@dataclass
class Summary:
    """The sums; `first` is the number of the first schedule, `begun` how many were played from their opening on."""

    first: int
    widths: tuple[int, ...] = ()
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    schedules: int = 0
    begun: set[int] = field(default_factory=set)
    events: int = 0
    faults: int = 0
    kills: int = 0
    leaks: int = 0
    violations: list[dict[str, Any]] = field(default_factory=list)
    leaking: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    stops: Counter[str] = field(default_factory=Counter)
    avoidable: list[tuple[str, str]] = field(default_factory=list)
    cells: Counter[Cell] = field(default_factory=Counter)

    def add(self, played: Played) -> None:
        """Add one schedule."""
        self.schedules += 1
        self.begun.add(played.schedule.seed)
        self.events += played.events
        self.faults += played.faults
        self.kills += played.kills
        self.leaks += played.leaks
        self.ends += played.ends
        self.stops += played.stops
        self.cells += played.cells
        self.avoidable += [(played.schedule.name, words) for words in played.avoidable]
        if played.leaks:
            self.leaking.append(played.schedule.name)
        if played.violation:
            told = {"seed": played.schedule.name, "says": played.violation[:300], "schedule": str(played.schedule)}
            self.violations.append({"invariant": played.invariant, **told})

    def as_json(self) -> dict[str, Any]:
        """Give the summary as it is printed."""
        stops = sum(self.stops.values())
        uncovered = sorted(reachable() - set(self.cells))
        return {
            "name": "campaign",
            "first_seed": self.first,
            "schedules": self.schedules,
            "begun": len(self.begun),
            "branches": list(self.widths),
            "events": self.events,
            "faults": self.faults,
            "faults_per_schedule": round(self.faults / max(1, self.schedules), 2),
            "kills": self.kills,
            "violations": len(self.violations),
            "violated": self.violations[:50],
            "operator_stops": stops,
            "stops_by_kind": dict(self.stops.most_common()),
            "avoidable_stops": len(self.avoidable),
            "avoidable_share_of_schedules": round(len(self.avoidable) / max(1, self.schedules), 5),
            "avoidable": self.avoidable[:20],
            "leaks": self.leaks,
            "leaking": self.leaking[:20],
            "ends": dict(self.ends.most_common()),
            "seconds": round(self.seconds, 1),
            "cpu_seconds": round(self.cpu_seconds, 1),
            "schedules_per_cpu_second": round(self.schedules / max(0.001, self.cpu_seconds), 2),
            "coverage": {
                "reachable": len(reachable()),
                "covered": len(reachable() & set(self.cells)),
                "uncovered": [":".join(cell) for cell in uncovered],
            },
            "hits": {":".join(cell): number for cell, number in sorted(self.cells.items())},
        }
