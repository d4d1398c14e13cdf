"""Know which of CloudStack's errors mean that nothing was started: one closed table, each row tested."""

from __future__ import annotations

from cloudstack.errors import CallError
from cloudstack.outcomes import Failure, Lost, NotSent, Refused
from cloudstack.transport import CallFailed

REFUSED_BEFORE_START = {
    401: "the signature, the key or its expiry was not accepted",
    429: "too many calls; the limit is checked before the command is looked at",
    430: "a malformed parameter",
    431: "a parameter or a state that the command does not allow",
    432: "the role of the key lacks this API",
    531: "no permission for the resource",
    532: "a resource limit of the account",
    533: "not enough capacity",
    534: "a resource is not available",
    535: "an allocation limit",
}
MAINTENANCE_CODE = 503
MAINTENANCE_TEXT = "Maintenance or Shutdown has been initiated"
# The ticket's id is used once, so "already exists" means that this very request came twice and the first may run.
SENT_TWICE_TEXT = "already exists so can't create/update with custom id"


def failure_of(failed: CallFailed) -> Failure:
    """Say what became of a mutating call that gave no result. Whatever is not surely nothing is Lost."""
    if failed.stage == "not_sent":
        return NotSent(failed.error)
    if failed.stage == "error_answer" and is_refusal(failed.error):
        return Refused(failed.error)
    return Lost(failed.error)


def is_refusal(error: CallError) -> bool:
    """See whether CloudStack's own error says that it did not take the command."""
    if error.error_code is None or error.error_code != error.http_status:
        return False
    if SENT_TWICE_TEXT in error.text:
        return False
    if error.error_code == MAINTENANCE_CODE:
        return MAINTENANCE_TEXT in error.text
    return error.error_code in REFUSED_BEFORE_START


def speaks_of_nothing_there(error: CallError, *, parameter: str) -> bool:
    """See whether CloudStack says that what the id in `parameter` names does not exist (the ids are uuids already)."""
    return (
        error.error_code == 431
        and f"Invalid parameter {parameter} value=" in error.text
        and "or entity does not exist" in error.text
    )
