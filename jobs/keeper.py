"""This will keep jobs moving by heartbeat, watcher, sweeper and probes, alone (`watch`) or in the embedded service."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from django.db import close_old_connections
from django.db.models import Q

from audit.guards import make_guards, missing_guards
from audit.recording import record_event
from audit.sealing import MOST_AT_ONCE, Sealer
from inventory.models import TargetCloud
from inventory.probing import probe_cloud
from inventory.tallies.counting import flush_forever
from jobs.audit_trail import SEALER, TimelineSealer
from jobs.engine import leases
from jobs.engine.ports import Engine
from jobs.engine.sweeper import sweep, tidy
from jobs.engine.watcher import ROLE, Watcher
from jobs.generation.guard import GenerationGuard, keep_marks, paused_reason
from jobs.models import PulsePart
from jobs.pulses import note_round, send_canary_when_due
from jobs.runtime import Gateways
from jobs.volume_maps import map_open_questions
from jobs.window_ends import heed_rollback_windows
from notifications.deliveries import Deliverer
from notifications.sending import Sender

log = structlog.get_logger(__name__)

# Between two rounds: never shorter than this, and never longer, since the database tells of what others submitted.
SHORTEST_SECONDS = 0.01
LONGEST_SECONDS = 0.2
# The watcher's role is renewed as often as a lease; who has it not asks for it more often.
STANDBY_SECONDS = 1.0
SWEEP_SECONDS = 0.5
BEAT_SECONDS = 5.0
TIDY_SECONDS = 3600.0
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
        while True:
            leases.beat(self.engine)
            if self.stop.wait(BEAT_SECONDS):
                return
            close_old_connections()

    def watch_forever(self) -> None:
        """Watch and sweep; of several processes one does it at a time, by a lease in the database."""
        watcher = Watcher(self.engine)
        swept_at = tidied_at = renewed_at = noted_at = 0.0
        watches = False
        while not self.stop.is_set():
            now = self._now()
            if now >= renewed_at + (BEAT_SECONDS if watches else STANDBY_SECONDS):
                watches = leases.take_role(self.engine, role=ROLE)
                renewed_at = now
            if watches:
                watcher.watch_once()
            if watches and now >= swept_at + SWEEP_SECONDS:
                sweep(self.engine)
                heed_rollback_windows(self.engine)
                swept_at = now
                if now >= noted_at + BEAT_SECONDS:
                    note_round(PulsePart.SWEEPER, ended_at=self.engine.clock.now())
                    noted_at = now
            if watches and now >= tidied_at + TIDY_SECONDS:
                tidy(self.engine)
                tidied_at = now
            close_old_connections()
            self.stop.wait(self._pause(watcher.next_look_at()))

    def _pause(self, next_look_at: float | None) -> float:
        """Give the seconds until the next round: until the next question to the cloud is due."""
        if next_look_at is None:
            return LONGEST_SECONDS
        return min(max(next_look_at - self._now(), SHORTEST_SECONDS), LONGEST_SECONDS)

    def _now(self) -> float:
        return self.engine.clock.now().timestamp()

    def probe_forever(self) -> None:
        """Probe clouds that were never probed, and all again from time to time."""
        while True:
            if not paused_reason():
                self.probe_due()
            if self.stop.wait(BEAT_SECONDS):
                return
            close_old_connections()

    def probe_due(self) -> None:
        """Probe every cloud whose last probe is too old, or left a doubt."""
        now = self.engine.clock.now()
        doubtful = Q(probed_at__lt=now - PROBE_DOUBTFUL_AGAIN) & ~Q(probe_error="")
        for cloud in TargetCloud.objects.filter(Q(probed_at=None) | Q(probed_at__lt=now - PROBE_AGAIN) | doubtful):
            doubt = probe_cloud(
                cloud=cloud, gateway=self.gateways(cloud), new_id=self.engine.new_id, now=self.engine.clock.now()
            )
            log.info("cloud_probed", cloud=cloud.name, doubt=doubt)

    def inspect_forever(self) -> None:
        """Read for people what waits for them; of several processes one does it at a time."""
        while True:
            if leases.take_role(self.engine, role="inspector") and not paused_reason():
                map_open_questions(self.engine)
            if self.stop.wait(BEAT_SECONDS):
                return
            close_old_connections()

    def seal_forever(self) -> None:
        """Seal the audit; of several processes one does it at a time."""
        sealer, timelines = Sealer(), TimelineSealer()
        looked_at = 0.0
        self.mend_guards()
        while True:
            if leases.take_role(self.engine, role=SEALER):
                if self._now() >= looked_at + TIMELINES_SECONDS:
                    timelines.seal_ended(now=self.engine.clock.now())
                    looked_at = self._now()
                while sealer.seal_pending() == MOST_AT_ONCE:
                    pass  # There is more.
            if self.stop.wait(SEAL_SECONDS):
                return
            close_old_connections()

    def mark_forever(self) -> None:
        """Keep the generation's marks, and look whether the world is newer than the database."""
        guard = GenerationGuard(self.gateways, now=self.engine.clock.now)
        tagged_at = 0.0
        while True:
            if leases.take_role(self.engine, role="generation"):
                with_tags = self._now() >= tagged_at + TAGS_SECONDS
                keep_marks(guard, new_id=self.engine.new_id, with_tags=with_tags)
                tagged_at = self._now() if with_tags else tagged_at
            if self.stop.wait(BEAT_SECONDS):
                return
            close_old_connections()

    def deliver_forever(self) -> None:
        """Deliver notifications; every process may, since each delivery is leased by itself."""
        deliverer = Deliverer(Sender(now=self.engine.clock.now))
        tidied_at = 0.0
        while True:
            deliverer.deliver_due()
            if self._now() >= tidied_at + TIDY_SECONDS:
                deliverer.forget_old()
                tidied_at = self._now()
            if self.stop.wait(DELIVER_SECONDS):
                return
            close_old_connections()

    def send_canaries_forever(self) -> None:
        """Send canaries through the broker; of several processes one does it at a time."""
        while True:
            if leases.take_role(self.engine, role=PulsePart.CANARY):
                send_canary_when_due(now=self.engine.clock.now())
            if self.stop.wait(BEAT_SECONDS):
                return
            close_old_connections()

    def flush_tallies_forever(self) -> None:
        """Add what this process counted to the database, every few seconds."""
        flush_forever(self.stop)

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
            "sealer": self.seal_forever,
            "generation": self.mark_forever,
            "notifications": self.deliver_forever,
            "canary": self.send_canaries_forever,
            "tallies": self.flush_tallies_forever,
        }
