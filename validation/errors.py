"""This will refuse a failover with the findings that forbid it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from validation.rendering import validation_result
from validation.verdict import Judged, Verdict, codes_of


class NotReady(Exception):
    """This will say why a VM may not fail over now; `error_code` is the most telling of the blocking codes."""

    message = "Validation failed"

    def __init__(self, *, verdict: Verdict, blocking: Sequence[Judged]) -> None:
        self.verdict = verdict
        self.blocking = tuple(blocking)
        self.error_code = codes_of(blocking)[0]
        reasons = [text for judged in blocking for text in judged.finding.errors or (judged.finding.message,)]
        super().__init__("; ".join(dict.fromkeys(_headline(blocking) + reasons)))
        self.required_actions = tuple(
            dict.fromkeys(action for judged in blocking for action in judged.finding.required_actions)
        )

    @property
    def extra(self) -> dict[str, Any]:
        """Give the further fields of the API's answer: the findings, in readiness' shape."""
        return {"validation_result": validation_result(self.verdict)}


class CloudUnread(Exception):
    """This will say that the answer lies in the target cloud, and that the cloud did not tell."""

    def __init__(self, *, reason: str, error_code: str, required_actions: Sequence[str]) -> None:
        self.error_code = error_code
        self.required_actions = tuple(required_actions)
        super().__init__(reason)


def _headline(blocking: Sequence[Judged]) -> list[str]:
    """Give the contract's sentence for active jobs, with the job's id."""
    for judged in blocking:
        if judged.error_code == "ACTIVE_JOBS" and "active_job_id" in judged.finding.details:
            kind, job_id = judged.finding.details["job_kind"], judged.finding.details["active_job_id"]
            return [f"VM has active {kind} jobs - cannot perform failover: {job_id}"]
    return []
