"""This will play one schedule from its opening to the rest after all trouble, and say what was seen."""

from __future__ import annotations

import random
import traceback
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import connection

from jobs.models import FailoverJob, Question, StepAttempt
from jobs.models.attempt import UNFINISHED_ATTEMPTS
from tests.campaign.branches import Branches, end_copy
from tests.campaign.checker import Checker, Violation
from tests.campaign.commits import Commits
from tests.campaign.ends import judge_ends
from tests.campaign.ground import Ground, Set
from tests.campaign.hands import Hands
from tests.campaign.lighter import lighten
from tests.campaign.schedule import Passed, Schedule, drawn_further
from tests.campaign.service import Door, NeverRests
from tests.campaign.troubles import Cell, plan
from tests.support.sent_by import SENT_BY
from tests.support.service import WorkerKilled

# Questions about what became of a call: reading might have answered them. The others are decisions for a person.
OF_FACT = frozenset({"unclear", "unseen_success", "endless_job", "foreign_job_id"})
_MOST_ANSWERS = 30
# In so large a share of the schedules what did not succeed is tried again when all trouble is over.
_TRIED_AGAIN = 0.3


@dataclass
class Played:
    """What came of a schedule; `violation` is empty when every invariant held at every moment."""

    schedule: Schedule
    violation: str = ""
    invariant: str = ""
    events: int = 0
    kills: int = 0
    leaks: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    stops: Counter[str] = field(default_factory=Counter)
    avoidable: list[str] = field(default_factory=list)
    cells: Counter[Cell] = field(default_factory=Counter)
    # How often there was what a trouble may be meant for, while there was trouble: moments with their commands.
    chances: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def faults(self) -> int:
        """Give how many troubles took place."""
        return sum(self.cells.values())


class Player:
    """Plays schedules one after the other in this process."""

    def __init__(self) -> None:
        """Set the ground."""
        self.ground = Ground()
        self.commits = Commits()
        lighten()

    def play(self, schedule: Schedule) -> Played:
        """Play one and give what was seen."""
        return self._play(schedule, Branches(schedule.seed, ()))

    def play_branches(self, schedule: Schedule, widths: tuple[int, ...]) -> list[Played]:
        """Play one and the ways that branch off from it; give what was seen on each."""
        branches: Branches[Played] = Branches(schedule.seed, widths)
        try:
            return branches.found(self._play(schedule, branches))
        finally:
            if branches.is_copy:
                end_copy(1)  # Something ended it that is none of a play's endings: the others are not its business.

    def play_path(self, schedule: Schedule, path: tuple[int, ...]) -> Played:
        """Play the one branch that this path leads to."""
        return self._play(schedule, Branches(schedule.seed, (), follow=path))

    def _play(self, schedule: Schedule, branches: Branches[Played]) -> Played:
        self.commits.forget()
        stage = self.ground.open(schedule.opening, seed=schedule.seed)
        game = _Game(schedule, stage, Checker(stage, stage.before), self.commits, branches)
        try:
            game.run()
        except Violation as violation:
            game.seen.violation, game.seen.invariant = str(violation), violation.invariant
        except NeverRests as error:
            game.seen.violation, game.seen.invariant = str(error), "I19"
        except (AssertionError, LookupError, RuntimeError, TypeError, ValueError) as error:
            # Not the service's isolation point but a verb, or the campaign itself: either is to be looked at.
            game.seen.violation, game.seen.invariant = "".join(traceback.format_exception(error)), "unforeseen"
        finally:
            self.commits.forget()
            stage.service.door = Door()
            while connection.in_atomic_block or connection.savepoint_ids:
                raise AssertionError("a schedule left a transaction open")
        return game.summed_up()


class _Game:
    def __init__(
        self, schedule: Schedule, stage: Set, checker: Checker, commits: Commits, branches: Branches[Played]
    ) -> None:
        self.seen = Played(schedule)
        self._branches = branches
        self._stage, self._checker = stage, checker
        self._chance = random.Random(schedule.seed + 1)
        self._planned = plan(schedule, stage, checker, commits)
        now = stage.simulator.clock.now()
        self._hands = Hands(stage, checker, self._planned, self._chance, began_at=now)
        self._newest_question = 0
        self._hook_calls_before = len(stage.hook.calls)
        self._is_troubled = True

    def run(self) -> None:
        """Play with trouble until nothing moves, then without, answering what is asked; judge the ends."""
        service = self._stage.service
        service.play(until=lambda: service.is_quiet() and self._hands.next_at() is None, each=self._each)
        self._stop_trouble()
        self._come_to_rest()
        self.seen.leaks = judge_ends(self._stage, self._checker)
        if self._chance.random() < _TRIED_AGAIN and self._hands.try_again():
            self._come_to_rest()
            self.seen.leaks = judge_ends(self._stage, self._checker)

    def _come_to_rest(self) -> None:
        service = self._stage.service
        for _ in range(_MOST_ANSWERS):
            service.play(until=service.is_quiet, each=self._each)
            self._end_the_endless()
            if not self._hands.answer_one(self._chance.randrange(1000)) and not self._end_a_window():
                return

    def summed_up(self) -> Played:
        """Add the counts."""
        self._planned.count_faults()
        self.seen.cells = self._planned.cells
        self.seen.events = self._checker.events
        self.seen.kills = self._stage.service.deaths
        for job in FailoverJob.objects.all():
            self.seen.ends[f"{job.job_type} {job.outcome or job.state}"] += 1
        return self.seen

    def _each(self) -> float | None:
        self._hands.do_due()
        jobs = self._checker.after_event()
        if any(row[8] for row in jobs):
            self._note_questions()
        if self._is_troubled and self._branches.is_due(self._planned.struck()) and not self._stage.service.is_quiet():
            self._part()
        return self._hands.next_at()

    def _part(self) -> None:
        """Go on in several ways: the first as planned, each other with troubles of its own."""
        if self._branches.part(self._planned.struck()) == 0:
            self.seen.schedule = replace(self.seen.schedule, path=self._branches.path)
            return
        dropped = self._planned.give_up()
        passed = Passed(self._stage.simulator.clock.now() - self._hands.began_at, self._planned.count)
        name = replace(self.seen.schedule, path=self._branches.path).name
        further = drawn_further(name, self._stage.opening, passed)
        for trouble in further:
            self._planned.add(trouble)
        kept = [one for one in self.seen.schedule.troubles if not any(one is other for other in dropped)]
        self.seen.schedule = replace(self.seen.schedule, path=self._branches.path, troubles=(*kept, *further))

    def _stop_trouble(self) -> None:
        simulator = self._stage.simulator
        self._is_troubled = False
        self._planned.count_faults()
        self.seen.chances = self._planned.chances()
        hook_calls = self._stage.hook.calls[self._hook_calls_before :]
        self.seen.chances.update(("hook", action) for action, _ in hook_calls)
        simulator.faults.clear()
        self._stage.hook.behave()
        self._planned.clear()
        self._hands.stop()

    def _end_the_endless(self) -> None:
        """What never ends is ended by the cloud's administrator, as the question asks him to."""
        simulator = self._stage.simulator
        simulator.advance()
        if any(_never_ends(simulator.cloud.world.jobs[key]) for key in simulator.cloud.world.unfinished):
            simulator.restart_management_server()
            self._planned.cells["administrator", "-", "time"] += 1

    def _end_a_window(self) -> bool:
        job = FailoverJob.objects.filter(state="window_open").order_by("pk").first()
        if job is None:
            return False
        try:
            self._stage.service.clean_up(job)
        except WorkerKilled:
            self._stage.service.die()
        return True

    def _note_questions(self) -> None:
        for question in Question.objects.filter(pk__gt=self._newest_question).order_by("pk"):
            self._newest_question = question.pk
            self.seen.stops[question.kind] += 1
            if question.kind in OF_FACT and self._could_be_read(question):
                self.seen.avoidable.append(f"{question.kind}: {question.text[:160]}")

    def _could_be_read(self, question: Question) -> bool:
        """Say whether record and hypervisor agreed, no job was unfinished and no request could still arrive."""
        if question.step is None or question.step.command not in SENT_BY:
            return False
        if self._checker.touched:
            return False  # What somebody else did, and what shall become of it, can be read nowhere.
        world = self._stage.simulator.cloud.world
        if world.unfinished or any(
            not timer.removed and timer.what in {"host", "call"} for timer in world.timers.values()
        ):
            return False
        now = self._stage.service.clock.now()
        open_attempts = StepAttempt.objects.filter(state__in=UNFINISHED_ATTEMPTS, step=question.step)
        if any(attempt.deadline > now for attempt in open_attempts):
            return False
        return all(_layers_agree(self._checker, volume_id) for volume_id in self._checker.replicas)


def _never_ends(job: Any) -> bool:
    return job.started is not None and job.ends is None


def _layers_agree(checker: Checker, volume_id: str) -> bool:
    volume = checker.world.volumes[volume_id]
    machine = checker.world.machines.get(volume.vm_id or "")
    return volume.holders == ([machine.id] if machine is not None and machine.running else [])
