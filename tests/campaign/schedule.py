"""This will draw schedules: a beginning, and what goes wrong after it, all from one number."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tests.campaign.openings import OPENINGS, Opening

# What the simulator does to a call (tests/faults calls the same by the same names).
CLOUD_KINDS = ("refuse", "fail", "done_then_fail", "lost_answer", "lost_request", "hang", "late", "restart")
PROCESS_KINDS = ("kill", "stall", "stolen")
CALL_MOMENTS = ("before_call", "after_call")
COMMIT_KINDS = ("kill", "database_error")
COMMIT_MOMENTS = tuple(f"{side}_{what}" for what in ("intent", "answer", "result") for side in ("before", "after"))
READS = ("listVolumes", "listVirtualMachines", "listSnapshots", "queryAsyncJobResult")
READ_KINDS = ("lost_answer", "refuse", "fail")
HOOK_KINDS = ("silent", "lost", "error", "nonsense", "lie", "killed_before", "killed_after")
FOREIGN = (
    "detach_replica",
    "attach_to_bystander",
    "attach_to_appliance",
    "delete_snapshot",
    "delete_copy",
    "stop_target",
    "start_target",
    "destroy_target",
    "snapshot_replica",
)
VERBS = ("cancel", "cleanup", "answer", "rollback", "commit", "extend", "start", "retry")
TIMED = ("mute", "clock", "restart", "kill", "foreign", "sync", *VERBS)
# A hung job ends by itself after an hour and more, or never: an administrator ends it.
HANGS = (0.0, 4200.0)
# How long it lasts, in seconds, where it lasts.
LASTING = {
    "mute": (5.0, 60.0, 600.0),
    "clock": (3.0, 30.0, 300.0),
    "restart": (0.0, 2.0, 30.0),
    "sync": (1.0, 5.0, 40.0),
}
# So many of the tests that are not in their window yet are cleaned up amid trouble, and by when most are in it.
_CLEANED_UP, _WINDOW_OPEN_BY = 0.6, 120.0
JUMPS = (-86400.0, -3600.0, -9.0, 9.0, 15.0, 3600.0, 86400.0)


@dataclass(frozen=True)
class Trouble:
    """One thing that goes wrong: at the nth of what `moment` and `command` name, or so many seconds after the start.

    `pick` chooses where there is a choice (which foreign hand, which answer).
    """

    kind: str
    moment: str
    command: str = ""
    nth: int = 1
    at: float = 0.0
    seconds: float = 0.0
    pick: int = 0

    def __str__(self) -> str:
        place = f"{self.moment} {self.command}#{self.nth}" if self.moment != "time" else f"at {self.at:.1f} s"
        more = f" for {self.seconds:g}" if self.seconds else ""
        return f"{self.kind} {place}{more}{f' ({self.command})' if self.moment == 'time' and self.command else ''}"


@dataclass(frozen=True)
class Schedule:
    """A beginning and its troubles; `seed` also decides what operators answer."""

    seed: int
    opening: str
    troubles: tuple[Trouble, ...]
    path: tuple[int, ...] = ()
    # Its name where it is no number that made it.
    called: str = ""

    @property
    def name(self) -> str:
        """Give the number, and the ways taken from it where it is a branch: what REPLAY= takes."""
        if self.called:
            return self.called
        return f"{self.seed}/{'.'.join(map(str, self.path))}" if self.path else str(self.seed)

    def without(self, trouble: Trouble) -> Schedule:
        """Give the same schedule with one trouble less."""
        return replace(self, troubles=tuple(one for one in self.troubles if one is not trouble))

    def __str__(self) -> str:
        return f"{self.opening}: {'; '.join(str(trouble) for trouble in self.troubles) or 'no trouble'}"


@dataclass(frozen=True)
class Passed:
    """How far a play is: its seconds, and how many there have been of what `moment` and `command` name."""

    seconds: float
    counts: Callable[[str, str], int]


def drawn_further(name: str, opening: Opening, passed: Passed) -> list[Trouble]:
    """Give troubles for a play that is so far already; the same name gives the same."""
    chance = random.Random(name)
    count = chance.choices((1, 2, 3), weights=(5, 4, 2))[0]
    troubles: list[Trouble] = []
    while len(troubles) < count:
        trouble = _trouble(chance, opening)
        # The hook does not count calls of troubles that are over.
        if trouble.moment != "hook":
            troubles.append(_later(trouble, chance, opening, passed))
    return troubles


def _later(trouble: Trouble, chance: random.Random, opening: Opening, passed: Passed) -> Trouble:
    if trouble.moment == "time":
        return replace(trouble, at=round(passed.seconds + trouble.at * chance.choice((0.1, 0.4, 1.0)), 2))
    if trouble.moment == "read" or not trouble.command:
        there_were = passed.counts(trouble.moment, trouble.command)
        return replace(trouble, nth=there_were + min(trouble.nth, chance.randint(1, 12)))
    # Of what is still to come, if anything is: most calls are made once.
    ahead = [(command, nth) for command, nth in opening.calls if nth > passed.counts(trouble.moment, command)]
    command, _ = chance.choice(ahead or opening.calls)
    return replace(trouble, command=command, nth=passed.counts(trouble.moment, command) + chance.choice((1, 1, 1, 2)))


def drawn(seed: int) -> Schedule:
    """Give the schedule of a number; the same number gives the same schedule."""
    chance = random.Random(seed)
    opening = chance.choices(OPENINGS, weights=[one.weight for one in OPENINGS])[0]
    count = chance.choices((3, 4, 5, 6, 8, 10, 12), weights=(4, 14, 22, 24, 18, 12, 6))[0]
    troubles = [_trouble(chance, opening) for _ in range(count)]
    if opening.led == "ended" and not opening.way_back:
        # Nothing moves before somebody asks for it; most of what goes wrong is meant for what he asks for.
        verb = chance.choices(("rollback", "commit"), weights=(4, 1))[0]
        troubles.append(Trouble(verb, "time", at=round(chance.choice((0.0, chance.uniform(0.0, 5.0))), 2), pick=0))
    elif opening.strategy != "live" and chance.random() < (1.0 if opening.led == "window" else _CLEANED_UP):
        # A cleanup at the end of its window would be played when all trouble is over.
        latest = 5.0 if opening.led == "window" else _WINDOW_OPEN_BY
        troubles.append(Trouble("cleanup", "time", at=round(chance.uniform(0.0, latest), 2), pick=0))
    return Schedule(seed, opening.name, tuple(troubles))


def _trouble(chance: random.Random, opening: Opening) -> Trouble:
    family = chance.choices(("cloud", "process", "commit", "read", "hook", "time"), weights=(40, 16, 16, 6, 3, 19))[0]
    match family:
        case "cloud":
            return _cloud(chance, opening)
        case "process":
            kind = chance.choice(PROCESS_KINDS)
            command, nth = _call(chance, opening)
            seconds = 0.0 if kind == "kill" else chance.choice((3.0, 9.0, 16.0, 25.0, 40.0))
            return Trouble(kind, chance.choice(CALL_MOMENTS), command, nth, seconds=seconds)
        case "commit":
            return _at_commit(chance, opening)
        case "read":
            return Trouble(chance.choice(READ_KINDS), "read", chance.choice(READS), chance.randint(1, 25))
        case "hook":
            action = chance.choice(("hold", "release", "state"))
            return Trouble(chance.choice(HOOK_KINDS), "hook", action, chance.randint(1, 2))
        case _:
            return _timed(chance, opening)


def _at_commit(chance: random.Random, opening: Opening) -> Trouble:
    kind, moment = chance.choice(COMMIT_KINDS), chance.choice(COMMIT_MOMENTS)
    if chance.random() < 0.2:
        # Of any attempt: some make no call.
        return Trouble(kind, moment, nth=chance.randint(1, opening.attempts))
    command, nth = _call(chance, opening)
    return Trouble(kind, moment, command, nth)


def _cloud(chance: random.Random, opening: Opening) -> Trouble:
    kind = chance.choice(CLOUD_KINDS)
    command, nth = _call(chance, opening)
    seconds = {"late": chance.choice((2.0, 12.0, 20.0, 28.0)), "hang": chance.choice(HANGS)}.get(kind, 0.0)
    if kind == "restart":
        seconds = chance.choice((0.0, 5.0, 60.0))
    return Trouble(kind, "call", command, nth, seconds=seconds)


def _call(chance: random.Random, opening: Opening) -> tuple[str, int]:
    """Choose a call of the plan, of its undo, or of its cleanup."""
    calls: Sequence[tuple[str, int]] = opening.calls
    return chance.choice(calls)


def _timed(chance: random.Random, opening: Opening) -> Trouble:
    kind = chance.choices(TIMED, weights=(6, 10, 10, 10, 28, 8, 14, 8, 6, 6, 3, 4, 5, 6))[0]
    at, pick = round(chance.uniform(0.0, opening.length), 2), chance.randrange(1000)
    lasting = chance.choice(LASTING[kind]) if kind in LASTING else 0.0
    command = ""
    match kind:
        case "clock":
            command = str(JUMPS[pick % len(JUMPS)])
        case "foreign":
            command = FOREIGN[pick % len(FOREIGN)]
    return Trouble(kind, "time", command, at=at, seconds=lasting, pick=pick)
