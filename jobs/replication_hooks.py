"""This will hold replication by each of the three ways that an appliance may offer: hook, manual word, none."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import requests

from database.statements import Prepared
from inventory.models import UNFINISHED_REPLICATION, HoldMethod, ProtectedVM, Replication
from inventory.stalls import is_stalled
from jobs.engine.contracts import Clock
from jobs.world import HoldState, ReplicationPort, ReplicationUnreachable

_TIMEOUT = 10.0
_LARGEST_ANSWER = 64 * 1024


def replication_of(
    vm: ProtectedVM, *, clock: Clock, session_factory: Callable[[], requests.Session] = requests.Session
) -> ReplicationPort:
    """Give the way in which this VM's replication is held."""
    match vm.appliance.hold_method:
        case HoldMethod.HOOK:
            return HookedReplication(
                vm=vm,
                url=vm.appliance.hook_url,
                secret=vm.appliance.hook_secret,
                clock=clock,
                session_factory=session_factory,
            )
        case HoldMethod.MANUAL:
            return ReplicationByWord(appliance=vm.appliance.name)
        case _:
            return UnheldReplication(vm=vm, clock=clock)


@dataclass(frozen=True)
class HookedReplication:
    """Calls the appliance's hook: POST {action, vm_id, reference}, signed; the answer is {"held": bool, "words": text}.

    The signature is HMAC-SHA256 over "<unix seconds>.<body>" in the header X-Failover-Signature, the seconds in
    X-Failover-Timestamp. The hook answers when it is so: held means that the engine has closed the disks.
    """

    vm: ProtectedVM
    url: str
    secret: str
    clock: Clock
    session_factory: Callable[[], requests.Session]
    method: Literal["hook"] = "hook"

    def hold(self, *, vm_id: str, reference: str) -> HoldState:
        """Ask the engine to wait."""
        return self._call("hold", vm_id=vm_id, reference=reference)

    def release(self, *, vm_id: str, reference: str) -> HoldState:
        """Let the engine go on."""
        return self._call("release", vm_id=vm_id, reference=reference)

    def state(self, *, vm_id: str) -> HoldState:
        """Ask what is so; an engine that calls a VM held while it reports a run of it has not closed its disks."""
        said = self._call("state", vm_id=vm_id, reference="")
        moving, _ = _runs_of(self.vm, clock=self.clock) if said.held else ([], [])
        if not moving:
            return said
        words = f"{said.words}, but replication {moving[0]} is still under way"
        return HoldState(held=True, words=words, under_way=moving[0])

    def _call(self, action: str, *, vm_id: str, reference: str) -> HoldState:
        body = json.dumps({"action": action, "vm_id": vm_id, "reference": reference}).encode()
        seconds = str(int(self.clock.now().timestamp()))
        signature = hmac.new(self.secret.encode(), seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-Failover-Timestamp": seconds,
            "X-Failover-Signature": signature,
        }
        try:
            with self.session_factory() as session:
                answer = session.post(self.url, data=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False)
                return _read_hook(answer)
        except (requests.RequestException, ValueError) as error:
            raise ReplicationUnreachable(f"The replication hook {self.url} gave no usable answer: {error}") from error


def _read_hook(answer: requests.Response) -> HoldState:
    if answer.status_code != 200 or len(answer.content) > _LARGEST_ANSWER:
        raise ValueError(f"HTTP {answer.status_code}")
    said: Any = answer.json()
    if not isinstance(said, dict) or not isinstance(said.get("held"), bool):
        raise ValueError('the answer lacks "held"')
    return HoldState(held=said["held"], words=str(said.get("words", ""))[:500] or f"held is {said['held']}")


_UNFINISHED = Prepared(
    lambda vm_id: Replication.objects.filter(vm_id=vm_id, status__in=UNFINISHED_REPLICATION).order_by(
        "-started_at", "-id"
    )
)


def _runs_of(vm: ProtectedVM, *, clock: Clock) -> tuple[list[str], list[str]]:
    """Name the runs of a VM that are reported to be under way, and those that are but said nothing for long."""
    runs = _UNFINISHED.rows(vm_id=vm.pk)
    silent = [run.replication_id for run in runs if is_stalled(run, now=clock.now())]
    return [run.replication_id for run in runs if run.replication_id not in silent], silent


@dataclass(frozen=True)
class UnheldReplication:
    """For engines that keep no handle between runs: nothing is told to anybody; a run under way is an obstacle."""

    vm: ProtectedVM
    clock: Clock
    method: Literal["none"] = "none"

    def hold(self, *, vm_id: str, reference: str) -> HoldState:
        """Look whether a run is under way; there is nobody to tell."""
        return self.state(vm_id=vm_id)

    def release(self, *, vm_id: str, reference: str) -> HoldState:
        """There is nothing to release."""
        return HoldState(held=False, words="this appliance needs no release")

    def state(self, *, vm_id: str) -> HoldState:
        """Read the runs that the engine reported."""
        moving, silent = _runs_of(self.vm, clock=self.clock)
        if moving:
            return HoldState(held=False, words=f"replication {moving[0]} is under way")
        if silent:
            return HoldState(held=True, words=f"replication {silent[0]} is stalled, and no other is under way")
        return HoldState(held=True, words="no replication is under way, and the engine keeps no handle between runs")


@dataclass(frozen=True)
class ReplicationByWord:
    """For engines that a person has to stop: held by the operator's recorded answer to the job's question."""

    appliance: str
    method: Literal["word"] = "word"

    def hold(self, *, vm_id: str, reference: str) -> HoldState:
        """Nothing can be sent; the guard asks the operator."""
        return self.state(vm_id=vm_id)

    def release(self, *, vm_id: str, reference: str) -> HoldState:
        """Nothing can be sent; the operator reads in the timeline that replication may go on."""
        return HoldState(held=False, words=f"replication on {self.appliance} may go on: start it again there")

    def state(self, *, vm_id: str) -> HoldState:
        """Say where to look: this system cannot."""
        return HoldState(held=False, words=f"replication on {self.appliance} is stopped and started by hand")
