"""This will fetch values that a document names instead of holding: `{env: NAME}` and `{file: PATH}`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class ValueMissing(Exception):
    """This will be raised when what a document names is not there; its text never holds a value."""


def resolved(value: str | Mapping[str, str], *, environ: Mapping[str, str]) -> str:
    """This will give the text itself, or what the variable or file holds, stripped."""
    match value:
        case str():
            return value
        case {"env": str(name)}:
            return _filled(environ.get(name, ""), f"environment variable {name}")
        case {"file": str(path)}:
            try:
                return _filled(Path(path).read_text(encoding="utf-8"), f"file {path}")
            except (OSError, UnicodeDecodeError) as broken:
                raise ValueMissing(f"cannot read the file {path}") from broken
        case _:
            raise ValueMissing("names neither env nor file")


def _filled(text: str, source: str) -> str:
    if not text.strip():
        raise ValueMissing(f"the {source} is not set or empty")
    return text.strip()
