"""This will hold every moment of a schedule against the invariants (docs/campaign.md numbers them).

At each call that could change the cloud, and after each round of the service, world and journal are read: contents of
volumes and what the hypervisor really holds, not only records.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from django.db import connection

from cloudstack_simulator import Simulator
from cloudstack_simulator.call_log import is_mutating
from cloudstack_simulator.records import Machine, Volume
from tests.campaign.ground import Set
from tests.support.worlds import Before

# What may be done at all (I5), with the parameters that name volumes and VMs.
ALLOWED = frozenset(
    {
        "attachVolume",
        "detachVolume",
        "createSnapshot",
        "deleteSnapshot",
        "revertSnapshot",
        "createVolume",
        "deleteVolume",
        "deployVirtualMachine",
        "destroyVirtualMachine",
        "startVirtualMachine",
        "stopVirtualMachine",
        "updateVirtualMachine",
    }
)
_VM_COMMANDS = frozenset({"destroyVirtualMachine", "startVirtualMachine", "stopVirtualMachine", "updateVirtualMachine"})
_COMMAND = re.compile(r"(?:^|&)command=(\w+)")
_ENDED_VOLUME = frozenset({"Destroy", "Destroyed", "Expunging", "Expunged"})
# A replica may hang nowhere for so long within a running job before somebody has to be told (I3).
_JOBS = """
SELECT id, state, job_type, vm_id, next_look_at, window_ends_at, cleanup_requested_at, outcome,
       (SELECT count(*) FROM jobs_question q WHERE q.job_id = j.id AND q.answered_at IS NULL) AS asked,
       (SELECT count(*) FROM jobs_plan p WHERE p.job_id = j.id AND p.kind = 'cleanup') AS cleanups,
       j.job_id
FROM jobs_failoverjob j
"""
_VM_OF_VOLUME = """
SELECT r.volume_id, d.vm_id FROM inventory_replicavolume r JOIN inventory_vmdisk d ON d.id = r.disk_id
"""


class Violation(BaseException):
    """An invariant does not hold: nothing of the service may catch this."""

    def __init__(self, invariant: str, words: str) -> None:
        """Name the invariant and say what is so."""
        super().__init__(f"{invariant}: {words}")
        self.invariant = invariant


@dataclass
class Arrival:
    """A changing call at the moment when it reaches the cloud, and what was so just then."""

    command: str
    params: Mapping[str, str]
    calls_before: int
    # The volume that it changes, also where it names only a snapshot of it.
    volume_id: str
    replicas_on_vm: list[str]
    busy: list[str]
    attempt: tuple[str, str, str] | None
    vm_state: str


@dataclass
class Checker:
    """Judges one schedule; `touched` are volumes and VMs in which somebody else has had his hands."""

    stage: Set
    before: Before
    touched: set[str] = field(default_factory=set)
    events: int = 0
    words_taken: bool = False

    def __post_init__(self) -> None:
        """Know the replicas and the VMs that were there before."""
        self.replicas = tuple(self.before.places)
        self.world = self.stage.simulator.cloud.world
        self._vm_of = dict(_rows(_VM_OF_VOLUME))
        self._appliances = {row.id for row in self.world.machines.values() if row.appliance}
        self._sent: set[str] = set()

    @property
    def simulator(self) -> Simulator:
        """Give the cloud."""
        return self.stage.simulator

    # --- at a call ---

    def arriving(self, body: str) -> Arrival | None:
        """Note what is so before a changing call is handed to the cloud."""
        command = command_in(body)
        if not is_mutating(command):
            return None
        params = dict(parse_qsl(body, keep_blank_values=True))
        self.simulator.advance()
        vm_id = params.get("virtualmachineid", params.get("id", "")) if command in _VM_COMMANDS else ""
        volume_id = _volume_of(command, params, self.world.snapshots)
        machine = self.world.machines.get(vm_id)
        return Arrival(
            command=command,
            params=params,
            calls_before=self.simulator.calls.count(command),
            volume_id=volume_id,
            replicas_on_vm=[row.id for row in self.world.volumes_of(vm_id) if row.replica] if vm_id else [],
            busy=self._jobs_about(volume_id) if volume_id else [],
            attempt=_attempt(params.get("customjobid", "")),
            vm_state=machine.state if machine is not None else "",
        )

    def arrived(self, call: Arrival) -> None:
        """Judge a call that the cloud took: what it refused for its signature or fence never happened."""
        if self.simulator.calls.count(call.command) == call.calls_before:
            return
        if call.command not in ALLOWED:
            raise Violation("I5", f"{call.command} was called, which nothing here ever needs")
        self._judge_ticket(call)
        self._judge_target(call)
        if call.busy and not self._is_touched(call):
            raise Violation("I11", f"{call.command} was sent for a volume with unfinished work: {call.busy}")
        if call.command == "revertSnapshot":
            self._judge_revert(call)

    def _judge_ticket(self, call: Arrival) -> None:
        """One call per intent, committed before it and not yet over (I12, I14, rule 1)."""
        ticket = call.params.get("customjobid")
        if ticket is None:
            return
        if ticket in self._sent:
            raise Violation("I12", f"{call.command} was sent twice with the id {ticket}")
        self._sent.add(ticket)
        if call.attempt is None:
            raise Violation("I9", f"{call.command} was sent without an intent that is committed")
        state, job_type, plan = call.attempt
        if state in {"done", "not_done"} and not self.words_taken:
            raise Violation("I14", f"{call.command} took effect after its attempt was concluded as {state}")
        if job_type == "live" and call.command == "revertSnapshot" and plan != "rollback":
            raise Violation("I13", "a snapshot was reverted in a live failover that nobody rolls back")

    def _judge_target(self, call: Arrival) -> None:
        named = call.params.get("id", "")
        if call.command == "deleteVolume" and named in self.replicas:
            raise Violation("I1", f"deleteVolume names the replica {named}")
        if call.command in _VM_COMMANDS or call.command == "attachVolume":
            vm_id = call.params.get("virtualmachineid", named)
            self._judge_vm(call, vm_id)
        if call.command == "destroyVirtualMachine" and call.replicas_on_vm:
            raise Violation("I4", f"{named} was to be destroyed with the replicas {call.replicas_on_vm} on it")
        if call.command == "deleteVolume" and not _made("volume_id", "root_volume_id", id=named):
            raise Violation("I5", f"deleteVolume names {named}, which no job made")
        if call.command in {"deleteSnapshot", "revertSnapshot"} and not _made("snapshot_id", id=named):
            raise Violation("I5", f"{call.command} names {named}, which no job made")
        if (
            call.command == "detachVolume"
            and named not in self.replicas
            and not _made("volume_id", "root_volume_id", id=named)
        ):
            raise Violation("I5", f"detachVolume names {named}, which is no business of ours")

    def _judge_vm(self, call: Arrival, vm_id: str) -> None:
        if vm_id in self._appliances:
            if call.command != "attachVolume":
                raise Violation("I5", f"{call.command} names the appliance")
        elif not _made("vm_id", id=vm_id):
            raise Violation("I4", f"{call.command} names the VM {vm_id}, which no job made")
        if call.command in {"stopVirtualMachine", "destroyVirtualMachine"} and _runs_in_earnest(vm_id):
            raise Violation("I7", f"{call.command} names the VM of a live failover that succeeded")

    def _judge_revert(self, call: Arrival) -> None:
        snapshot = self.world.snapshots[call.params["id"]]
        volume = self.world.volumes[snapshot.volume_id]
        machine = self.world.machines.get(volume.vm_id or "")
        if (machine is not None and machine.state != "Stopped") or volume.holders:
            raise Violation("I13", f"{volume.name} was reverted while it hangs on a VM that runs")

    def _is_touched(self, call: Arrival) -> bool:
        return not self.touched.isdisjoint({call.volume_id, *call.params.values()})

    def _jobs_about(self, volume_id: str) -> list[str]:
        """Name the cloud's unfinished jobs that change a volume, whoever sent them."""
        found = []
        for key in self.world.unfinished:
            job = self.world.jobs[key]
            if _volume_of(job.command, job.params, self.world.snapshots) == volume_id:
                found.append(f"{job.command} {key}")
        return found

    # --- after an event ---

    def after_event(self) -> list[tuple[Any, ...]]:
        """Judge the moment; give the rows of the jobs for whoever goes on with them."""
        self.events += 1
        self.simulator.advance()
        jobs = _rows(_JOBS)
        self._judge_alarms()
        in_hand = dict(_rows("SELECT vm_id, reference FROM inventory_vmreservation"))
        for volume_id in self.replicas:
            self._judge_replica(self.world.volumes[volume_id], is_in_hand=self._vm_of[volume_id] in in_hand)
        self._judge_jobs(jobs, in_hand)
        return jobs

    def _judge_alarms(self) -> None:
        for alarm in self.simulator.cloud.hypervisor.alarms():
            if not any(id in alarm for id in self.touched):
                raise Violation("I2", alarm)

    def _judge_replica(self, volume: Volume, *, is_in_hand: bool) -> None:
        if volume.removed or volume.state in _ENDED_VOLUME:
            raise Violation("I1", f"replica {volume.name} is {volume.state}, deleted by {volume.deleted_by}")
        if volume.id in self.touched:
            return
        if len(volume.holders) > 1:
            raise Violation("I2", f"{volume.name} is held by {volume.holders}")
        if is_in_hand or self.words_taken:
            return
        self._judge_layers(volume, self.world.machines.get(volume.vm_id or ""))
        if volume.vm_id is None:
            raise Violation("I3", f"{volume.name} hangs nowhere and no job has it in hand")

    def _judge_layers(self, volume: Volume, machine: Machine | None) -> None:
        """When no job has a disk in hand the hypervisor holds what the record says, and nothing else."""
        should = [machine.id] if machine is not None and machine.running else []
        if volume.holders != should and not self._is_called_unverified(volume):
            raise Violation(
                "I2", f"{volume.name} is recorded on {volume.vm_id}, the hypervisor holds it in {volume.holders}"
            )

    def _is_called_unverified(self, volume: Volume) -> bool:
        """Say whether operators are told not to trust the disk: where only records can be read, that is the truth."""
        return bool(
            _rows("SELECT 1 FROM inventory_replicavolume WHERE volume_id = %s AND state = 'unverified'", volume.id)
        )

    def _judge_jobs(self, jobs: list[tuple[Any, ...]], in_hand: dict[int, str]) -> None:
        active: set[int] = set()
        for pk, state, job_type, vm, next_look, window_ends, asked_cleanup, outcome, asked, cleanups, name in jobs:
            if state in {"queued", "running"} and next_look is None:
                raise Violation("I10", f"job {pk} is {state} and nobody will ever look at it again")
            if state == "waiting_for_operator" and not asked:
                raise Violation("I10", f"job {pk} waits for an operator and asks nothing")
            if (state == "finished") != (outcome is not None):
                raise Violation("I10", f"job {pk} is {state} with the outcome {outcome}")
            # A test that removes its copies has given the VM back: a live failover may have it in hand meanwhile.
            if state in {"queued", "running", "waiting_for_operator"} and not (cleanups and in_hand.get(vm) != name):
                if vm in active:
                    raise Violation("I8", f"two jobs move VM {vm}")
                active.add(vm)
            if cleanups and job_type == "live":
                raise Violation("I18", f"job {pk} cleans up a live failover")
            if cleanups and asked_cleanup is None and window_ends and self._now() < _moment(window_ends):
                raise Violation("I18", f"job {pk} is cleaned up before its window ends, and nobody asked")

    def _now(self) -> float:
        return self.stage.service.clock.now().timestamp()


def command_in(body: str) -> str:
    """Give the command that a request names; most requests are reads, of which nothing else is asked."""
    named = _COMMAND.search(body)
    return named.group(1) if named is not None else ""


def _volume_of(command: str, params: Mapping[str, str], snapshots: Mapping[str, Any]) -> str:
    """Give the volume that a call of this command changes, or nothing."""
    match command:
        case "attachVolume" | "detachVolume" | "deleteVolume":
            return params.get("id", "")
        case "createSnapshot":
            return params.get("volumeid", "")
        case "revertSnapshot":
            return str(snapshots[params["id"]].volume_id) if params.get("id") in snapshots else ""
        case _:
            return ""


def _attempt(async_job_id: str) -> tuple[str, str, str] | None:
    """Give state, kind of job and kind of plan of the attempt that has this id."""
    query = """SELECT a.state, j.job_type, p.kind FROM jobs_stepattempt a JOIN jobs_step s ON s.id = a.step_id
               JOIN jobs_plan p ON p.id = s.plan_id JOIN jobs_failoverjob j ON j.id = p.job_id
               WHERE a.async_job_id = %s"""
    found = _rows(query, async_job_id) if async_job_id else []
    return (str(found[0][0]), str(found[0][1]), str(found[0][2])) if found else None


def _made(*names: str, id: str) -> bool:
    """Say whether a step of some job has this id as one of its results."""
    like = " OR ".join("result LIKE %s" for _ in names)
    return bool(_rows(f"SELECT 1 FROM jobs_step WHERE {like} LIMIT 1", *[f'%"{name}": "{id}"%' for name in names]))


def _runs_in_earnest(vm_id: str) -> bool:
    return bool(
        _rows(
            "SELECT 1 FROM jobs_failoverjob WHERE job_type = 'live' AND outcome IN ('succeeded', 'committed') "
            "AND destination_vm_id = %s",
            vm_id,
        )
    )


def _rows(query: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def _moment(value: Any) -> float:
    text = str(value) if not isinstance(value, datetime) else value.isoformat()
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else datetime.fromisoformat(f"{text}+00:00")).timestamp()
