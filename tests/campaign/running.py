"""This will run many schedules on several processes, shrink what fails, and sum it all up."""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jobs.models import FailoverJob
from tests.campaign.play import Played, Player
from tests.campaign.schedule import Schedule, drawn
from tests.campaign.seeded import BUGS, SLOW_CLOUD
from tests.campaign.summary import Summary
from tests.support.service import describe

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
    played = Player().play(Schedule(SLOW_CLOUD, "live", sown.troubles))
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
    if order.processes <= 1:
        yield from map(play_chunk, chunks)
        return
    context = multiprocessing.get_context("fork")
    with context.Pool(order.processes) as pool:
        yield from pool.imap_unordered(play_chunk, chunks)


@dataclass(frozen=True)
class _Chunk:
    first: int
    count: int
    widths: tuple[int, ...] = ()
    deadline: float | None = None


_player: list[Player] = []


def play_chunk(chunk: _Chunk) -> list[Played]:
    """Play the schedules of a row of numbers in this process; what fails is shrunk at once."""
    if not _player:
        _player.append(Player())
    results: list[Played] = []
    for number in range(chunk.first, chunk.first + chunk.count):
        if chunk.deadline is not None and time.monotonic() > chunk.deadline:
            break
        for played in _player[0].play_branches(drawn(number), chunk.widths):
            results.append(shrunk(_player[0], played) if played.violation else played)
    return results


def _cpu_seconds() -> float:
    """Say how long this process and all that it has waited for computed."""
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
