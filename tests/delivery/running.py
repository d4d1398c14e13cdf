"""Run a command of the delivery for as long as a block lasts, and leave nothing of it behind."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.house.tree import ROOT

END_SECONDS = 20.0


@dataclass(frozen=True)
class Running:
    """A command that runs, and the file with what it says."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def said(self) -> str:
        """Give what it wrote so far."""
        return self.output.read_text(errors="replace")

    @property
    def lives(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None


@contextmanager
def running(
    command: Sequence[str], *, environment: Mapping[str, str], output: Path, cwd: Path = ROOT
) -> Iterator[Running]:
    """Start the command; afterwards ask it to end, and kill whatever is left of its group."""
    with output.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield Running(process, output)
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(END_SECONDS)
        # All of its group should have ended with it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
