"""This will keep leases: a process lives while it renews its row; the dead are known by the clock or by their host."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction

from database.statements import Prepared, compare_and_set
from jobs.engine.ports import Engine
from jobs.models import ProcessLease, RoleLease

_HELD = Prepared(
    lambda now: (
        ProcessLease.objects.filter(valid_until__gt=now).order_by().values_list("owner", "host", "pid", "process_start")
    ),
    moments=frozenset({"now"}),
)
_OWN = Prepared(
    lambda owner: ProcessLease.objects.filter(owner=owner).order_by().values_list("pk"), texts=frozenset({"owner"})
)
_ROLE = Prepared(
    lambda role: RoleLease.objects.filter(role=role).order_by().values_list("pk", "owner", "valid_until"),
    texts=frozenset({"role"}),
)


def beat(engine: Engine) -> None:
    """Renew this process's lease; the first beat registers it."""
    now = engine.clock.now()
    until = now + timedelta(seconds=engine.rules.lease)
    for (pk,) in _OWN.values(owner=engine.owner):
        if compare_and_set(ProcessLease, pk=pk, expecting={}, valid_until=until):
            return
    host, pid, start = own_identity()
    ProcessLease.objects.create(
        owner=engine.owner, host=host, pid=pid, process_start=start, started_at=now, valid_until=until
    )


def living_owners(engine: Engine) -> set[str]:
    """Give the owners that live: their lease holds, and their process is there when it is one of this host.

    Whoever is not among them is dead, also one that was killed before its first beat, or whose lease was removed.
    """
    here = socket.gethostname()
    held = _HELD.values(now=engine.clock.now())
    return {owner for owner, host, pid, start in held if host != here or _process_lives(pid, start)} | {engine.owner}


def bury(engine: Engine, *, keep_seconds: float = 3600.0) -> int:
    """Remove leases that ran out long ago: an owner without one is as dead as one whose lease is out."""
    long_ago = engine.clock.now() - timedelta(seconds=keep_seconds)
    return ProcessLease.objects.filter(valid_until__lt=long_ago).delete()[0]


def take_role(engine: Engine, *, role: str) -> bool:
    """Take or renew a role for this process; False when another living process has it."""
    now = engine.clock.now()
    until = now + timedelta(seconds=engine.rules.lease)
    held: dict[str, Any] = {"owner": engine.owner, "valid_until": until, "last_tick_at": now}
    for pk, owner, valid_until in _ROLE.values(role=role):
        if owner == engine.owner:
            return compare_and_set(RoleLease, pk=pk, expecting={"owner": owner}, **held)
        # One that holds for longer than a lease lasts was noted by a clock that has been set back since, or by a wrong
        # one: whoever stands so far ahead may send nothing (rule 9), and in vain would all wait for its end.
        farthest = until + timedelta(seconds=engine.rules.largest_skew)
        if now < valid_until <= farthest and owner in living_owners(engine):
            return False
        # Of two who see it free one takes it, and not when its owner turns out to live meanwhile.
        return compare_and_set(RoleLease, pk=pk, expecting={"owner": owner, "valid_until": valid_until}, **held)
    try:
        with transaction.atomic():
            RoleLease.objects.create(role=role, **held)
    except IntegrityError:
        return False  # Another process took the role in the same moment.
    return True


def own_identity() -> tuple[str, int, str]:
    """Give host, pid and start mark of this process."""
    pid = os.getpid()
    return socket.gethostname(), pid, _start_mark(pid)


def _process_lives(pid: int, start: str) -> bool:
    """Whether the process of that pid still runs and is the same one. Without a start mark only the clock tells."""
    if not start:
        return True
    return _start_mark(pid) == start


def _start_mark(pid: int) -> str:
    """Give the kernel's start time of a process (field 22 of /proc/PID/stat), or nothing where there is no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    # A zombie no longer acts, though its row in /proc remains until its parent looks.
    return "" if fields[0] == "Z" else fields[19]
