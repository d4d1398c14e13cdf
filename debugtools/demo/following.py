"""This will follow jobs over the API until they ended or wait for a person, and write down each step as it ends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any

from debugtools.demo.screen import Bar, Screen
from debugtools.demo.stage import Stage

_LOOK_SECONDS = 0.2
_SILENCE_SECONDS = 10.0
_ENDED = frozenset({"done", "failed", "skipped"})
# States in which a job does nothing more by itself.
SETTLED = frozenset({"finished", "waiting_for_operator"})

_REPLICA_NAME = re.compile(r" \(migration-[^)]*\)")

Answer = dict[str, Any]


class NeverEnds(Exception):
    """A job neither ended nor asked in the time that it may take."""


@dataclass
class _Told:
    """When something was written last, and which steps were, by job and place in its list."""

    last: float
    steps: set[tuple[str, int]] = field(default_factory=set)


class Follower:
    """Follows jobs, and remembers what it wrote: a job may be followed in parts."""

    def __init__(self, stage: Stage) -> None:
        """Begin with nothing written."""
        self._stage = stage
        self._told = _Told(monotonic())

    def follow(
        self, job_ids: Mapping[str, str], *, seconds: float, until: frozenset[str] = SETTLED
    ) -> dict[str, Answer]:
        """Give the last status answers by VM name once all are in a state of `until`; raises NeverEnds.

        `job_ids` maps VM names to jobs.
        """
        stage, deadline = self._stage, monotonic() + seconds
        self._told.last = monotonic()
        with stage.screen.moving_foot():
            while True:
                answers = {name: stage.operator.get(f"/api/v1/failover/{job}/status") for name, job in job_ids.items()}
                _write_news(stage.screen, answers, self._told)
                _write_silence(stage.screen, answers, self._told)
                stage.screen.show_bars([_bar(name, answer) for name, answer in answers.items()])
                moving = [
                    f"{name} ({answer['status']})" for name, answer in answers.items() if answer["state"] not in until
                ]
                if not moving:
                    return answers
                if monotonic() > deadline:
                    raise NeverEnds(f"After {seconds:.0f} s these still move: {', '.join(moving)}")
                stage.pause(_LOOK_SECONDS)


def _write_news(screen: Screen, answers: Mapping[str, Answer], told: _Told) -> None:
    news = []
    for name, answer in answers.items():
        for place, step in enumerate(answer["steps"]):
            if step["state"] in _ENDED and (name, place) not in told.steps:
                told.steps.add((name, place))
                news.append((time_of(step["finished_at"]), name, step))
    if not news:
        return
    told.last = monotonic()
    # One clock for all jobs: that of the first that began.
    began = min(time_of(answer["start_time"]) for answer in answers.values() if answer["start_time"])
    for ended_at, name, step in sorted(news, key=lambda item: item[0]):
        screen.step(
            at=f"+{(ended_at - began).total_seconds():.1f} s",
            took=_took(step),
            job=name,
            phase=step["phase"],
            title=_words(step),
            failed=step["state"] == "failed",
        )


def _write_silence(screen: Screen, answers: Mapping[str, Answer], told: _Told) -> None:
    """Say what is waited for when nothing ended for long, for those who have no moving foot."""
    if screen.has_foot or monotonic() < told.last + _SILENCE_SECONDS:
        return
    told.last = monotonic()
    for name, answer in answers.items():
        for words in answer["current_steps"]:
            screen.say(f"{name} is still at: {short(words)}")


def _bar(name: str, answer: Answer) -> Bar:
    return Bar(
        name=name,
        percent=answer["progress"],
        seconds=answer["duration"] / 1e9,
        status=answer["status"],
        now=_now(answer),
    )


def _now(answer: Answer) -> list[str]:
    if answer["state"] == "window_open":
        return [f"the test VM runs; its time is over at {time_of(answer['job_details']['window_ends_at']):%H:%M:%S}"]
    return [short(words) for words in answer["current_steps"]]


def _words(step: Mapping[str, Any]) -> str:
    title = short(step["title"])
    return f"{title}: {step['reason']}" if step["state"] != "done" and step["reason"] else title


def short(text: str) -> str:
    """Leave out the replicas' long names: a line has one row, and the summary names them all."""
    return _REPLICA_NAME.sub("", text)


def _took(step: Mapping[str, Any]) -> str:
    if step["started_at"] is None:
        return ""
    return f"{(time_of(step['finished_at']) - time_of(step['started_at'])).total_seconds():.1f} s"


def time_of(text: str) -> datetime:
    """Read a time of the API."""
    return datetime.fromisoformat(text)
