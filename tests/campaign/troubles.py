"""This will bring the troubles of a schedule about: at calls, at commits, and at moments."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from django.db import OperationalError, connection

from cloudstack_simulator import Fault
from tests.campaign.checker import Checker, command_in
from tests.campaign.commits import Commits
from tests.campaign.ground import Set
from tests.campaign.schedule import Schedule, Trouble
from tests.campaign.service import Door
from tests.support.sent_by import SENT_BY
from tests.support.service import WorkerKilled

DATABASE_FAILED = "the database failed here"
Cell = tuple[str, str, str]


@dataclass
class CallsGoWrong(Door):
    """Stands at the cloud's door: processes die or stand still there, and the checker sees every change arrive."""

    stage: Set
    checker: Checker
    planned: list[Trouble]
    cells: Counter[Cell]
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
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
        self._counts[moment, command] += 1
        for trouble in self.planned:
            if (trouble.moment, trouble.command) != (moment, command):
                continue
            if self._counts[moment, command] == trouble.nth:
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
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def strike(self, moment: str, attempt_id: int, step_id: int) -> None:
        """Raise what the schedule wants at this commit."""
        if not self.planned:
            return
        command = _command_of(attempt_id, step_id)
        # A trouble that names no command is meant for the nth attempt of all.
        self._counts[moment, command] += 1
        self._counts[moment, ""] += 1
        for trouble in self.planned:
            is_meant = trouble.moment == moment and trouble.command in {"", command}
            if is_meant and self._counts[moment, trouble.command] == trouble.nth:
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
    _seen: int = 0
    _stage: Set | None = None

    def count_faults(self) -> None:
        """Add what the simulator and the replication engine let happen since the last count."""
        assert self._stage is not None
        fired = self._stage.simulator.faults.fired
        for fault in fired[self._seen :]:
            moment = "read" if fault.command.startswith(("list", "query")) else "call"
            self.cells[fault.kind, fault.command, moment] += 1
        self._seen = len(fired)
        while self._stage.hook.troubled:
            self.cells[self._stage.hook.troubled.pop(), "hook", "hook"] += 1

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self.door.planned.clear()
        self.database.planned.clear()
        self.timed.clear()


def plan(schedule: Schedule, stage: Set, checker: Checker, commits: Commits) -> Planned:
    """Put every trouble where it will happen."""
    cells: Counter[Cell] = Counter()
    at_calls: list[Trouble] = []
    at_commits: list[Trouble] = []
    timed: list[Trouble] = []
    for trouble in schedule.troubles:
        match trouble.moment:
            case "call" | "read":
                stage.simulator.faults.add(_fault(trouble))
            case "before_call" | "after_call":
                at_calls.append(trouble)
            case "hook":
                stage.hook.misbehave(trouble.kind, action=trouble.command, nth=trouble.nth, times=1)  # type: ignore[arg-type]
            case "time":
                timed.append(trouble)
            case _:
                at_commits.append(trouble)
    door = CallsGoWrong(stage, checker, at_calls, cells)
    database = CommitsGoWrong(at_commits, cells)
    stage.service.door = door
    commits.strike = database.strike
    return Planned(door, database, sorted(timed, key=lambda one: one.at), cells, _stage=stage)


def _fault(trouble: Trouble) -> Fault:
    code = 530 if trouble.moment == "read" and trouble.kind == "refuse" else None
    return Fault(
        trouble.command,
        trouble.kind,  # type: ignore[arg-type]
        nth=trouble.nth,
        seconds=trouble.seconds,
        error_code=code,
    )
