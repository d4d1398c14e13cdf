"""This will serve a simulated cloud over HTTP: CloudStack's API, and control routes for demos and kill scripts."""

from __future__ import annotations

import ipaddress
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from cloudstack_simulator.answers import AnswerLost, CallHangs, HttpAnswer, render
from cloudstack_simulator.faults import Fault
from cloudstack_simulator.simulator import Simulator

API_PATH = "/client/api"
MAX_BODY = 1 << 20


class SimulatorServer(ThreadingHTTPServer):
    """This will accept connections and hand what they ask to the simulator, one thread to a connection."""

    daemon_threads = True
    # a fleet's workers may all connect at once
    request_queue_size = 512

    def __init__(self, simulator: Simulator, *, host: str, port: int) -> None:
        self.simulator = simulator
        self.stopping = threading.Event()
        super().__init__((host, port), Door)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """This will keep quiet about clients that went away in the middle, as killed ones do."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """This will give the address of the API."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}{API_PATH}"


class Door(BaseHTTPRequestHandler):
    """This will read one connection's requests and write their answers, each in one piece."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 600
    server: SimulatorServer

    def do_GET(self) -> None:
        """This will answer a GET."""
        self._serve("GET")

    def do_POST(self) -> None:
        """This will answer a POST."""
        self._serve("POST")

    def log_message(self, format: str, *args: Any) -> None:
        """This will keep quiet: query strings carry signatures."""

    def _serve(self, method: str) -> None:
        target = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode() if 0 < length <= MAX_BODY else ""
        if target.path.rstrip("/") == API_PATH:
            self._serve_api("&".join(part for part in (target.query, body) if part), method)
        elif target.path.startswith("/simulator/"):
            self._serve_control(f"{method} {target.path}", body)
        else:
            self._write(self._json(404, {"error": f"There is nothing at {target.path}"}))

    def _serve_api(self, form: str, method: str) -> None:
        try:
            self._write(self.server.simulator.handle(form, method=method))
        except AnswerLost:
            self.close_connection = True
        except CallHangs:
            self.server.stopping.wait(3600)
            self.close_connection = True

    def _serve_control(self, route: str, body: str) -> None:
        if not ipaddress.ip_address(self.client_address[0]).is_loopback:
            self._write(self._json(403, {"error": "The control routes answer on the loopback only"}))
            return
        action = CONTROLS.get(route)
        if action is None:
            self._write(self._json(404, {"error": f"No such route: {route}", "routes": sorted(CONTROLS)}))
            return
        try:
            answer = action(self.server.simulator, json.loads(body or "{}"))
        except (KeyError, TypeError, ValueError) as error:
            self._write(self._json(400, {"error": f"{type(error).__name__}: {error}"}))
            return
        self._write(self._json(200, answer))

    def _json(self, status: int, payload: Any) -> HttpAnswer:
        return render(status, payload, moment=self.server.simulator.clock.now())

    def _write(self, answer: HttpAnswer) -> None:
        headers = answer.headers | {"Content-Length": str(len(answer.body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        reason = self.responses[answer.status][0] if answer.status in self.responses else "CloudStack"
        self.wfile.write(f"HTTP/1.1 {answer.status} {reason}\r\n{head}\r\n".encode("latin-1", "replace") + answer.body)


def show_world(simulator: Simulator, _body: Any) -> Any:
    """This will show everything that exists in both layers, the alarms, and what was deleted."""
    return {
        "now": simulator.clock.now(),
        "vms": [plain(row) for row in simulator.vms()],
        "volumes": [plain(row) for row in simulator.volumes()],
        "snapshots": [plain(row) for row in simulator.snapshots()],
        "deleted_volumes": [plain(row) for row in simulator.deleted_volumes()],
        "alarms": simulator.alarms(),
        "next_event_at": simulator.next_event_at(),
        "unfinished_jobs": simulator.unfinished_jobs(),
    }


def show_calls(simulator: Simulator, _body: Any) -> Any:
    """This will count the calls by command."""
    return simulator.calls.counts()


def add_faults(simulator: Simulator, body: Any) -> Any:
    """This will plan faults: one as an object of Fault's fields, several as a list; {"clear": true} drops them all."""
    if isinstance(body, dict) and body.get("clear"):
        simulator.faults.clear()
        return {"planned": 0}
    known = {field.name for field in fields(Fault)}
    planned = [body] if isinstance(body, dict) else body
    for entry in planned:
        if unknown := set(entry) - known:
            raise ValueError(f"A fault has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(known))}")
        simulator.faults.add(Fault(**entry))
    return {"planned": len(planned)}


def show_faults(simulator: Simulator, _body: Any) -> Any:
    """This will list the faults that took place."""
    return {"fired": [asdict(fault) for fault in simulator.faults.fired]}


def restart(simulator: Simulator, body: Any) -> Any:
    """This will restart the management server; `down_seconds` says how long it is away."""
    simulator.restart_management_server(down_seconds=float(body.get("down_seconds", 0.0)))
    return {"restarted": True}


def write(simulator: Simulator, body: Any) -> Any:
    """This will write a block set to a replica in the name of the appliance."""
    return {"written": simulator.appliance_writes(body["volume_id"], body["change_id"])}


CONTROLS: dict[str, Callable[[Simulator, Any], Any]] = {
    "GET /simulator/world": show_world,
    "GET /simulator/calls": show_calls,
    "GET /simulator/faults": show_faults,
    "POST /simulator/faults": add_faults,
    "POST /simulator/restart": restart,
    "POST /simulator/write": write,
}


def plain(row: Any) -> Any:
    """This will turn a frozen truth into JSON-able values."""
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in asdict(row).items()}
