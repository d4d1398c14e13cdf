"""This will run many schedules on several processes, shrink what fails, and sum it all up."""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from jobs.models import FailoverJob
from tests.campaign.play import Played, Player
from tests.campaign.schedule import Schedule, drawn
from tests.campaign.seeded import BUGS, SLOW_CLOUD
from tests.campaign.summary import Summary
from tests.support.service import describe

_CHUNK = 50


def run(*, first: int, count: int, processes: int, seconds: float, report: Path | None, only_first: bool) -> int:
    """Play the schedules of so many numbers from the first on; print failures at once and the summary last."""
    if only_first:
        return _until_the_first(first, count)
    began = time.monotonic()
    summary = Summary(first=first)
    for chunk in _played(first, count, processes, deadline=began + seconds if seconds else None):
        for played in chunk:
            summary.add(played)
            if played.violation:
                _say(told(played))
    summary.seconds = time.monotonic() - began
    text = json.dumps(summary.as_json(), indent=None)
    if report is not None:
        report.write_text(json.dumps(summary.as_json(), indent=1) + "\n")
    _say(text)
    return 1 if summary.violations else 0


def _until_the_first(first: int, count: int) -> int:
    """Play until a schedule does harm; say which, and give 1."""
    player = Player()
    for number in range(first, first + count):
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


def replay(number: int) -> int:
    """Play one schedule again; when it fails, show the least of it that still fails."""
    player = Player()
    played = player.play(drawn(number))
    _say(f"{number}: {played.schedule}")
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
        f"  replay: make campaign REPLAY={played.schedule.seed}"
    )


def _played(first: int, count: int, processes: int, *, deadline: float | None) -> Iterator[list[Played]]:
    chunks = [(start, min(_CHUNK, first + count - start)) for start in range(first, first + count, _CHUNK)]
    if processes <= 1:
        for chunk in chunks:
            if deadline is not None and time.monotonic() > deadline:
                return
            yield play_chunk(chunk)
        return
    context = multiprocessing.get_context("fork")
    with context.Pool(processes) as pool:
        yield from pool.imap_unordered(_play_in_time, [(chunk, deadline) for chunk in chunks])


_player: list[Player] = []


def play_chunk(chunk: tuple[int, int]) -> list[Played]:
    """Play the schedules of a row of numbers in this process; what fails is shrunk at once."""
    if not _player:
        _player.append(Player())
    results = []
    for number in range(chunk[0], chunk[0] + chunk[1]):
        played = _player[0].play(drawn(number))
        results.append(shrunk(_player[0], played) if played.violation else played)
    return results


def _play_in_time(work: tuple[tuple[int, int], float | None]) -> list[Played]:
    chunk, deadline = work
    return [] if deadline is not None and time.monotonic() > deadline else play_chunk(chunk)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
