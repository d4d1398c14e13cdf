"""This will keep a world in a file, row by row as it changes, so that a killed simulator loses nothing."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from cloudstack_simulator.records import RECORDS, Nic, Record
from cloudstack_simulator.world import Journal, World


class StateFile:
    """This will be a SQLite file of rows; what was written is safe against the death of this process."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # the file must survive a killed process, not a power failure
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS rows (place INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, id TEXT, row TEXT, "
            "UNIQUE (kind, id))"
        )

    def is_empty(self) -> bool:
        """This will tell whether no world was kept here yet."""
        return self._connection.execute("SELECT 1 FROM rows LIMIT 1").fetchone() is None

    def save(self, journal: Journal) -> None:
        """This will write the changed rows in one transaction."""
        changed = [(kind, key, _encode(record)) for (kind, key), record in journal.items()]
        self._connection.execute("BEGIN")
        self._connection.executemany(
            "INSERT INTO rows (kind, id, row) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET row = excluded.row",
            changed,
        )
        self._connection.execute("COMMIT")

    def load_into(self, world: World) -> None:
        """This will bring every kept row back into a world, in the order in which they were made."""
        for kind, text in self._connection.execute("SELECT kind, row FROM rows ORDER BY place").fetchall():
            fields: dict[str, Any] = json.loads(text)
            if kind == "machine":
                fields["nics"] = [Nic(**nic) for nic in fields["nics"]]
            world.add(RECORDS[kind](**fields))

    def close(self) -> None:
        """This will close the file."""
        self._connection.close()


def _encode(record: Record) -> str:
    return json.dumps(record.row(), default=vars, separators=(",", ":"))
