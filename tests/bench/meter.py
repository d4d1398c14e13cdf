"""This will read from the kernel what a process has used."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Used:
    """What a process has used so far: processor seconds (user and system), and its largest resident memory."""

    cpu_seconds: float
    peak_mb: float

    @classmethod
    def by(cls, pid: int) -> Used:
        """Read /proc; processor time comes in hundredths of a second."""
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        ticks = int(stat[11]) + int(stat[12])
        return cls(cpu_seconds=ticks / os.sysconf("SC_CLK_TCK"), peak_mb=int(status["VmHWM"].split()[0]) / 1024)

    @classmethod
    def by_family(cls, pid: int) -> Used:
        """Read the process and its children, as a web server forks them, and what its ended children have used."""
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        each = [cls.by(one) for one in (pid, *map(int, children))]
        ended = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[13:15]
        of_ended = sum(map(int, ended)) / os.sysconf("SC_CLK_TCK")
        return cls(sum(one.cpu_seconds for one in each) + of_ended, sum(one.peak_mb for one in each))
