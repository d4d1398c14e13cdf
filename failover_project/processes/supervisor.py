"""This will keep processes running: start again what dies, give up on what never comes up, and end all together.

One thread does everything and waits for signals only, so nothing here races. The kernel ends the children when this
process is killed with -9 (Linux).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import structlog

from failover_project.processes.ending import ENDING_SIGNALS, dies_with
from failover_project.processes.parts import Part

log = structlog.get_logger(__name__)

EXIT_GAVE_UP = 70
GRACE_SECONDS = 20.0
READY_SECONDS = 60.0
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Patience:
    """This will say when a dead process is started again, and when one that never came up is given up; in seconds."""

    first_pause: float = 0.5
    longest_pause: float = 30.0
    # Who lived so long has come up, and its next death is a new story; on a busy machine only to start takes ten.
    up_after: float = 30.0
    # Who never came up is not started more often than this: its settings are wrong, and somebody must see it.
    starts: int = 5

    def pause(self, deaths: int) -> float:
        """Give how long to wait after so many deaths in a row."""
        return min(self.first_pause * 2.0 ** (deaths - 1), self.longest_pause)


@dataclass
class Kept:
    """This will hold one process and its history."""

    part: Part
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float | None = 0.0
    deaths_in_a_row: int = 0
    ever_up: bool = False


@dataclass
class Supervisor:
    """This will keep the parts running in `directory`; `pids_file` always says which process is which."""

    parts: Iterable[Part]
    directory: Path
    pids_file: Path
    on_ready: Callable[[], None]
    patience: Patience = field(default_factory=Patience)

    def run(self) -> int:
        """Run until told to end (0), or until a part cannot be kept (70)."""
        self._kept = [Kept(part) for part in self.parts]
        self._given_up = False
        signal.pthread_sigmask(signal.SIG_BLOCK, [*ENDING_SIGNALS, signal.SIGCHLD])
        announced, deadline = False, monotonic() + READY_SECONDS
        try:
            while not self._given_up:
                self._start_due()
                if not announced and self._all_listen():
                    self.on_ready()
                    announced = True
                if not announced and monotonic() > deadline:
                    log.critical("parts_not_ready", parts=[kept.part.name for kept in self._kept if _is_silent(kept)])
                    return EXIT_GAVE_UP
                told = signal.sigtimedwait([*ENDING_SIGNALS, signal.SIGCHLD], _LOOK_SECONDS if not announced else 1.0)
                if told is not None and told.si_signo != signal.SIGCHLD:
                    return 0
                self._bury_dead()
            return EXIT_GAVE_UP
        finally:
            self._end_all()

    def _start_due(self) -> None:
        for kept in self._kept:
            if kept.start_at is not None and monotonic() >= kept.start_at and self._may_start(kept):
                kept.process, kept.started_at, kept.start_at = _started(kept.part, self.directory), monotonic(), None
                log.info("part_started", part=kept.part.name, child=kept.process.pid)
                self._write_pids()

    def _may_start(self, kept: Kept) -> bool:
        """Whether what must come before it listens."""
        return kept.part.comes_first or not any(_is_silent(other) for other in self._kept if other.part.comes_first)

    def _all_listen(self) -> bool:
        return not any(kept.process is None or _is_silent(kept) for kept in self._kept)

    def _bury_dead(self) -> None:
        for kept in self._kept:
            status = kept.process.poll() if kept.process is not None else None
            if status is None:
                continue
            kept.process = None
            lived = monotonic() - kept.started_at
            kept.ever_up = kept.ever_up or lived >= self.patience.up_after
            kept.deaths_in_a_row = 1 if lived >= self.patience.up_after else kept.deaths_in_a_row + 1
            if not kept.ever_up and kept.deaths_in_a_row >= self.patience.starts:
                log.critical("part_given_up", part=kept.part.name, status=status, starts=kept.deaths_in_a_row)
                self._given_up = True
                return
            pause = self.patience.pause(kept.deaths_in_a_row)
            kept.start_at = monotonic() + pause
            log.error("part_died", part=kept.part.name, status=status, lived=round(lived, 1), again_in=pause)

    def _write_pids(self) -> None:
        pids = {kept.part.name: kept.process.pid for kept in self._kept if kept.process is not None}
        draft = self.pids_file.with_name(f"{self.pids_file.name}.part")
        draft.write_text(json.dumps(pids | {"supervisor": os.getpid()}))
        draft.replace(self.pids_file)

    def _end_all(self) -> None:
        """Ask all to end, those that others need at last, and kill what does not."""
        for first in (False, True):
            _end([kept.process for kept in self._kept if kept.process and kept.part.comes_first is first])
        self.pids_file.unlink(missing_ok=True)


def _started(part: Part, directory: Path) -> subprocess.Popen[bytes]:
    die = dies_with(os.getpid())

    def begin() -> None:
        # What this process waits for must reach the child.
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        if die is not None:
            die()

    with tempfile.TemporaryFile() as words:
        words.write(part.reads)
        words.seek(0)
        return subprocess.Popen(
            part.command,
            cwd=directory,
            env=dict(part.environment),
            stdin=words,
            # A group of its own: Ctrl-C in the terminal reaches the supervisor alone, which then ends them in order.
            process_group=0,
            preexec_fn=begin,  # noqa: PLW1509 - this process has one thread
        )


def _is_silent(kept: Kept) -> bool:
    """Whether the part should listen and does not."""
    if kept.part.listens_at is None:
        return False
    if kept.process is None:
        return True
    try:
        with socket.create_connection(kept.part.listens_at, timeout=0.5):
            return False
    except OSError:
        return True


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            process.terminate()
    deadline = monotonic() + GRACE_SECONDS
    for process in processes:
        try:
            process.wait(timeout=max(0.0, deadline - monotonic()))
        except subprocess.TimeoutExpired:
            log.error("part_killed", child=process.pid)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
