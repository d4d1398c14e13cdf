"""This will refuse a failover with the findings that forbid it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from validation.rendering import validation_result
from validation.verdict import Judged, Verdict, codes_of

# The contract's words for a start that a replication forbids; which one it is stands in `blocking_job`.
_MIGRATING = "VM has active migration jobs - cannot perform failover"
_WAIT_FOR_MIGRATION = ("Wait for active migration to complete", "Cancel active migration job")


class NotReady(Exception):
    """This will say why a VM may not fail over now; `error_code` is the most telling of the blocking codes."""

    message = "Validation failed"

    def __init__(self, *, verdict: Verdict, blocking: Sequence[Judged]) -> None:
        self.verdict = verdict
        self.blocking = tuple(blocking)
        self.error_code = codes_of(blocking)[0]
        super().__init__("; ".join(_each_once(_reasons(judged) for judged in blocking)))
        self.required_actions = _each_once(_actions(judged) for judged in blocking)

    @property
    def extra(self) -> dict[str, Any]:
        """Give the further fields of the API's answer: the findings, in readiness' shape, and the job in the way."""
        jobs = [judged.finding.details["active_job_id"] for judged in self.blocking if _job_kind(judged)]
        found = {"validation_result": validation_result(self.verdict)}
        return {**found, "blocking_job": jobs[0]} if jobs else found


class CloudUnread(Exception):
    """This will say that the answer lies in the target cloud, and that the cloud did not tell."""

    def __init__(self, *, reason: str, error_code: str, required_actions: Sequence[str]) -> None:
        self.error_code = error_code
        self.required_actions = tuple(required_actions)
        super().__init__(reason)


def _reasons(judged: Judged) -> tuple[str, ...]:
    match _job_kind(judged):
        case "migration":
            return (_MIGRATING,)
        case "failover":
            job_id = judged.finding.details["active_job_id"]
            return (f"VM has active failover jobs - cannot perform failover: {job_id}", *judged.finding.errors)
    return judged.finding.errors or (judged.finding.message,)


def _actions(judged: Judged) -> tuple[str, ...]:
    return _WAIT_FOR_MIGRATION if _job_kind(judged) == "migration" else judged.finding.required_actions


def _job_kind(judged: Judged) -> str | None:
    """Give what kind of job is in the way, None where the finding is about something else."""
    kind = judged.finding.details.get("job_kind")
    return str(kind) if kind else None


def _each_once(texts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for some in texts for text in some))
