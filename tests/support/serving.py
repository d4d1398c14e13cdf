"""Serve a simulated cloud on a socket, for doors that have gateways of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cloudstack_simulator import Simulator
from cloudstack_simulator.server import SimulatorServer
from inventory.models import TargetCloud
from jobs.runtime import process_engine


@contextmanager
def served(simulator: Simulator) -> Iterator[SimulatorServer]:
    """Serve the simulator on a free port."""
    server = SimulatorServer(simulator, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def reached_by_doors(simulator: Simulator) -> Iterator[SimulatorServer]:
    """Serve the simulator, and write its address into the inventory: API, admin and commands find it there."""
    with served(simulator) as server:
        TargetCloud.objects.update(endpoint=server.url)
        # The process's engine remembers rows for some seconds: those of the test before have the same keys.
        process_engine.cache_clear()
        yield server
        process_engine.cache_clear()
