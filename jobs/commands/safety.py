"""This will repeat the safety checks of the start as the first step of the plan: the world may have changed since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jobs.commands.base import CommandBase
from jobs.engine.contracts import Absent, Already, Answer, Finished, Guarded, Refuse, Sight, Ticket
from jobs.world import World


@dataclass(frozen=True)
class CheckSafety(CommandBase):
    """Read the safety checks again; nothing is sent."""

    name: ClassVar[str] = "check_safety"

    vm_id: str

    def title(self) -> str:
        """Say what is done."""
        return "Check again that the failover is safe"

    def touches(self) -> tuple[str, ...]:
        """Touch nothing."""
        return ()

    def guard(self, world: World) -> Guarded:
        """Refuse with all findings, or pass."""
        findings = world.findings()
        return Refuse(" ".join(findings)) if findings else Already({}, seen="all safety checks passed")

    def submit(self, world: World, ticket: Ticket) -> Answer:
        """Send nothing: the guard is the whole step."""
        return Finished()

    def confirm(self, world: World) -> Sight:
        """Say that there is nothing to read."""
        return Absent("nothing to read")
