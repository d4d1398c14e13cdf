"""This will kill the running service at random moments of many failovers and judge what became of every one.

Run it as `python -m tests.processes.kills --kills 50 --jobs 50 --seed 1`: it prints one JSON summary and ends with
status 1 when anything is wrong.
"""

from __future__ import annotations

import math
import random
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.processes.dose import Dose, run_from_command_line
from tests.processes.ground import Ground, installation, use_test_settings
from tests.processes.journal import JobRecord
from tests.processes.judging import World, judge, unannounced
from tests.processes.programs import START_SECONDS, NotReady, ProgramEnded
from tests.processes.recovery import Recovery
from tests.processes.waiting import NeverCame, wait_until

# After a new start every job goes on by itself within this many seconds.
GOES_ON_WITHIN = 20.0
# A lost deploy is known to be over after its fence, the skew and its create phase; a retry or two may follow.
ENDS_WITHIN = 240.0
STARTED_WITHIN = 120.0
# Every fifth kill hits a service that is still starting.
EARLY_SHARE = 0.2
START_TAKES = 2.0
# Every third new start is followed until the last job has gone on.
PATIENT_SHARE = 0.34
WAVE = 3


@dataclass
class Starter:
    """Starts failovers in small waves, by HTTP, whether or not the service is alive at the moment."""

    ground: Ground
    order: list[str]
    allowed: int = 0
    started: int = 0
    complaints: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Start one VM after the other until all are taken on."""
        for vm_id in self.order:
            while self.started >= self.allowed and self.ground.journal.moving() > 0:
                if self.stop.wait(0.1):
                    return
            if not self._start(vm_id):
                return
            self.started += 1

    @property
    def is_done(self) -> bool:
        """Tell whether every VM's failover was taken on."""
        return self.started == len(self.order)

    def _start(self, vm_id: str) -> bool:
        began = time.monotonic()
        said = "nothing"
        while not self.stop.is_set():
            # An answer may be lost with the service: the journal says whether the job was taken on.
            if self.ground.journal.has_job_of(vm_id):
                return True
            if time.monotonic() - began > STARTED_WITHIN:
                self.complaints.append(f"{vm_id} was not taken on within {STARTED_WITHIN:.0f} s; last answer: {said}")
                return False
            said = self._ask(vm_id) or said
            self.stop.wait(0.1)
        return False

    def _ask(self, vm_id: str) -> str:
        try:
            answer = self.ground.post("failover/live", {"vm_id": vm_id})
        except requests.RequestException:
            return ""
        return "" if answer.ok else answer.text[:500]


@dataclass
class Campaign:
    """Kills and starts again, and keeps what was seen."""

    ground: Ground
    dose: Dose
    recoveries: list[float] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)
    moving_at_kills: list[int] = field(default_factory=list)
    cut_off_calls: int = 0
    cut_short: int = 0
    recovery: Recovery | None = None

    def run(self) -> dict[str, Any]:
        """Carry out the dose, wait for the end of every job, judge, and give the summary."""
        before = World.of(self.ground.world())
        calls_before = self.ground.calls()
        chance = random.Random(self.dose.seed)
        order = chance.sample(self.ground.vm_ids, self.dose.jobs)
        began = time.monotonic()
        starter = Starter(self.ground, order)
        thread = threading.Thread(target=starter.run, name="starter", daemon=True)
        thread.start()
        try:
            self._carry_out(chance, starter)
        except (ProgramEnded, NotReady, NeverCame) as broken:
            self.wrongs.append(f"{type(broken).__name__}: {broken}")
        finally:
            starter.stop.set()
            thread.join(30)
        self.wrongs += starter.complaints
        return self._judged(before, calls_before, wall=time.monotonic() - began)

    def _carry_out(self, chance: random.Random, starter: Starter) -> None:
        for number in range(self.dose.kills):
            starter.allowed = _allowed(self.dose, kills_done=number)
            self._live(chance, starter)
            if starter.is_done and not self.ground.journal.moving():
                self.wrongs.append(f"only {number} of {self.dose.kills} kills found a job to hit")
                break
            self._kill()
        starter.allowed = self.dose.jobs
        self.ground.service.wait_until_ready()
        self._follow(lambda: starter.is_done, within=STARTED_WITHIN, what="all failovers are taken on")
        self._follow(lambda: not self.ground.journal.moving(), within=ENDS_WITHIN, what="all jobs end")
        self._end_measure()

    def _live(self, chance: random.Random, starter: Starter) -> None:
        """Let the service live until a random moment: of its start, or of its work on at least one job."""
        service, journal = self.ground.service, self.ground.journal
        if chance.random() < EARLY_SHARE:
            delay = chance.uniform(0.0, START_TAKES)
        else:
            delay = chance.uniform(0.0, 2.0 + self.dose.job_seconds)
            self._follow(lambda: service.address() is not None, within=START_SECONDS, what="the service listens")
            self._follow(lambda: journal.moving() > 0 or starter.is_done, within=STARTED_WITHIN, what="a job moves")
        end = time.monotonic() + delay
        self._follow(lambda: time.monotonic() >= end, within=delay + 5.0, what="the moment of the kill")
        if chance.random() < PATIENT_SHARE:
            # Kills in quick succession could hide a job that stands still: some are followed to the end.
            self._follow(self._all_went_on, within=GOES_ON_WITHIN * 3, what="every job went on after a new start")
        self._end_measure()

    def _kill(self) -> None:
        """Kill it, see what it left unsaid, and start it again at once."""
        service, journal = self.ground.service, self.ground.journal
        service.kill()
        self.cut_off_calls += journal.intents()
        self.recovery = Recovery(journal, journal.marks())
        self.moving_at_kills.append(len(self.recovery.at_death))
        service.start()
        self.recovery.begin()

    def _follow(self, condition: Callable[[], bool], *, within: float, what: str) -> None:
        def held() -> bool:
            self.ground.service.demand_life()
            if self.recovery is not None:
                self.recovery.look()
            return condition()

        wait_until(held, within=within, what=what, every=0.05)

    def _all_went_on(self) -> bool:
        return self.recovery is None or self.recovery.is_over

    def _end_measure(self) -> None:
        recovery, self.recovery = self.recovery, None
        if recovery is None or not recovery.at_death:
            return
        self.cut_short += recovery.close()
        self.recoveries.append(recovery.seconds)
        if recovery.seconds > GOES_ON_WITHIN:
            self.wrongs.append(f"job {recovery.slowest} stood still for {recovery.seconds:.1f} s after a new start")

    def _judged(self, before: World, calls_before: Mapping[str, int], *, wall: float) -> dict[str, Any]:
        ground = self.ground
        jobs, calls = ground.journal.jobs(), ground.calls()
        calls = {command: number - calls_before.get(command, 0) for command, number in calls.items()}
        self.wrongs += judge(before=before, after=World.of(ground.world()), jobs=jobs)
        self.wrongs += unannounced(calls=calls, attempts=ground.journal.attempts_by_command())
        if len(jobs) != self.dose.jobs:
            self.wrongs.append(f"{len(jobs)} jobs in the journal, {self.dose.jobs} were asked for")
        return {
            "name": "kills",
            **asdict(self.dose),
            "kills_done": len(self.moving_at_kills),
            "jobs_moving_at_kills": sum(self.moving_at_kills),
            "calls_cut_off": self.cut_off_calls,
            "goes_on_within_s": _spread(self.recoveries),
            "not_measured": self.cut_short,
            "ends": dict(Counter(end_of(job) for job in jobs)),
            "questions": [job.question_texts for job in jobs if job.questions],
            "failures": [job.error_message for job in jobs if job.error_message],
            "calls_per_job": round(sum(calls.values()) / max(1, len(jobs)), 1),
            "wall_s": round(wall, 1),
            "wrong": self.wrongs,
        }


def end_of(job: JobRecord) -> str:
    """Name the end of a job: how it finished, or that it asks."""
    return job.outcome or ("asks" if job.questions else job.state)


def _allowed(dose: Dose, *, kills_done: int) -> int:
    """Give how many jobs may have been started by this kill: they are spread over all kills, in small waves."""
    wave = min(WAVE, dose.jobs)
    due = math.ceil((kills_done + 1) * dose.jobs / dose.kills)
    return min(dose.jobs, math.ceil(due / wave) * wave + wave)


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    if not seconds:
        return {}
    return {"median": round(statistics.median(seconds), 2), "max": round(max(seconds), 2)}


def run(dose: Dose, directory: Path) -> dict[str, Any]:
    """Run a campaign in a directory of its own and give its summary; `wrong` is empty when all is right."""
    with installation(directory, machines=dose.jobs, job_seconds=dose.job_seconds) as ground:
        return Campaign(ground, dose).run()


def main(arguments: list[str] | None = None) -> int:
    """Run one campaign from the command line."""
    return run_from_command_line(
        run, program="tests.processes.kills", words="Kill the service and judge the end.", jobs=50, arguments=arguments
    )


if __name__ == "__main__":
    use_test_settings()
    raise SystemExit(main())
