"""This will name what the doors of the inventory refuse; `error_code` is the API's code for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from inventory.intake.reports import Refusal


class VMNotFound(Exception):
    """This will say that no protected VM has the id."""

    error_code: ClassVar[str] = "VM_NOT_FOUND"

    def __init__(self, vm_id: str) -> None:
        super().__init__(f"There is no protected VM {vm_id}")


class DocumentRefused(Exception):
    """This will say why the document of a VM was not taken: wrong in itself, or not while a failover holds the VM."""

    message: ClassVar[str] = "VM document refused"

    def __init__(self, refused: Sequence[Refusal]) -> None:
        is_busy = all(refusal.busy for refusal in refused)
        self.error_code = "ACTIVE_JOBS" if is_busy else "INVALID_REQUEST"
        self.required_actions = (
            ["Wait for the failover to finish, or cancel it; the progress of syncs is taken meanwhile"]
            if is_busy
            else ["Correct the fields that the error names"]
        )
        shown = [{"where": item.where, "field": item.field, "reason": item.reason} for item in refused]
        self.extra = {"refused": shown}
        super().__init__("; ".join(str(refusal) for refusal in refused))
