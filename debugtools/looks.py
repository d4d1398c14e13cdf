"""This will look at what may not answer, for a bounded time, and not again before a while has passed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from time import monotonic

import structlog

log = structlog.get_logger(__name__)

# Gives what is wrong in words, or nothing.
Ask = Callable[[], str]


@dataclass
class _Look:
    began: float
    over: threading.Event = field(default_factory=threading.Event)
    trouble: str = "the look at it broke off; the log says why"


@dataclass
class Looks:
    """Asks each thing on a thread of its own, one at a time per thing; safe to use from many threads at once."""

    patience: float = 3.0
    kept_for: float = 10.0
    clock: Callable[[], float] = monotonic
    _looks: dict[Hashable, _Look] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def at(self, things: Mapping[Hashable, Ask]) -> dict[Hashable, str]:
        """Give what is wrong with each thing, an empty text where nothing is; returns within the patience."""
        looks = {thing: self._look(thing, ask) for thing, ask in things.items()}
        until = self.clock() + self.patience
        return {thing: self._trouble(look, until=until) for thing, look in looks.items()}

    def _look(self, thing: Hashable, ask: Ask) -> _Look:
        with self._lock:
            known = self._looks.get(thing)
            # A look that hangs is not joined by a second one.
            if known is not None and not (known.over.is_set() and self.clock() - known.began >= self.kept_for):
                return known
            self._forget_old()
            look = self._looks[thing] = _Look(began=self.clock())
        threading.Thread(target=_carry_out, args=(look, ask), name="look", daemon=True).start()
        return look

    def _trouble(self, look: _Look, *, until: float) -> str:
        if look.over.wait(max(0.0, until - self.clock())):
            return look.trouble
        return f"no answer within {self.patience:g} s"

    def _forget_old(self) -> None:
        old = [
            thing
            for thing, look in self._looks.items()
            if look.over.is_set() and self.clock() - look.began >= self.kept_for
        ]
        for thing in old:
            del self._looks[thing]


def _carry_out(look: _Look, ask: Ask) -> None:
    ended = False
    try:
        look.trouble = ask()
        ended = True
    finally:
        if not ended:
            log.error("look_broke_off", exc_info=True)
        look.over.set()
