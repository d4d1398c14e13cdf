"""This will run the demo's processes, each in a group of its own, and end every one of them whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from types import TracebackType

from failover_project.processes.ending import ENDING_SIGNALS, dies_with

_GRACE_SECONDS = 8.0
_TAIL_LINES = 15


class ChildFailed(Exception):
    """A process of the demo died, or was not ready in time; the text shows the end of its log."""


@dataclass(frozen=True)
class Child:
    """One process that runs beside the demo, and its log."""

    name: str
    log: Path
    process: subprocess.Popen[bytes]

    def wait_for(self, file: Path, *, seconds: float) -> str:
        """Give the text of its ready file; raises ChildFailed when it dies or the time is over."""
        deadline = monotonic() + seconds
        while monotonic() < deadline:
            if file.exists() and (text := file.read_text().strip()):
                return text
            self.refuse_if_dead(patience=0.05)
        raise ChildFailed(f"{self.name} was not ready within {seconds:.0f} s.\n{self.tail()}")

    def refuse_if_dead(self, *, patience: float = 0.0) -> None:
        """Wait that long for its death; raises ChildFailed when it comes."""
        try:
            status = self.process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            return
        raise ChildFailed(f"{self.name} ended by itself with status {status}.\n{self.tail()}")

    def tail(self) -> str:
        """Give the last lines of its log."""
        lines = self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        shown = "\n".join(f"    {line}" for line in lines) or "    (it wrote nothing)"
        return f"The end of {self.log}:\n{shown}"

    def end(self) -> None:
        """Ask it to end, and kill its group when it does not."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


@dataclass
class Processes:
    """All processes of one demo. As a context manager it ends them, newest first, also on Ctrl-C and errors."""

    directory: Path
    environment: Mapping[str, str]
    logs: Path
    children: list[Child] = field(default_factory=list)

    def __enter__(self) -> Processes:
        """Hold the processes."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End them all; a second Ctrl-C must not leave half of them behind."""
        for number in ENDING_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        for child in reversed(self.children):
            child.end()

    def start(self, name: str, arguments: Sequence[str]) -> Child:
        """Start a Python process that lives as long as the demo."""
        log = self.logs / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.directory,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C in the terminal reaches the demo alone, which then ends them in order.
                process_group=0,
                preexec_fn=dies_with(os.getpid()),  # noqa: PLW1509 - the demo has one thread
            )
        child = Child(name, log, process)
        self.children.append(child)
        return child

    def run(
        self, name: str, arguments: Sequence[str], *, secrets: Mapping[str, str] | None = None, seconds: float = 120.0
    ) -> str:
        """Run a Python process to its end and give its output; raises ChildFailed with what it said."""
        log = self.logs / f"{name}.log"
        try:
            done = subprocess.run(
                [sys.executable, *arguments],
                cwd=self.directory,
                env={**self.environment, **(secrets or {})},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
                process_group=0,
                preexec_fn=dies_with(os.getpid()),
            )
        except subprocess.TimeoutExpired as error:
            raise ChildFailed(f"{name} did not end within {seconds:.0f} s.") from error
        log.write_text(done.stderr)
        if done.returncode:
            raise ChildFailed(f"{name} ended with status {done.returncode}:\n{done.stderr.strip()[-4000:]}")
        return done.stdout.strip()

    def refuse_if_any_died(self) -> None:
        """Raise ChildFailed when one of them is gone."""
        for child in self.children:
            child.refuse_if_dead()
