"""This will measure how long jobs stand still after the service was killed and started again."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.processes.journal import Journal, Mark


@dataclass
class Recovery:
    """Follows the jobs that moved when the service died, from its new start until each has gone on.

    A job whose rows name what it waits for (a moment to come, another job's resource) stands still rightly: its time
    counts from the end of that wait.
    """

    journal: Journal
    at_death: dict[int, Mark]
    seconds: float = 0.0
    slowest: int | None = None
    _since: dict[int, float] = field(default_factory=dict)

    def begin(self) -> None:
        """Start the clock of every job; call it when the new process was started."""
        now = time.monotonic()
        self._since = dict.fromkeys(self.at_death, now)

    def look(self) -> None:
        """Strike off the jobs that went on; a job that ended or asks a person has gone on too."""
        if not self._since:
            return
        marks = self.journal.marks()
        waits = self.journal.waits(now=datetime.now(tz=UTC))
        now = time.monotonic()
        for pk in list(self._since):
            if marks.get(pk) != self.at_death[pk]:
                self._note(pk, now - self._since.pop(pk))
            elif pk in waits:
                self._since[pk] = now

    def close(self) -> int:
        """End the measurement; give how many jobs had no time to go on."""
        now = time.monotonic()
        for pk, since in self._since.items():
            self._note(pk, now - since)
        left = len(self._since)
        self._since.clear()
        return left

    @property
    def is_over(self) -> bool:
        """Tell whether every job has gone on."""
        return not self._since

    def _note(self, pk: int, seconds: float) -> None:
        if seconds >= self.seconds:
            self.seconds, self.slowest = seconds, pk
