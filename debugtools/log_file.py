"""This will keep the newest log records of all processes of this host in one bounded file, one JSON object a line.

Every process appends whole lines; whoever finds the file full moves it aside under a lock, so at most two files of the
bounded size exist. The first line of each names it, so that a place in it can be found again after it was moved.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

_OWN_ONLY = 0o600
# A broken record must not break what wrote it; the standard handlers swallow everything here.
_UNWRITABLE = (OSError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def moved_aside(path: Path) -> Path:
    """Give where a full file is kept until the next one is full."""
    return path.with_name(f"{path.name}.1")


def stamp_process(logger: object, method: str, event: dict[str, Any]) -> Mapping[str, Any]:
    """Say which process wrote the record: all of them write into one file."""
    del logger, method
    return {**event, "pid": os.getpid()}


class FormattedOnce(structlog.stdlib.ProcessorFormatter):
    """This will format a record once, however many logs it goes to: taking out secrets is most of what a line costs."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        kept: tuple[object, str] | None = record.__dict__.get("formatted")
        if kept is not None and kept[0] is self:
            return kept[1]
        line = super().format(record)
        record.__dict__["formatted"] = (self, line)
        return line


class SharedLogFile(logging.Handler):
    """This will append records to the file that all processes of this host share."""

    def __init__(self, filename: str | Path, *, max_bytes: int) -> None:
        """Take the file and the size at which it is moved aside; nothing is opened before the first record."""
        super().__init__()
        self.path = Path(filename)
        self.max_bytes = max_bytes
        self._file: int | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Append the record as one line."""
        try:
            self._append(self.format(record).encode("utf-8", "backslashreplace") + b"\n")
        except _UNWRITABLE:
            self.handleError(record)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        super().close()

    def _append(self, line: bytes) -> None:
        file = self._opened()
        if os.fstat(file).st_size + len(line) > self.max_bytes:
            self._move_aside(file)
            file = self._opened()
        # One write of the whole line to a file opened for appending: lines of several processes do not mix.
        os.write(file, line)

    def _opened(self) -> int:
        """Give the file that has the name now; another process may have moved aside the one that was opened."""
        try:
            named = self.path.stat()
        except FileNotFoundError:
            self._begin()
            named = self.path.stat()
        if self._file is not None:
            if os.path.samestat(named, os.fstat(self._file)):
                return self._file
            os.close(self._file)
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        return self._file

    def _begin(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._alone():
            if not self.path.exists():
                self._put_empty_file()

    def _move_aside(self, full: int) -> None:
        with self._alone():
            # Another process may have been here first; then the name is another file's already.
            if os.path.samestat(self.path.stat(), os.fstat(full)):
                self.path.replace(moved_aside(self.path))
                self._put_empty_file()

    def _put_empty_file(self) -> None:
        draft = self.path.with_name(f"{self.path.name}.begun")
        draft.unlink(missing_ok=True)
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWN_ONLY)
        with os.fdopen(file, "w") as out:
            out.write(json.dumps({"log": secrets.token_hex(8)}) + "\n")
        draft.replace(self.path)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_WRONLY | os.O_CREAT, _OWN_ONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
