"""This will bring the troubles of a schedule about: at calls, at commits, and at moments."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from django.db import OperationalError, connection

from cloudstack_simulator import Fault
from cloudstack_simulator.faults import FaultPlan
from tests.campaign.checker import Checker, command_in
from tests.campaign.commits import Commits
from tests.campaign.ground import Set
from tests.campaign.schedule import Schedule, Trouble
from tests.campaign.service import Door
from tests.support.sent_by import SENT_BY
from tests.support.service import WorkerKilled

DATABASE_FAILED = "the database failed here"
# The command of an operator's answer that was due and found no question yet.
LOOKS_AGAIN = "again"
Cell = tuple[str, str, str]


class CountedFaults(FaultPlan):
    """The faults of a schedule; knows how many calls of each command there were to be hit."""

    def __init__(self) -> None:
        """Have seen no call."""
        super().__init__()
        self.calls: Counter[str] = Counter()

    def strike(self, command: str, *, mutating: bool) -> Fault | None:
        """Count the call, and hit it as planned."""
        self.calls[command] += 1
        return super().strike(command, mutating=mutating)


@dataclass
class CallsGoWrong(Door):
    """Stands at the cloud's door: processes die or stand still there, and the checker sees every change arrive."""

    stage: Set
    checker: Checker
    planned: list[Trouble]
    cells: Counter[Cell]
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _arrivals: list[object] = field(default_factory=list)

    def before(self, form: str) -> None:
        """Go wrong before the call; then note what is so when it arrives."""
        self._strike("before_call", form)
        self._arrivals.append(self.checker.arriving(form))

    def after(self, form: str) -> None:
        """Judge what the call changed; then go wrong after it."""
        arrival = self._arrivals.pop()
        if arrival is not None:
            self.checker.arrived(arrival)  # type: ignore[arg-type]
        self._strike("after_call", form)

    def _strike(self, moment: str, body: str) -> None:
        command = command_in(body)
        self.counts[moment, command] += 1
        for trouble in self.planned:
            if (trouble.moment, trouble.command) != (moment, command):
                continue
            if self.counts[moment, command] == trouble.nth:
                self.planned.remove(trouble)
                self.cells[trouble.kind, command, moment] += 1
                self._go_wrong(trouble)
                return

    def _go_wrong(self, trouble: Trouble) -> None:
        if trouble.kind == "kill":
            raise WorkerKilled
        self.stage.service.stand_still(trouble.seconds, stolen=trouble.kind == "stolen")


@dataclass
class CommitsGoWrong:
    """Stands between service and database."""

    planned: list[Trouble]
    cells: Counter[Cell]
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def strike(self, moment: str, attempt_id: int, step_id: int) -> None:
        """Raise what the schedule wants at this commit."""
        command = _command_of(attempt_id, step_id)
        # A trouble that names no command is meant for the nth attempt of all.
        self.counts[moment, command] += 1
        self.counts[moment, ""] += 1
        for trouble in self.planned:
            is_meant = trouble.moment == moment and trouble.command in {"", command}
            if is_meant and self.counts[moment, trouble.command] == trouble.nth:
                self.planned.remove(trouble)
                self.cells[trouble.kind, command, moment] += 1
                if trouble.kind == "kill":
                    raise WorkerKilled
                raise OperationalError(DATABASE_FAILED)


def _command_of(attempt_id: int, step_id: int) -> str:
    """Give the cloud's command of an attempt's step, read past all that stands between."""
    raw = connection.connection
    query = "SELECT command FROM jobs_step WHERE id = ?"
    if not step_id:
        query = "SELECT command FROM jobs_step WHERE id = (SELECT step_id FROM jobs_stepattempt WHERE id = ?)"
    found = raw.execute(query, (step_id or attempt_id,)).fetchone()
    return SENT_BY.get(found[0], found[0]) if found else "?"


@dataclass
class Planned:
    """All troubles of a schedule, in their places; `cells` counts those that took place."""

    door: CallsGoWrong
    database: CommitsGoWrong
    timed: list[Trouble]
    cells: Counter[Cell]
    faults: CountedFaults
    stage: Set
    _seen: int = 0
    # Each trouble of the cloud as it was planned there.
    _of_cloud: list[tuple[Trouble, Fault]] = field(default_factory=list)

    def add(self, trouble: Trouble) -> None:
        """Put a trouble where it will happen."""
        match trouble.moment:
            case "call" | "read":
                fault = _fault(trouble, after=self.faults.calls[trouble.command])
                self.faults.add(fault)
                self._of_cloud.append((trouble, fault))
            case "before_call" | "after_call":
                self.door.planned.append(trouble)
            case "hook":
                kind, action = trouble.kind, trouble.command
                self.stage.hook.misbehave(kind, action=action, nth=trouble.nth, times=1)  # type: ignore[arg-type]
            case "time":
                self.timed.append(trouble)
                self.timed.sort(key=lambda one: one.at)
            case _:
                self.database.planned.append(trouble)

    def give_up(self) -> list[Trouble]:
        """Drop all that has not happened yet but what the hook is to do; give it."""
        unfired = [one for one, fault in self._of_cloud if not any(fault is other for other in self.faults.fired)]
        due = [one for one in self.timed if one.command == LOOKS_AGAIN]
        dropped = [*unfired, *self.door.planned, *self.database.planned, *(one for one in self.timed if one not in due)]
        self.faults.clear()
        self.door.planned.clear()
        self.database.planned.clear()
        self.timed[:] = due
        return dropped

    def count(self, moment: str, command: str) -> int:
        """Say how many there were so far of what these name."""
        if moment in {"call", "read"}:
            return self.faults.calls[command]
        counts = self.door.counts if moment in {"before_call", "after_call"} else self.database.counts
        return counts[moment, command]

    def chances(self) -> Counter[tuple[str, str]]:
        """Count what there was for troubles to be meant for; the hook counts its own calls."""
        calls = Counter({("call", command): number for command, number in self.faults.calls.items()})
        return calls + self.door.counts + self.database.counts

    def struck(self) -> int:
        """Say how many troubles have taken place by now."""
        self.count_faults()
        return sum(self.cells.values())

    def count_faults(self) -> None:
        """Add what the simulator and the replication engine let happen since the last count."""
        fired = self.faults.fired
        for fault in fired[self._seen :]:
            moment = "read" if fault.command.startswith(("list", "query")) else "call"
            self.cells[fault.kind, fault.command, moment] += 1
        self._seen = len(fired)
        while self.stage.hook.troubled:
            self.cells[self.stage.hook.troubled.pop(), "hook", "hook"] += 1

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self.door.planned.clear()
        self.database.planned.clear()
        self.timed.clear()


def plan(schedule: Schedule, stage: Set, checker: Checker, commits: Commits) -> Planned:
    """Put every trouble where it will happen."""
    cells: Counter[Cell] = Counter()
    stage.simulator.faults = faults = CountedFaults()
    door, database = CallsGoWrong(stage, checker, [], cells), CommitsGoWrong([], cells)
    stage.service.door = door
    commits.strike = database.strike
    planned = Planned(door, database, [], cells, faults, stage)
    for trouble in schedule.troubles:
        planned.add(trouble)
    return planned


def _fault(trouble: Trouble, *, after: int) -> Fault:
    code = 530 if trouble.moment == "read" and trouble.kind == "refuse" else None
    return Fault(
        trouble.command,
        trouble.kind,  # type: ignore[arg-type]
        nth=trouble.nth - after,
        seconds=trouble.seconds,
        error_code=code,
    )
