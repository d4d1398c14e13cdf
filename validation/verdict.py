"""This will sum findings up into a verdict: ready or not, a score, and what must be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inventory.models import ProtectedVM
from networks.models import Purpose
from validation.facts import Facts
from validation.findings import Check, Finding
from validation.models import CheckStatus, CheckType

# The order in which a refused start names its reason: what the rows say first, then the cloud, then the rest.
_CODE_ORDER = (
    "ACTIVE_JOBS",
    "NETWORK_MAPPING_MISSING",
    "OSSEA_NOT_CONFIGURED",
    "OSSEA_API_ERROR",
    "VOLUME_NOT_AVAILABLE",
    "VALIDATION_FAILED",
)
_WEIGHTS = {CheckType.CRITICAL: 10, CheckType.WARNING: 3, CheckType.INFO: 1}
_WORTH = {CheckStatus.PASS: 1.0, CheckStatus.WARNING: 0.75, CheckStatus.FAIL: 0.0, CheckStatus.SKIPPED: 0.0}


@dataclass(frozen=True)
class Judged:
    """This will hold a check with its finding and the time it took, reads of the cloud included."""

    check: Check
    finding: Finding
    execution_time_ns: int

    @property
    def blocks(self) -> bool:
        """Say whether this finding forbids a failover; a critical check that could not be made does."""
        return self.check.check_type == CheckType.CRITICAL and self.finding.status in {
            CheckStatus.FAIL,
            CheckStatus.SKIPPED,
        }

    @property
    def error_code(self) -> str:
        """Give the API's code for this finding."""
        return self.finding.error_code or self.check.error_code


@dataclass(frozen=True)
class Verdict:
    """This will say whether a VM may fail over now, and if not, why and what must be done."""

    vm: ProtectedVM
    purpose: Purpose
    facts: Facts
    checks: tuple[Judged, ...]
    execution_time_ns: int

    @property
    def is_ready(self) -> bool:
        """Say whether nothing blocks."""
        return not any(judged.blocks for judged in self.checks)

    @property
    def readiness_score(self) -> float:
        """Give the weighted share of what passed, 0 to 100; warnings count three quarters, skipped checks nothing."""
        total = sum(_WEIGHTS[CheckType(judged.check.check_type)] for judged in self.checks)
        reached = sum(
            _WEIGHTS[CheckType(judged.check.check_type)] * _WORTH[CheckStatus(judged.finding.status)]
            for judged in self.checks
        )
        return round(100.0 * reached / total, 1) if total else 0.0

    @property
    def errors(self) -> tuple[str, ...]:
        """Give what is wrong, in sentences."""
        return _each_once(self.checks, "errors")

    @property
    def warnings(self) -> tuple[str, ...]:
        """Give what is worth knowing, in sentences."""
        return _each_once(self.checks, "warnings")

    @property
    def required_actions(self) -> tuple[str, ...]:
        """Give what must be done, in order."""
        return _each_once(self.checks, "required_actions")

    def blocking(self, *, safety_only: bool) -> tuple[Judged, ...]:
        """Give the findings that block; with `safety_only` those that no request can skip.

        A check that was skipped because the cloud is silent adds nothing to the failed check of the cloud itself.
        """
        found = [judged for judged in self.checks if judged.blocks and (judged.check.safety or not safety_only)]
        failures = [judged for judged in found if judged.finding.status == CheckStatus.FAIL]
        return tuple(failures or found)

    @property
    def blocking_codes(self) -> tuple[str, ...]:
        """Give the error codes of what blocks, most telling first, each once."""
        return codes_of(self.blocking(safety_only=False))


def codes_of(blocking: Sequence[Judged]) -> tuple[str, ...]:
    """Give the error codes of these findings, most telling first, each once."""
    return tuple(sorted({judged.error_code for judged in blocking}, key=_CODE_ORDER.index))


def _each_once(checks: Sequence[Judged], field: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for judged in checks for text in getattr(judged.finding, field)))
