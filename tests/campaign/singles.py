"""This will play every single fault: each kind at each step of each plan, before it, done and then lost, and after.

The steps are counted in an undisturbed run of each plan, so that a new step brings its own faults.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.campaign.openings import OPENINGS
from tests.campaign.play import Played, Player
from tests.campaign.schedule import (
    CALL_MOMENTS,
    CLOUD_KINDS,
    COMMIT_KINDS,
    COMMIT_MOMENTS,
    HOOK_KINDS,
    PROCESS_KINDS,
    READ_KINDS,
    READS,
    Schedule,
    Trouble,
)
from tests.campaign.troubles import Cell

# In the schedules of this number the cloud's jobs take four seconds: longer than a look, shorter than a lease.
SEED = 9
_CHANGING = frozenset({command for opening in OPENINGS for command, _ in opening.calls})
# A host that is late answers after the request's fence, a process stands still for longer than its lease lasts.
_LASTING = {"late": 20.0, "stall": 16.0, "stolen": 16.0}
_MARK = "single"


@dataclass(frozen=True)
class Course:
    """A plan: its opening, and what leads into it (a refusal into the undo, a verb into cleanup or rollback)."""

    name: str
    opening: str
    led_by: tuple[Trouble, ...] = ()
    # The plan before it, whose steps are counted there.
    follows: str = ""


_CLEANUP = (Trouble("cleanup", "time"),)
COURSES = (
    Course("live", "live"),
    Course("live-undo", "live", (Trouble("refuse", "call", "updateVirtualMachine"),), follows="live"),
    Course("clone", "clone"),
    Course("clone-undo", "clone", (Trouble("refuse", "call", "updateVirtualMachine"),), follows="clone"),
    Course("clone-cleanup", "clone-window", _CLEANUP),
    Course("detached-clone", "detached-clone"),
    Course("boot-and-revert", "boot-and-revert"),
    Course("boot-and-revert-cleanup", "boot-and-revert-window", _CLEANUP),
    Course("rollback", "live-ended", (Trouble("rollback", "time"),)),
    Course("commit", "live-ended", (Trouble("commit", "time"),)),
)


def singles(player: Player, *, only: str = "") -> Iterator[Schedule]:
    """Give the schedule of every single fault, of one course or of all."""
    passed = {course.name: player.play(_schedule(course)).chances for course in COURSES}
    for course in COURSES:
        if only in {"", course.name}:
            for trouble in _troubles(passed[course.name], before=passed.get(course.follows, Counter())):
                yield _schedule(course, trouble)


def single(name: str) -> Schedule:
    """Give the single fault of a name (`single:live:kill:before_call:detachVolume:1`)."""
    _, course, kind, moment, command, nth = name.split(":")
    wanted = next(one for one in COURSES if one.name == course)
    return _schedule(wanted, _trouble(kind, moment, command, int(nth)))


def is_single(name: str) -> bool:
    """Say whether it names a single fault and no number."""
    return name.startswith(f"{_MARK}:")


def has_struck(played: Played) -> bool:
    """Say whether the fault took place: what led into the plan may have been of its kind."""
    *led_by, fault = (_cell(one) for one in played.schedule.troubles)
    return played.cells[fault] > led_by.count(fault)


def _cell(trouble: Trouble) -> Cell:
    return (trouble.kind, "hook" if trouble.moment == "hook" else trouble.command, trouble.moment)


def _schedule(course: Course, *troubles: Trouble) -> Schedule:
    called = ""
    for one in troubles:
        called = f"{_MARK}:{course.name}:{one.kind}:{one.moment}:{one.command}:{one.nth}"
    return replace(Schedule(SEED, course.opening, (*course.led_by, *troubles)), called=called)


def _troubles(passed: Counter[tuple[str, str]], *, before: Counter[tuple[str, str]]) -> Iterator[Trouble]:
    for (moment, command), number in sorted(passed.items()):
        for nth in range(before[moment, command] + 1, number + 1):
            for kind in _kinds(moment, command):
                yield _trouble(kind, moment, command, nth)


def _kinds(moment: str, command: str) -> tuple[str, ...]:
    """Give what may go wrong there; a moment of any attempt is one of its command too."""
    if moment == "hook":
        return HOOK_KINDS
    if moment in COMMIT_MOMENTS:
        return COMMIT_KINDS if command else ()
    if moment in CALL_MOMENTS:
        return PROCESS_KINDS if command in _CHANGING else ()
    if command in _CHANGING:
        return CLOUD_KINDS
    return READ_KINDS if command in READS else ()


def _trouble(kind: str, moment: str, command: str, nth: int) -> Trouble:
    # The simulator's faults of reads have a moment of their own.
    place = "read" if moment == "call" and command in READS else moment
    return Trouble(kind, place, command, nth, seconds=_LASTING.get(kind, 0.0))
