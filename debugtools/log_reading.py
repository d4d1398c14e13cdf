"""This will read the shared log file backwards, newest first, a page at a time."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from debugtools.log_file import moved_aside

LEVELS = ("debug", "info", "warning", "error", "critical")

_CURSOR = re.compile(r"([0-9a-f]{16})-([0-9]{1,15})")
_BLOCK = 64 * 1024
# A page that finds little must still end: it then says where the next one goes on.
_MOST_READ = 8 * 1024 * 1024


class CursorGone(Exception):
    """The cursor is none of ours, or its place is no longer kept."""


@dataclass(frozen=True)
class Wanted:
    """What a record must be to be shown; an empty text asks for nothing."""

    level: str = "debug"
    job_id: str = ""
    request_id: str = ""
    logger: str = ""

    def matches(self, record: dict[str, Any]) -> bool:
        """Whether the record is asked for; a logger is asked for with all below it."""
        if _number(record.get("level")) < _number(self.level):
            return False
        if self.job_id and record.get("job_id") != self.job_id:
            return False
        if self.request_id and record.get("request_id") != self.request_id:
            return False
        name = str(record.get("logger", ""))
        return not self.logger or name == self.logger or name.startswith(f"{self.logger}.")

    def may_match(self, line: bytes) -> bool:
        """Whether it is worth parsing the line: ids are plain text in it."""
        return self.job_id.encode() in line and self.request_id.encode() in line


@dataclass
class Page:
    """One page, newest record first; `cursor` is where older ones begin, None at the end of what is kept."""

    records: list[dict[str, Any]] = field(default_factory=list)
    cursor: str | None = None
    unreadable_lines: int = 0


def read_page(path: Path, *, wanted: Wanted, limit: int, cursor: str = "") -> Page:
    """Give the newest records from the cursor back; raises CursorGone."""
    page = Page()
    read = 0
    for log, offset, line in _from(path, cursor):
        if len(page.records) == limit or read > _MOST_READ:
            page.cursor = f"{log}-{offset + len(line) + 1}"
            break
        read += len(line)
        if wanted.may_match(line):
            _take(page, line, wanted)
    return page


def _take(page: Page, line: bytes, wanted: Wanted) -> None:
    try:
        record = json.loads(line)
    except ValueError:
        page.unreadable_lines += 1
        return
    if isinstance(record, dict) and "event" in record and wanted.matches(record):
        page.records.append(record)


def _number(level: Any) -> int:
    number = logging.getLevelName(str(level).upper())
    return number if isinstance(number, int) else logging.INFO


def _from(path: Path, cursor: str) -> Iterator[tuple[str, int, bytes]]:
    """Give (file's id, offset, line) from the cursor back to the oldest line that is kept."""
    begun = _CURSOR.fullmatch(cursor) if cursor else None
    if cursor and begun is None:
        raise CursorGone
    found = False
    for file in (path, moved_aside(path)):
        if not file.exists():
            continue
        with file.open("rb") as lines:
            log, size = _id_of(lines)
            if begun is not None and not found and log != begun[1]:
                continue
            end = min(size, int(begun[2])) if begun is not None and not found else size
            found = True
            for offset, line in _backwards(lines, end):
                yield log, offset, line
    if begun is not None and not found:
        raise CursorGone


def _id_of(file: BinaryIO) -> tuple[str, int]:
    """Give the file's id and its size up to its last whole line."""
    try:
        log = str(json.loads(file.readline())["log"])
    except (ValueError, KeyError, TypeError):
        log = "0" * 16
    file.seek(0, 2)
    return log, file.tell()


def _backwards(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """Give every line that ends before `end`, the last one first, with its offset."""
    position, begun_before = end, b""
    while position > 0:
        begin = max(0, position - _BLOCK)
        file.seek(begin)
        block = file.read(position - begin) + begun_before
        begun_before, *lines = block.split(b"\n")
        offset = begin + len(block)
        for line in reversed(lines):
            offset -= len(line)
            if line:
                yield offset, line
            offset -= 1
        position = begin
    if begun_before:
        yield 0, begun_before
