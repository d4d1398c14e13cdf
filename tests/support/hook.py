"""Play a replication engine behind its signed hook: it holds VMs, runs syncs, tells the inventory, and misbehaves."""

from __future__ import annotations

import copy
import hashlib
import hmac
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

import requests
from requests.adapters import BaseAdapter

from cloudstack_simulator import Simulator
from inventory.models import HoldMethod
from inventory.services import upsert_vm
from tests.support.inventory_of import HOOK_SECRET, inventory_document
from tests.support.service import WorkerKilled
from tests.support.simulator_line import SIMULATOR_URL

# silent: nothing is done, no answer. lost: done, no answer. error: nothing is done, HTTP 500. nonsense: nothing is
# done, no JSON. lie: nothing is done, the answer says it is. killed: the calling process dies before or after.
Trouble = Literal["silent", "lost", "error", "nonsense", "lie", "killed_before", "killed_after"]
_FOR_EVER = 10**9


@dataclass
class _Planned:
    kind: Trouble
    action: str
    nth: int
    times: int


@dataclass
class ReplicationEngine:
    """The engine of one appliance. `held` maps VM to the reference that holds it; `troubled` says what hit."""

    simulator: Simulator
    secret: str = HOOK_SECRET
    held: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    troubled: list[Trouble] = field(default_factory=list)
    _planned: list[_Planned] = field(default_factory=list)
    _runs: int = 0
    _documents: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Know the VMs as they are before any failover."""
        if not self._documents:
            document = inventory_document(self.simulator, endpoint=SIMULATOR_URL, hold_method=HoldMethod.NONE)
            self._documents = {vm["vm_id"]: vm for vm in document["vms"]}

    def copied_to(self, simulator: Simulator) -> ReplicationEngine:
        """Give the same engine beside a copy of the cloud; no trouble is planned there."""
        return replace(
            self, simulator=simulator, held=dict(self.held), calls=list(self.calls), troubled=[], _planned=[]
        )

    def session(self) -> requests.Session:
        """Give a session whose every request goes to this engine's hook."""
        session = requests.Session()
        session.trust_env = False
        session.mount("http://", _HookAdapter(self))
        return session

    def misbehave(self, kind: Trouble, *, action: str = "*", nth: int = 1, times: int = _FOR_EVER) -> None:
        """Plan trouble from the nth call of an action on (hold, release, state, or any), so many times."""
        self._planned.append(_Planned(kind, action, nth, times))

    def behave(self) -> None:
        """Drop all planned trouble."""
        self._planned.clear()

    # --- the hook ---

    def answer(self, request: requests.PreparedRequest) -> tuple[int, bytes]:
        """Answer a call of the hook: 401 without a good signature, else what is so."""
        body = request.body if isinstance(request.body, bytes) else str(request.body).encode()
        if not self._is_signed(body, request.headers):
            return 401, b'{"error": "bad signature"}'
        asked: dict[str, Any] = json.loads(body)
        action, vm_id = asked["action"], asked["vm_id"]
        self.calls.append((action, vm_id))
        trouble = self._strike(action)
        if trouble == "killed_before":
            raise WorkerKilled
        if trouble == "silent":
            raise requests.exceptions.ReadTimeout("the hook did not answer", request=request)
        if trouble == "error":
            return 500, b"<html>Internal Server Error</html>"
        if trouble == "nonsense":
            return 200, b'"fine"'
        if trouble != "lie":
            self._do(action, vm_id, str(asked["reference"]))
        if trouble == "killed_after":
            raise WorkerKilled
        if trouble == "lost":
            raise requests.exceptions.ConnectionError("the answer was lost", request=request)
        is_held = {"hold": True, "release": False}.get(action, vm_id in self.held)
        if trouble == "lie" and action == "state":
            is_held = not is_held
        return 200, json.dumps({"held": is_held, "words": "held" if is_held else "not held"}).encode()

    def _do(self, action: str, vm_id: str, reference: str) -> None:
        if action == "hold":
            self.held[vm_id] = reference
        elif action == "release":
            self.held.pop(vm_id, None)

    def _is_signed(self, body: bytes, headers: Mapping[str, str]) -> bool:
        seconds = headers.get("X-Failover-Timestamp", "")
        wanted = hmac.new(self.secret.encode(), seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
        is_fresh = seconds.isdigit() and abs(self.simulator.clock.now() - int(seconds)) <= 300
        return is_fresh and hmac.compare_digest(wanted, headers.get("X-Failover-Signature", ""))

    def _strike(self, action: str) -> Trouble | None:
        for planned in self._planned:
            if planned.action not in {"*", action}:
                continue
            planned.nth -= 1
            if planned.nth <= 0 < planned.times:
                planned.times -= 1
                self.troubled.append(planned.kind)
                return planned.kind
        return None

    # --- what the engine does by itself ---

    def begin_run(self, vm_id: str) -> str | None:
        """Begin a sync, write to the first disk and tell the inventory; None when the VM is held and the run waits."""
        if vm_id in self.held:
            return None
        self._runs += 1
        run = f"run-{self._runs}"
        volumes = self._volumes(vm_id)
        self.simulator.begin_sync(volumes)
        self.simulator.appliance_writes(volumes[0], f"{run}/begun")
        self.tell(vm_id, run, status="replicating", percentage=10)
        return run

    def end_run(self, vm_id: str, run: str) -> None:
        """Write the rest, close the disks and tell the inventory the change ids that were reached."""
        self.simulator.end_sync(run)
        self.tell(vm_id, run, status="completed", percentage=100)

    def _volumes(self, vm_id: str) -> list[str]:
        return [disk["replica"]["volume_id"] for disk in self._documents[vm_id]["disks"]]

    def tell(self, vm_id: str, run: str, *, status: str, percentage: int) -> None:
        """Push as the engine does, through the real intake: change ids only once the run has ended."""
        vm = copy.deepcopy(self._documents[vm_id])
        now = datetime.fromtimestamp(self.simulator.clock.now(), tz=UTC)
        told = {"replication_id": run, "kind": "incremental", "status": status, "percentage": percentage}
        vm["replications"] = [told | ({"finished_at": now.isoformat()} if status == "completed" else {})]
        for disk in vm["disks"]:
            reached = {"change_id": f"{run}/{disk['position']}", "last_sync_at": now.isoformat()}
            disk["replica"] = {"volume_id": disk["replica"]["volume_id"]} | (reached if status == "completed" else {})
        report = upsert_vm(vm_id=vm_id, document=vm, now=now)
        assert not report.refused, [str(refusal) for refusal in report.refused]


class _HookAdapter(BaseAdapter):
    """Hands each request to the engine."""

    def __init__(self, engine: ReplicationEngine) -> None:
        super().__init__()
        self._engine = engine

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Answer as the engine does."""
        status, body = self._engine.answer(request)
        response = requests.Response()
        response.status_code, response.raw, response.request = status, io.BytesIO(body), request
        response.url = request.url or ""
        return response

    def close(self) -> None:
        """Have nothing to close."""
