"""This will measure the processor time that calls cost the caller; the cloud is another process."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from cloudstack import DENY_ALL, Endpoint, Gateway
from inventory.clouds import observer_of
from inventory.models import TargetCloud
from jobs.runtime import SystemClock, UnixClock
from tests.processes.ground import describe
from tests.processes.programs import simulator_program

SCENARIO = "fleet:20"
CALLS = 500
ROUNDS = 7
MS_AT_MOST = 0.35


def call(directory: Path, *, job_seconds: float) -> dict[str, Any]:
    """Read one volume many times over a kept connection, counted and logged as the service does, and give the line."""
    simulator = simulator_program(directory, scenario=SCENARIO, job_seconds=job_seconds)
    try:
        simulator.start()
        document, _ = describe(SCENARIO, simulator.wait_until_ready())
        row = document["clouds"][0]
        endpoint = Endpoint(url=row["endpoint"], api_key=row["api_key"], secret_key=row["secret_key"])
        gateway = Gateway(
            endpoint,
            clock=UnixClock(SystemClock()),
            destroy_port=DENY_ALL,
            observer=observer_of(TargetCloud(name="cloud")),
        )
        volume_id = document["vms"][0]["disks"][0]["replica"]["volume_id"]
        rounds = [_milliseconds_a_call(gateway, volume_id) for _ in range(ROUNDS)]
    finally:
        simulator.stop()
    # The first round also opens the connection and imports what is needed for that.
    middle = statistics.median(rounds[1:])
    return {
        "name": "call",
        "n": CALLS * ROUNDS,
        "cpu_ms_per_call": round(middle, 3),
        "lowest": round(min(rounds), 3),
        "missed": [f"cpu_ms_per_call {middle:.3f} > {MS_AT_MOST}"] if middle > MS_AT_MOST else [],
    }


def _milliseconds_a_call(gateway: Gateway, volume_id: str) -> float:
    before = time.process_time()
    for _ in range(CALLS):
        if gateway.volume(volume_id) is None:
            raise LookupError(f"the cloud has no volume {volume_id}")
    return (time.process_time() - before) * 1000 / CALLS
