"""This will drive the whole service as the real keeper does, with processes that die, stand still and come back."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError, connection

from cloudstack import Answer, Line
from jobs.engine import leases
from jobs.engine.advance import advance
from jobs.engine.sweeper import sweep
from jobs.engine.watcher import ROLE
from jobs.models import ProcessLease
from jobs.window_ends import heed_rollback_windows
from tests.support.service import LOOKS, WINDOWS, Service, WorkerKilled
from tests.support.simulator_line import SimulatorLine

BEAT_SECONDS = 5.0
SWEEP_SECONDS = 0.5
# A schedule that does not come to rest in so many rounds never will (invariant 19).
MOST_ROUNDS = 1500
_MOVING = """
SELECT count(*) FROM jobs_failoverjob j
WHERE (j.state IN ('queued', 'running') OR (j.state = 'window_open' AND j.cleanup_requested_at IS NOT NULL)) AND NOT (
  EXISTS (SELECT 1 FROM jobs_step s JOIN jobs_plan p ON p.id = s.plan_id JOIN jobs_reservation r
          ON r.resource = s.waiting_for JOIN jobs_failoverjob o ON o.id = r.job_id
          WHERE p.job_id = j.id AND p.state = 'running' AND s.state = 'waiting' AND o.state = 'waiting_for_operator')
  AND NOT EXISTS (SELECT 1 FROM jobs_stepattempt a JOIN jobs_step s ON s.id = a.step_id JOIN jobs_plan p
                  ON p.id = s.plan_id WHERE p.job_id = j.id AND a.state NOT IN ('done', 'not_done'))
  AND NOT EXISTS (SELECT 1 FROM jobs_step s JOIN jobs_plan p ON p.id = s.plan_id WHERE p.job_id = j.id
                  AND p.state = 'running' AND s.state = 'waiting' AND s.not_before IS NOT NULL AND s.waiting_for = ''))
"""


class NeverRests(Exception):
    """The service went on and on."""


class Door:
    """What stands at the door of the cloud: told before and after each request, it may raise or make time pass."""

    def before(self, form: str) -> None:
        """Be told of a request that is about to be sent."""

    def after(self, form: str) -> None:
        """Be told of a request that was answered (or whose answer was lost)."""


class LineThroughDoor(SimulatorLine):
    """Passes calls on through the door."""

    def __init__(self, service: PlayedService) -> None:
        """Serve this service."""
        super().__init__(service.simulator)
        self._service = service

    def post(self, form: bytes, *, timeout: float, max_answer_bytes: int) -> Answer:
        """Let the door know, send, and let it know again."""
        text = form.decode()
        self._service.door.before(text)
        try:
            return super().post(form, timeout=timeout, max_answer_bytes=max_answer_bytes)
        finally:
            self._service.door.after(text)


class PlayedService(Service):
    """A service whose rounds look after heartbeat, role and sweep as often as the keeper, in virtual time."""

    door: Door = Door()
    deaths: int = 0
    # Whether a job has a window for its way back, whose end is awaited.
    rollback_windows: bool = False
    rounds: int = 0

    def use_chance(self, chance: random.Random) -> None:
        """Draw async job ids from here; begin a process with them."""
        self._ids = lambda: str(uuid.UUID(int=chance.getrandbits(128), version=4))
        self.start_process()

    def start_process(self) -> None:
        """Begin a process that has not beaten yet."""
        super().start_process()
        self._beaten_at = self._swept_at = self._asked_role_at = float("-inf")
        self._watches = False

    def _new_line(self) -> Line:
        return LineThroughDoor(self)

    def play(self, *, until: Callable[[], bool], each: Callable[[], float | None]) -> None:
        """Drive until it says so; `each` is called after every round and may name a moment to wake at."""
        stepped = self.clock.stepped
        while True:
            self.one_round()
            wake = each()
            if until():
                return
            if self.bell.rings:
                continue
            step = self._seconds_to_next_event()
            if wake is not None:
                step = min(step, max(wake - stepped.now(), 0.0) + 0.001)
            stepped.advance(step)

    def one_round(self) -> None:
        """Do one round; whatever the parts of a process raise ends that process, and the next one begins."""
        self.rounds += 1
        if self.rounds > MOST_ROUNDS:
            raise NeverRests(f"after {MOST_ROUNDS} rounds jobs still move:\n{self.describe()}")
        try:
            self._keep()
            while self.bell.rings:
                job_id, phase = self.bell.rings.popleft()
                advance(self.engine, job_id=job_id, phase=phase)
        except (WorkerKilled, DatabaseError):
            self.die()

    def _one_round(self) -> None:
        self.one_round()

    def die(self) -> None:
        """End the process as a power cut would; its host knows at once that it is gone."""
        self.deaths += 1
        if connection.in_atomic_block:
            raise AssertionError("a process died inside a transaction that goes on")
        ProcessLease.objects.filter(owner=self.engine.owner).update(process_start="gone")
        self.start_process()

    def _keep(self) -> None:
        now = self.clock.stepped.now()
        if now >= self._beaten_at + BEAT_SECONDS:
            leases.beat(self.engine)
            self._beaten_at = now
        if now >= self._asked_role_at + (BEAT_SECONDS if self._watches else 1.0):
            self._watches = leases.take_role(self.engine, role=ROLE)
            self._asked_role_at = now
        if not self._watches:
            return
        self.watcher.watch_once()
        if now >= self._swept_at + SWEEP_SECONDS:
            sweep(self.engine)
            if self.rollback_windows:
                heed_rollback_windows(self.engine)
            self._swept_at = now

    def stand_still(self, seconds: float, *, stolen: bool) -> None:
        """Let this process stand still inside a call, while another one works for so long; `stolen` ends its lease."""
        kept = self.__dict__.copy()
        if stolen:
            past = self.clock.now() - timedelta(seconds=1)
            ProcessLease.objects.filter(owner=self.engine.owner).update(valid_until=past)
        self.start_process()
        end = self.clock.stepped.now() + seconds
        try:
            while self.clock.stepped.now() < end:
                self.one_round()
                if not self.bell.rings:
                    step = min(self._seconds_to_next_event(), end - self.clock.stepped.now() + 0.001)
                    self.clock.stepped.advance(max(step, 0.001))
        finally:
            for name in ("engine", "watcher", "_beaten_at", "_swept_at", "_asked_role_at", "_watches"):
                setattr(self, name, kept[name])

    def _seconds_to_next_event(self) -> float:
        """Do as the service of the stories, with a statement that is not built anew for every round."""
        now = self.clock.stepped.now()
        moments: list[float] = [moment.timestamp() for (moment,) in LOOKS.values()]
        if self.rollback_windows:
            moments += [moment.timestamp() for (moment,) in WINDOWS.values()]
        moments += [moment for moment in (self.watcher.next_look_at(), self.simulator.next_event_at()) if moment]
        later = [moment - now for moment in moments if moment > now]
        return min([*later, self.longest_step]) + 0.001

    def is_quiet(self) -> bool:
        """Whether no job can move without a person: what a job queues for may be what another one asks about."""
        return _one_number(_MOVING) == 0 and not (self.rollback_windows and WINDOWS.values())


def _one_number(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])
