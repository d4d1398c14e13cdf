"""Say where a CloudStack is, what time it is, and until when a mutating request may arrive."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Protocol

_JOB_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Clock(Protocol):
    """Tell the time; tests pass one that they move themselves."""

    def now(self) -> float:
        """Return unix seconds."""
        ...


@dataclass(frozen=True)
class Endpoint:
    """Name one CloudStack API and the key that speaks to it.

    `timeout` (seconds) holds for every call but the few that are slow by nature (deployVirtualMachine
    allocates and deleteVolume deletes before they answer), which get `slow_timeout`.
    """

    url: str
    api_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    ca_file: str | None = None
    timeout: float = 10.0
    slow_timeout: float = 60.0
    # Calls a second of this process, and how many may come at once; 0 is no limit.
    calls_per_second: float = 0.0
    burst: int = 1


@dataclass(frozen=True)
class Ticket:
    """Permit one mutating call: the id its async job shall have, and the unix second after which it is void.

    The deadline travels as `expires`, so CloudStack itself refuses a request that arrives too late. It is
    committed with the attempt and never moved: a worker that slept must not sign a fresh one.
    """

    async_job_id: str
    deadline: float

    def __post_init__(self) -> None:
        """Refuse an id that CloudStack would refuse: it takes lower-case dashed uuids only."""
        if not _JOB_ID.fullmatch(self.async_job_id):
            raise ValueError(f"async_job_id must be a lower-case uuid with dashes, not {self.async_job_id!r}")
