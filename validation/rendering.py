"""This will put a verdict into the contract's words."""

from __future__ import annotations

from typing import Any

from validation.verdict import Judged, Verdict

NO_ESTIMATE = "Cannot estimate - validation failed"
USUAL_DURATION = "5-8 minutes"


def readiness(verdict: Verdict) -> dict[str, Any]:
    """Give the body of a readiness answer."""
    return {
        "message": "VM failover readiness validation completed",
        "is_valid": verdict.is_ready,
        "readiness_score": verdict.readiness_score,
        "validation_result": validation_result(verdict),
        "required_actions": list(verdict.required_actions),
    }


def validation_result(verdict: Verdict) -> dict[str, Any]:
    """Give the contract's `validation_result`; times are nanoseconds."""
    return {
        "vm_id": verdict.vm.vm_id,
        "is_ready": verdict.is_ready,
        "readiness_score": verdict.readiness_score,
        "estimated_duration": USUAL_DURATION if verdict.is_ready else NO_ESTIMATE,
        "checks": [check_row(judged) for judged in verdict.checks],
        "warnings": list(verdict.warnings),
        "errors": list(verdict.errors),
        "execution_time": verdict.execution_time_ns,
    }


def check_row(judged: Judged) -> dict[str, Any]:
    """Give one element of `checks`."""
    shown: dict[str, Any] = {
        "check_name": judged.check.name,
        "check_type": judged.check.check_type.value,
        "status": judged.finding.status.value,
        "message": judged.finding.message,
        "execution_time": judged.execution_time_ns,
    }
    if judged.finding.details:
        shown["details"] = dict(judged.finding.details)
    return shown
