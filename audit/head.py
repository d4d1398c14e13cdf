"""This will keep the head of the chain outside the database: in a file, and in the log stream."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog
from django.conf import settings

from audit.durable import put_in_place

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Head:
    """The last seal that was seen: its position, its hash, and the key it was made with."""

    position: int
    hash: str
    key_id: str

    def __str__(self) -> str:
        return f"{self.position}:{self.hash}"


def head_file() -> Path:
    """Give the place of the file."""
    return Path(settings.AUDIT_HEAD_FILE)


def read_head() -> Head | None:
    """Give the head that this host saw last; None when it never saw one. Raises ValueError when the file is damaged."""
    try:
        written = json.loads(head_file().read_text())
        return Head(position=int(written["position"]), hash=str(written["hash"]), key_id=str(written["key_id"]))
    except FileNotFoundError:
        return None
    except (KeyError, TypeError) as error:
        raise ValueError(f"{head_file()} is damaged: {error!r}") from error


def write_head(head: Head) -> None:
    """Put the head where the database can't reach it; whoever reads the file meanwhile reads the one before."""
    put_in_place(head_file(), json.dumps(asdict(head)))
    log.info("audit_head", **asdict(head))
