"""This will put a short text into a file so that a crash leaves the old text or the new one, never half of it."""

from __future__ import annotations

import os
from pathlib import Path


def put_in_place(file: Path, text: str) -> None:
    """Write the file anew, its folder too; whoever reads meanwhile reads what was there before."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    with draft.open("w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
