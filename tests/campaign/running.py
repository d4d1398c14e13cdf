"""This will run many schedules on several processes, shrink what fails, and sum it all up."""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from jobs.models import FailoverJob
from tests.campaign.play import Played, Player
from tests.campaign.schedule import Schedule, drawn
from tests.campaign.seeded import BUGS
from tests.campaign.singles import SEED, has_struck, is_single, single, singles
from tests.campaign.summary import Summary
from tests.support.service import describe

T = TypeVar("T")
_CHUNK = 10


@dataclass(frozen=True)
class Order:
    """What to play: so many numbers from the first on, each parting so often into so many ways."""

    first: int
    count: int
    widths: tuple[int, ...] = ()
    processes: int = 1
    seconds: float = 0.0


def run(order: Order, *, report: Path | None) -> int:
    """Play what is ordered; print failures at once and the summary last."""
    began = time.monotonic()
    summary = Summary(first=order.first, widths=order.widths)
    for chunk in _played(order, deadline=began + order.seconds if order.seconds else None):
        for played in chunk:
            summary.add(played)
            if played.violation:
                _say(told(played))
        summary.cpu_seconds, summary.seconds = _cpu_seconds(), time.monotonic() - began
        if report is not None:
            report.write_text(json.dumps(summary.as_json(), indent=1) + "\n")
    _say(json.dumps(summary.as_json(), indent=None))
    return 1 if summary.violations else 0


def run_singles(*, only: str, share: int, processes: int, report: Path | None) -> int:
    """Play every single fault (of one plan; or one in so many of them); print failures at once and the summary last."""
    began = time.monotonic()
    chosen = list(singles(_player_here(), only=only))[::share]
    chunks = [chosen[start : start + _CHUNK] for start in range(0, len(chosen), _CHUNK)]
    summary, missed = Summary(first=SEED), []
    for chunk in _mapped(_play_all, chunks, processes):
        for played in chunk:
            summary.add(played)
            if played.violation:
                _say(told(played))
            elif not has_struck(played):
                missed.append(played.schedule.name)
    summary.cpu_seconds, summary.seconds = _cpu_seconds(), time.monotonic() - began
    found = summary.as_json() | {"name": "singles", "one_in": share, "struck": len(chosen) - len(missed)}
    found |= {"not_struck": missed, "plans": dict(Counter(one.name.split(":")[1] for one in chosen))}
    del found["coverage"]
    if report is not None:
        report.write_text(json.dumps(found, indent=1) + "\n")
    _say(json.dumps(found))
    return 1 if summary.violations or missed else 0


def until_the_first(order: Order) -> int:
    """Play until a schedule does harm; say which, and give 1."""
    player = Player()
    for number in range(order.first, order.first + order.count):
        played = player.play(drawn(number))
        if played.violation:
            _say(told(played))
            return 1
    return 0


def play_for(bug: str) -> int:
    """Play the schedule that catches a seeded bug; 1 when it did."""
    sown = next(one for one in BUGS if one.name == bug)
    played = Player().play(Schedule(sown.seed, "live", sown.troubles))
    _say(told(played) if played.violation else "Every invariant held.")
    return 1 if played.violation else 0


def prove(order: Order) -> int:
    """Play every branch again, by its path and by its troubles alone; 1 when one of them comes to anything else."""
    player = Player()
    different: list[str] = []
    branches = 0
    for number in range(order.first, order.first + order.count):
        for played in player.play_branches(drawn(number), order.widths):
            branches += 1
            alone = player.play(replace(played.schedule, path=()))
            by_path = player.play_path(drawn(number), played.schedule.path)
            if not _came_to(played) == _came_to(alone) == _came_to(by_path):
                different.append(played.schedule.name)
    _say(json.dumps({"branches": branches, "different": different}))
    return 1 if different else 0


def _came_to(played: Played) -> tuple[Any, ...]:
    counts = (played.ends, played.stops, played.cells)
    return (played.violation, played.events, played.kills, played.leaks, *(sorted(one.items()) for one in counts))


def replay(name: str) -> int:
    """Play one schedule again (`11241000016`, or a branch of it, `11241000016/1.0`); shrink it when it fails."""
    player = Player()
    number, _, path = name.partition("/")
    if is_single(name):
        played = player.play(single(name))
    else:
        played = player.play_path(drawn(int(number)), tuple(int(way) for way in path.split(".") if way))
    _say(f"{name}: {played.schedule}")
    _say(f"ends {dict(played.ends)}, stops {dict(played.stops)}, faults {[':'.join(cell) for cell in played.cells]}")
    if not played.violation:
        _say("Every invariant held.")
        return 0
    smallest = shrunk(player, played)
    player.play(smallest.schedule)
    _say("\n".join(describe(job) for job in FailoverJob.objects.all()))
    _say(told(smallest))
    return 1


def shrunk(player: Player, failed: Played) -> Played:
    """Drop troubles one by one while the schedule still breaks the same invariant."""
    smallest = failed
    again = True
    while again:
        again = False
        for trouble in smallest.schedule.troubles:
            played = player.play(smallest.schedule.without(trouble))
            if played.violation and played.invariant == failed.invariant:
                smallest, again = played, True
                break
    return smallest


def told(played: Played) -> str:
    """Tell a failure so that it can be played again."""
    return (
        f"VIOLATION {played.violation}\n  schedule {played.schedule}\n"
        f"  replay: make campaign REPLAY={played.schedule.name}"
    )


def _played(order: Order, *, deadline: float | None) -> Iterator[list[Played]]:
    end = order.first + order.count
    chunks = [
        _Chunk(first=start, count=min(_CHUNK, end - start), widths=order.widths, deadline=deadline)
        for start in range(order.first, end, _CHUNK)
    ]
    yield from _mapped(play_chunk, chunks, order.processes)


def _mapped(play: Callable[[T], list[Played]], chunks: list[T], processes: int) -> Iterator[list[Played]]:
    if processes <= 1:
        yield from map(play, chunks)
        return
    context = multiprocessing.get_context("fork")
    with context.Pool(processes) as pool:
        yield from pool.imap_unordered(play, chunks)


@dataclass(frozen=True)
class _Chunk:
    first: int
    count: int
    widths: tuple[int, ...] = ()
    deadline: float | None = None


_player: list[Player] = []


def play_chunk(chunk: _Chunk) -> list[Played]:
    """Play the schedules of a row of numbers in this process; what fails is shrunk at once."""
    player = _player_here()
    results: list[Played] = []
    for number in range(chunk.first, chunk.first + chunk.count):
        if chunk.deadline is not None and time.monotonic() > chunk.deadline:
            break
        for played in player.play_branches(drawn(number), chunk.widths):
            results.append(shrunk(player, played) if played.violation else played)
    return results


def _play_all(schedules: list[Schedule]) -> list[Played]:
    player = _player_here()
    return [player.play(one) for one in schedules]


def _player_here() -> Player:
    if not _player:
        _player.append(Player())
    return _player[0]


def _cpu_seconds() -> float:
    """Say how long this process and all that it has waited for computed."""
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
