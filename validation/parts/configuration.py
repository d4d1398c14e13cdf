"""This will sum up all checks of both purposes, area by area, with what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from networks.models import Purpose
from validation.findings import Area
from validation.models import CheckStatus
from validation.rendering import check_row
from validation.verdict import Judged, Verdict

_WORST_FIRST = (CheckStatus.FAIL, CheckStatus.SKIPPED, CheckStatus.WARNING, CheckStatus.PASS)


@dataclass(frozen=True)
class _Shared:
    """This will hold a finding with the purposes that it was made for."""

    judged: Judged
    purposes: tuple[Purpose, ...]


def configuration(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Give `configuration_check` of the verdicts for live and for test."""
    shared = _shared(verdicts)
    ready = {verdict.purpose: verdict.is_ready for verdict in verdicts}
    return {
        "is_valid": all(ready.values()),
        "is_ready_for_failover": ready[Purpose.LIVE],
        "is_ready_for_test_failover": ready[Purpose.TEST],
        "areas": [_area(area, [found for found in shared if found.judged.check.area == area]) for area in Area],
        "warnings": _each_once(verdict.warnings for verdict in verdicts),
        "errors": _each_once(verdict.errors for verdict in verdicts),
        "readiness_scores": {verdict.purpose.value: verdict.readiness_score for verdict in verdicts},
        "execution_time": max(verdict.execution_time_ns for verdict in verdicts),
    }


def actions_of(verdicts: Sequence[Verdict]) -> list[str]:
    """Give what must be done for either purpose, each once."""
    return _each_once(verdict.required_actions for verdict in verdicts)


def _shared(verdicts: Sequence[Verdict]) -> list[_Shared]:
    """Show a finding that both purposes share once, in the order of the checks."""
    found: list[_Shared] = []
    for row in zip(*(verdict.checks for verdict in verdicts), strict=True):
        purposes: list[tuple[Judged, list[Purpose]]] = []
        for verdict, judged in zip(verdicts, row, strict=True):
            same = next((other for other in purposes if other[0].finding == judged.finding), None)
            if same is not None:
                same[1].append(verdict.purpose)
            else:
                purposes.append((judged, [verdict.purpose]))
        found += [_Shared(judged, tuple(whose)) for judged, whose in purposes]
    return found


def _area(area: Area, found: Sequence[_Shared]) -> dict[str, Any]:
    statuses = {shared.judged.finding.status for shared in found}
    return {
        "area": area.value,
        "status": next(status for status in _WORST_FIRST if status in statuses).value,
        "checks": [
            {**check_row(shared.judged), "applies_to": [purpose.value for purpose in shared.purposes]}
            for shared in found
        ],
        "required_actions": _each_once(shared.judged.finding.required_actions for shared in found),
    }


def _each_once(texts: Any) -> list[str]:
    return list(dict.fromkeys(text for some in texts for text in some))
