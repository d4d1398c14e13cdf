"""This will keep jobs moving by heartbeat, watcher, sweeper and probes, alone (`watch`) or in the embedded service."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import close_old_connections
from django.db.models import Q

from audit.guards import make_guards, missing_guards
from audit.recording import record_event
from audit.sealing import MOST_AT_ONCE, Sealer
from inventory.models import TargetCloud
from inventory.probing import keep_doubt, probe_cloud
from inventory.secrets import SecretUnreadable
from inventory.tallies.counting import flush_forever
from jobs.audit_trail import SEALER, TimelineSealer
from jobs.engine import leases
from jobs.engine.crew import QuestionsSideBySide, RoundsSideBySide
from jobs.engine.ports import Engine
from jobs.engine.sweeper import sweep, tidy
from jobs.engine.watcher import ROLE, Watcher
from jobs.generation.guard import GenerationGuard, keep_marks, paused_reason
from jobs.models import PulsePart
from jobs.pulses import note_round, send_canary_when_due
from jobs.runtime import Gateways
from jobs.verification.periodic import look_when_due
from jobs.volume_maps import map_open_questions
from jobs.window_ends import heed_rollback_windows
from notifications.deliveries import Deliverer
from notifications.sending import Sender

log = structlog.get_logger(__name__)

# Between two rounds: never shorter than this, and never longer, since the database tells of what others submitted.
SHORTEST_SECONDS = 0.01
LONGEST_SECONDS = 0.2
# So many clouds are watched at once, each by so many questions at once; a silent one keeps its place for a time-out.
MOST_CLOUDS = 16
MOST_QUESTIONS = 4
# The watcher's role is renewed as often as a lease; who has it not asks for it more often.
STANDBY_SECONDS = 1.0
SWEEP_SECONDS = 0.5
BEAT_SECONDS = 5.0
TIDY_SECONDS = 3600.0
WINDOWS_SECONDS = 1.0
SEAL_SECONDS = 2.0
TIMELINES_SECONDS = 30.0
TAGS_SECONDS = 30.0
DELIVER_SECONDS = 1.0
PROBE_AGAIN = timedelta(hours=1)
PROBE_DOUBTFUL_AGAIN = timedelta(minutes=1)


@dataclass
class Keeper:
    """Runs the periodic work of one process until it is told to stop; what fails in it ends the process, visibly."""

    engine: Engine
    gateways: Gateways
    stop: threading.Event = field(default_factory=threading.Event)

    def register(self) -> None:
        """Make this process known before it takes anything: whoever has no lease counts as dead."""
        leases.beat(self.engine)

    def beat_forever(self) -> None:
        """Renew this process's lease while it lives."""
        self._repeat(lambda: leases.beat(self.engine), every=BEAT_SECONDS)

    def watch_forever(self) -> None:
        """Watch and sweep; of several processes one does it at a time, by a lease in the database."""
        rounds = RoundsSideBySide(most=MOST_CLOUDS)
        watcher = Watcher(self.engine, rounds=rounds, questions=lambda: QuestionsSideBySide(most=MOST_QUESTIONS))
        swept_at = tidied_at = renewed_at = noted_at = 0.0
        watches = False
        while True:
            now = self._now()
            if now >= renewed_at + (BEAT_SECONDS if watches else STANDBY_SECONDS):
                watches = leases.take_role(self.engine, role=ROLE)
                renewed_at = now
            if watches:
                # A round that lasts longer goes on beside the other clouds' next ones, and beside the sweeper.
                watcher.watch_once(at_most=LONGEST_SECONDS)
            if watches and now >= swept_at + SWEEP_SECONDS:
                sweep(self.engine)
                swept_at = now
                if now >= noted_at + BEAT_SECONDS:
                    note_round(PulsePart.SWEEPER, ended_at=self.engine.clock.now())
                    noted_at = now
            if watches and now >= tidied_at + TIDY_SECONDS:
                tidy(self.engine)
                tidied_at = now
            if self.stop.wait(self._pause(watcher.next_look_at())):
                return
            close_old_connections()

    def _pause(self, next_look_at: float | None) -> float:
        """Give the seconds until the next round: until the next question to the cloud is due."""
        if next_look_at is None:
            return LONGEST_SECONDS
        return min(max(next_look_at - self._now(), SHORTEST_SECONDS), LONGEST_SECONDS)

    def _now(self) -> float:
        return self.engine.clock.now().timestamp()

    def probe_forever(self) -> None:
        """Probe clouds that were never probed, and all again from time to time."""
        self._repeat(self.probe_due, every=BEAT_SECONDS)

    def probe_due(self) -> None:
        """Probe every cloud whose last probe is too old, or left a doubt."""
        if paused_reason():
            return
        now = self.engine.clock.now()
        doubtful = Q(probed_at__lt=now - PROBE_DOUBTFUL_AGAIN) & ~Q(probe_error="")
        for cloud in TargetCloud.objects.filter(Q(probed_at=None) | Q(probed_at__lt=now - PROBE_AGAIN) | doubtful):
            doubt = self._probe(cloud)
            log.info("cloud_probed", cloud=cloud.name, doubt=doubt)

    def _probe(self, cloud: TargetCloud) -> str:
        now = self.engine.clock.now()
        try:
            gateway = self.gateways(cloud)
        except SecretUnreadable as error:
            return keep_doubt(cloud, str(error), now=now)
        return probe_cloud(cloud=cloud, gateway=gateway, new_id=self.engine.new_id, now=now)

    def inspect_forever(self) -> None:
        """Read for people what waits for them; of several processes one does it at a time."""

        def inspect() -> None:
            if not paused_reason():
                map_open_questions(self.engine)

        self._repeat(inspect, every=BEAT_SECONDS, role="inspector")

    def verify_forever(self) -> None:
        """Compare clouds with inventory and journal when that is due; of several processes one does it at a time."""

        def verify() -> None:
            if not paused_reason():
                look_when_due(
                    gateways=self.gateways, clock=self.engine.clock, every_seconds=settings.VERIFY_WORLD_SECONDS
                )

        self._repeat(verify, every=BEAT_SECONDS, role="verifier")

    def end_windows_forever(self) -> None:
        """End rollback windows, apart from the watcher: this reads clouds, and a silent one must hold up no other."""
        self._repeat(lambda: heed_rollback_windows(self.engine), every=WINDOWS_SECONDS, role="rollback-windows")

    def seal_forever(self) -> None:
        """Seal the audit; of several processes one does it at a time."""
        sealer, timelines = Sealer(), TimelineSealer()
        looked_at = 0.0
        self.mend_guards()

        def seal() -> None:
            nonlocal looked_at
            if self._now() >= looked_at + TIMELINES_SECONDS:
                timelines.seal_ended(now=self.engine.clock.now())
                looked_at = self._now()
            while sealer.seal_pending() == MOST_AT_ONCE:
                pass  # There is more.

        self._repeat(seal, every=SEAL_SECONDS, role=SEALER)

    def mark_forever(self) -> None:
        """Keep the generation's marks, and look whether the world is newer than the database."""
        guard = GenerationGuard(self.gateways, now=self.engine.clock.now)
        tagged_at = 0.0

        def mark() -> None:
            nonlocal tagged_at
            with_tags = self._now() >= tagged_at + TAGS_SECONDS
            keep_marks(guard, new_id=self.engine.new_id, with_tags=with_tags)
            tagged_at = self._now() if with_tags else tagged_at

        self._repeat(mark, every=BEAT_SECONDS, role="generation")

    def deliver_forever(self) -> None:
        """Deliver notifications; every process may, since each delivery is leased by itself."""
        deliverer = Deliverer(Sender(now=self.engine.clock.now))
        tidied_at = 0.0

        def deliver() -> None:
            nonlocal tidied_at
            deliverer.deliver_due()
            if self._now() >= tidied_at + TIDY_SECONDS:
                deliverer.forget_old()
                tidied_at = self._now()

        self._repeat(deliver, every=DELIVER_SECONDS)

    def send_canaries_forever(self) -> None:
        """Send canaries through the broker; of several processes one does it at a time."""
        self._repeat(
            lambda: send_canary_when_due(now=self.engine.clock.now()), every=BEAT_SECONDS, role=PulsePart.CANARY
        )

    def flush_tallies_forever(self) -> None:
        """Add what this process counted to the database, every few seconds."""
        flush_forever(self.stop)

    def _repeat(self, work: Callable[[], object], *, every: float, role: str = "") -> None:
        """Do the work every so many seconds until told to stop; with a role only while this process holds it."""
        while True:
            if not role or leases.take_role(self.engine, role=role):
                work()
            if self.stop.wait(every):
                return
            close_old_connections()

    def mend_guards(self) -> None:
        """Make the audit's guards again where somebody took them away, and say so."""
        absent = missing_guards()
        if absent:
            log.critical("audit_guards_missing", guards=absent)
            record_event("guards_missing", actor=SEALER, words=f"Made again: {', '.join(absent)}.")
            make_guards()

    def threads(self) -> dict[str, Callable[[], None]]:
        """Name the loops, for whoever runs them."""
        return {
            "heartbeat": self.beat_forever,
            "watcher": self.watch_forever,
            "probe": self.probe_forever,
            "inspector": self.inspect_forever,
            "verifier": self.verify_forever,
            "windows": self.end_windows_forever,
            "sealer": self.seal_forever,
            "generation": self.mark_forever,
            "notifications": self.deliver_forever,
            "canary": self.send_canaries_forever,
            "tallies": self.flush_tallies_forever,
        }
