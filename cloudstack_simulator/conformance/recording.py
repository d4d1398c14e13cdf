"""This will read recordings: one JSON object a line, an exchange or an event."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Exchange:
    """This will be one call and what came back."""

    file: str
    number: int
    who: str
    command: str
    params: dict[str, str]
    status: int
    response: Any
    elapsed: float = 0.0
    waited: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class Event:
    """This will be something done to the cloud from outside."""

    file: str
    number: int
    what: str
    agent_command: str | None = None
    agent_does: str | None = None
    count: int = 1


@dataclass(frozen=True)
class Recording:
    """This will be one file of a recording."""

    name: str
    lines: list[Exchange | Event] = field(default_factory=list)


def read(path: Path) -> Recording:
    """This will read one file."""
    return Recording(path.name, [_line(path.name[:2], json.loads(text)) for text in path.open() if text.strip()])


def _line(file: str, row: dict[str, Any]) -> Exchange | Event:
    if "event" in row:
        return Event(
            file,
            row["n"],
            row["event"],
            row.get("agent_command"),
            row.get("what"),
            int(row.get("count") or 1),
        )
    return Exchange(
        file,
        row["n"],
        row["who"],
        row["command"],
        row["params"],
        row["status"],
        row["response"],
        row.get("elapsed") or 0.0,
        row.get("waited") or 0.0,
        row.get("note") or "",
    )
