"""Ask before anything is destroyed, and say no unless somebody who knows says otherwise."""

from __future__ import annotations

from typing import Literal, Protocol

Destroyable = Literal["volume", "virtual_machine", "snapshot"]


class DestroyPort(Protocol):
    """Decide what may be destroyed; implemented by those who know what holds a replica."""

    def refusal(self, *, kind: Destroyable, id: str) -> str | None:
        """Return a sentence when it must not be destroyed, None when it may."""
        ...


class DenyAll:
    """Refuse everything: the default, so that forgetting to pass a port destroys nothing."""

    def refusal(self, *, kind: Destroyable, id: str) -> str | None:
        """Refuse, and say what to pass instead."""
        return f"{kind} {id} may not be destroyed: this gateway was given no destroy port that allows it"


DENY_ALL = DenyAll()


class DestroyForbidden(Exception):
    """Tell that the destroy port refused; nothing was sent."""
