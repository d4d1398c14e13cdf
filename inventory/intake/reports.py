"""This will say what an intake did, and what it refused and why."""

from __future__ import annotations

from dataclasses import dataclass, field

DocumentPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Refusal:
    """This will name one thing in a document that cannot be taken: where it stands, which field, and why.

    `busy` tells what may be taken later, when the failover that holds the VM has ended, from what is wrong.
    """

    where: str
    field: str
    reason: str
    path: DocumentPath = ()
    busy: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.field}: {self.reason}" if self.field else f"{self.where}: {self.reason}"


@dataclass
class ImportReport:
    """This will list the rows an intake created, changed and left unchanged; with a refusal it changed nothing."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)

    def count(self, label: str, *, is_created: bool, is_changed: bool) -> None:
        """This will enter one row under what happened to it."""
        target = self.created if is_created else self.changed if is_changed else self.unchanged
        target.append(label)

    def refuse(self, path: DocumentPath, reason: str, *, busy: bool = False) -> None:
        """This will enter a refusal of the value at `path`."""
        self.refused.append(refusal(path, reason, busy=busy))


def refusal(path: DocumentPath, reason: str, *, busy: bool = False) -> Refusal:
    """This will make a refusal of the value at `path`: its last key is the field, the rest is where."""
    *parents, last = path or ("",)
    if isinstance(last, int):
        return Refusal(where=written(path), field="", reason=reason, path=path, busy=busy)
    return Refusal(where=written(tuple(parents)), field=last, reason=reason, path=path, busy=busy)


def written(path: DocumentPath) -> str:
    """This will write a path as people do: `vms[0].disks[1]`; the empty path is the document."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "document"
