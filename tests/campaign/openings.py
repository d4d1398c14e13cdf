"""This will name the beginnings of schedules: which failover, of which VM, how far it is when trouble begins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Literal

Calls = dict[str, int]

_LIVE: Calls = {
    "detachVolume": 2,
    "createSnapshot": 1,
    "deployVirtualMachine": 1,
    "deleteVolume": 1,
    "attachVolume": 1,
    "updateVirtualMachine": 2,
    "startVirtualMachine": 1,
}
_LIVE_UNDO: Calls = {"detachVolume": 1, "attachVolume": 1, "destroyVirtualMachine": 1, "deleteSnapshot": 1}
_COPIES: Calls = {
    "createSnapshot": 1,
    "deployVirtualMachine": 1,
    "detachVolume": 1,
    "deleteVolume": 1,
    "updateVirtualMachine": 1,
    "createVolume": 1,
    "attachVolume": 1,
    "startVirtualMachine": 1,
}
_DETACHED: Calls = _COPIES | {"detachVolume": 2, "attachVolume": 2}
_CLEANUP: Calls = {
    "stopVirtualMachine": 1,
    "detachVolume": 1,
    "deleteVolume": 1,
    "destroyVirtualMachine": 1,
    "deleteSnapshot": 1,
}
_BOOTED: Calls = {
    "detachVolume": 2,
    "createSnapshot": 1,
    "deployVirtualMachine": 1,
    "deleteVolume": 1,
    "updateVirtualMachine": 1,
    "attachVolume": 1,
    "startVirtualMachine": 1,
}
_REVERTING: Calls = {
    "stopVirtualMachine": 1,
    "detachVolume": 1,
    "destroyVirtualMachine": 1,
    "revertSnapshot": 1,
    "attachVolume": 1,
}
_ROLLBACK: Calls = {
    "stopVirtualMachine": 1,
    "updateVirtualMachine": 1,
    "detachVolume": 1,
    "revertSnapshot": 1,
    "attachVolume": 1,
    "destroyVirtualMachine": 1,
}
_COMMIT: Calls = {"deleteSnapshot": 1}


@dataclass(frozen=True)
class Opening:
    """A job and how far it was led: `begun` is written and not yet worked on, `window` is a test whose VM runs.

    `ended` is a live failover that succeeded: an operator rolls it back or commits it.

    `forward` and `after` are the changing calls from here on, of an undisturbed run and of its undo or cleanup.
    """

    name: str
    vm_id: str
    strategy: str
    led: Literal["begun", "window", "ended"]
    held: Literal["hook", "none"]
    forward: tuple[tuple[str, int], ...]
    after: tuple[tuple[str, int], ...]
    weight: int
    # A second job of another VM beside it, on the same appliance.
    beside: str = ""
    length: float = 25.0
    # What a live failover's start asked for at the end of its rollback window.
    way_back: Literal["", "commit", "roll_back"] = ""

    @cached_property
    def calls(self) -> list[tuple[str, int]]:
        """Give every call with its number among those of its command."""
        counted: dict[str, int] = {}
        for command, count in chain(self.forward, self.after):
            counted[command] = counted.get(command, 0) + count
        return [(command, nth) for command, count in counted.items() for nth in range(1, count + 1)]

    @property
    def attempts(self) -> int:
        """Give how many attempts a run makes, about."""
        return sum(count for _, count in chain(self.forward, self.after))


def _opening(name: str, calls: Calls, after: Calls, **rest: object) -> Opening:
    return Opening(name=name, forward=tuple(calls.items()), after=tuple(after.items()), **rest)  # type: ignore[arg-type]


def _twice(calls: Calls) -> Calls:
    single = {"deployVirtualMachine", "startVirtualMachine", "stopVirtualMachine", "destroyVirtualMachine"}
    return {command: count if command in single else count + 1 for command, count in calls.items()}


OPENINGS: tuple[Opening, ...] = (
    _opening("live", _LIVE, _LIVE_UNDO, vm_id="vm-one", strategy="live", led="begun", held="hook", weight=26),
    _opening("live-unheld", _LIVE, _LIVE_UNDO, vm_id="vm-one", strategy="live", led="begun", held="none", weight=8),
    _opening(
        "live-two-disks",
        _twice(_LIVE),
        _twice(_LIVE_UNDO),
        vm_id="vm-two",
        strategy="live",
        led="begun",
        held="hook",
        weight=10,
    ),
    _opening("clone", _COPIES, _CLEANUP, vm_id="vm-one", strategy="clone", led="begun", held="hook", weight=14),
    _opening(
        "clone-two-disks",
        _twice(_COPIES),
        _twice(_CLEANUP),
        vm_id="vm-two",
        strategy="clone",
        led="begun",
        held="none",
        weight=4,
    ),
    _opening("clone-window", {}, _CLEANUP, vm_id="vm-one", strategy="clone", led="window", held="hook", weight=8),
    _opening(
        "detached-clone",
        _DETACHED,
        _CLEANUP,
        vm_id="vm-one",
        strategy="detached_clone",
        led="begun",
        held="hook",
        weight=10,
    ),
    _opening(
        "boot-and-revert",
        _BOOTED,
        _REVERTING,
        vm_id="vm-one",
        strategy="boot_and_revert",
        led="begun",
        held="hook",
        weight=12,
    ),
    _opening(
        "boot-and-revert-window",
        {},
        _REVERTING,
        vm_id="vm-one",
        strategy="boot_and_revert",
        led="window",
        held="hook",
        weight=8,
    ),
    _opening(
        "two-jobs",
        _LIVE,
        _LIVE_UNDO,
        vm_id="vm-one",
        strategy="live",
        led="begun",
        held="hook",
        weight=6,
        beside="vm-two",
        length=40.0,
    ),
    _opening("live-ended", _ROLLBACK, _COMMIT, vm_id="vm-one", strategy="live", led="ended", held="hook", weight=18),
    _opening(
        "live-way-back",
        _ROLLBACK,
        {},
        vm_id="vm-one",
        strategy="live",
        led="ended",
        held="hook",
        weight=6,
        length=80.0,
        way_back="roll_back",
    ),
    _opening(
        "live-way-on",
        _COMMIT,
        {},
        vm_id="vm-one",
        strategy="live",
        led="ended",
        held="hook",
        weight=3,
        length=80.0,
        way_back="commit",
    ),
    _opening(
        "live-two-disks-ended",
        _twice(_ROLLBACK),
        _twice(_COMMIT),
        vm_id="vm-two",
        strategy="live",
        led="ended",
        held="none",
        weight=8,
    ),
)
BY_NAME = {opening.name: opening for opening in OPENINGS}
