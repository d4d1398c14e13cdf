"""This will run a simulated cloud as a process of its own, until it is told to end."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from cloudstack_simulator.loader import ScenarioUnknown
from cloudstack_simulator.server import SimulatorServer
from cloudstack_simulator.simulator import Simulator


def main(arguments: list[str] | None = None) -> int:
    """This will serve until SIGTERM or SIGINT."""
    options = _parser().parse_args(arguments)
    try:
        simulator = Simulator.scenario(
            options.scenario, job_seconds=options.job_seconds, seed=options.seed, state=options.state
        )
    except ScenarioUnknown as error:
        sys.stderr.write(f"{error}\n")
        return 2
    server = SimulatorServer(simulator, host=options.host, port=options.port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: server.stopping.set())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, name="simulator", daemon=True)
    thread.start()
    _announce(server.url, options.ready_file)
    server.stopping.wait()
    server.shutdown()
    server.server_close()
    simulator.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cloudstack_simulator", description="A simulated CloudStack over HTTP.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument(
        "--scenario", default="demo", help="a file of scenarios/, without .yaml; fleet:500 makes 500 VMs"
    )
    parser.add_argument("--job-seconds", type=float, default=None, help="how long an asynchronous job takes")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same ids in the same order")
    parser.add_argument("--state", type=Path, default=None, help="keeps the world; an existing one is gone on with")
    parser.add_argument("--ready-file", type=Path, default=None, help="gets the line that says where it listens")
    return parser


def _announce(url: str, ready_file: Path | None) -> None:
    sys.stdout.write(f"ready {url}\n")
    sys.stdout.flush()
    if ready_file is not None:
        unfinished = ready_file.with_name(f"{ready_file.name}.part")
        unfinished.write_text(f"ready {url}\n")
        unfinished.replace(ready_file)


if __name__ == "__main__":
    raise SystemExit(main())
