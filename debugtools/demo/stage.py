"""This will hold what the acts of the story play with: the service, the simulated cloud, and the screen."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from debugtools.demo.client import Client
from debugtools.demo.processes import Processes
from debugtools.demo.screen import Screen
from debugtools.demo.world import World


@dataclass(frozen=True)
class Stage:
    """`operator` starts and watches, `administrator` configures, `cloud` is the simulator's control door.

    `fault` is (CloudStack command, kind) of the fault that the live failovers meet, by the user's wish.
    """

    screen: Screen
    processes: Processes
    operator: Client
    administrator: Client
    cloud: Client
    job_seconds: float
    fault: tuple[str, str] | None = None
    _never: threading.Event = field(default_factory=threading.Event)

    def pause(self, seconds: float) -> None:
        """Wait, and raise ChildFailed when a process of the demo died meanwhile."""
        self._never.wait(seconds)
        self.processes.refuse_if_any_died()

    @property
    def patience(self) -> float:
        """Give the seconds that a job may take: long enough for every fault that ends by itself."""
        return 240.0 + 60.0 * self.job_seconds

    def world(self) -> World:
        """Look at the cloud's truth."""
        return World.from_json(self.cloud.get("/simulator/world"))
