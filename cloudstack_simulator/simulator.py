"""This will be the simulated cloud as tests and the server hold it: calls in, answers out, and the truth beside."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from cloudstack_simulator import truth
from cloudstack_simulator.answers import (
    AnswerLost,
    ApiError,
    HttpAnswer,
    ServerDown,
    not_verified,
    render,
    render_error,
)
from cloudstack_simulator.call_log import CallLog, is_mutating
from cloudstack_simulator.catalogue import ServiceOffering
from cloudstack_simulator.clock import Clock, SystemClock
from cloudstack_simulator.cloud import Cloud, Request
from cloudstack_simulator.commands.machines import sweep_expunge
from cloudstack_simulator.commands.offers import OFFERINGS_MADE
from cloudstack_simulator.commands.registry import ADMIN_ONLY, Registry
from cloudstack_simulator.desk import Desk
from cloudstack_simulator.faults import FaultPlan
from cloudstack_simulator.jobs import Scheduler
from cloudstack_simulator.loader import catalogue_of, populate, read_scenario
from cloudstack_simulator.records import Account, Timer
from cloudstack_simulator.signature import is_signed
from cloudstack_simulator.storage import StateFile
from cloudstack_simulator.world import Journal, World


class Simulator:
    """This will be one simulated cloud; every public method may be called from any thread."""

    def __init__(self, cloud: Cloud, *, clock: Clock, owner: str, state: StateFile | None, journal: Journal) -> None:
        self.clock = clock
        self.cloud = cloud
        self.faults = FaultPlan()
        self.calls = CallLog()
        self._lock = threading.RLock()
        self._state = state
        self._journal = journal
        self._down_until = 0.0
        self._registry = Registry(cloud)
        self._scheduler = Scheduler(cloud, self._registry.asynchronous)
        self._scheduler.restart = self._restart
        self._scheduler.on_timer |= {"expunge": self._sweep_machine, "snapshot": self._sweep_snapshot}
        self._desk = Desk(cloud, self._registry, self._scheduler)
        self._by_key = {account.api_key: account for account in cloud.world.accounts.values()}
        self._owner = cloud.world.account_named(owner)
        self._admin = next(account for account in cloud.world.accounts.values() if account.root_admin)
        self.api_key, self.secret_key = self._owner.api_key, self._owner.secret_key
        self.admin_api_key, self.admin_secret_key = self._admin.api_key, self._admin.secret_key

    @classmethod
    def scenario(
        cls,
        name: str,
        *,
        clock: Clock | None = None,
        job_seconds: float | None = None,
        seed: int = 0,
        state: Path | None = None,
    ) -> Simulator:
        """This will set up a scenario, or go on with the world that a state file holds."""
        clock = clock or SystemClock()
        document = read_scenario(name)
        catalogue = catalogue_of(document)
        journal: Journal = {}
        file = StateFile(state) if state is not None else None
        world = World(seed=seed, journal=journal if file is not None else None)
        if file is not None and not file.is_empty():
            file.load_into(world)
            for fields in world.notes(OFFERINGS_MADE):
                offering = ServiceOffering(**json.loads(fields))
                catalogue.service_offerings[offering.id] = offering
            journal.clear()
        else:
            populate(world, document, catalogue, now=clock.now())
        cloud = Cloud(catalogue, world, scenario=name)
        cloud.now = clock.now()
        if job_seconds is not None:
            cloud.job_seconds = job_seconds
        simulator = cls(cloud, clock=clock, owner=document["owner"], state=file, journal=journal)
        simulator._keep()
        return simulator

    def handle(self, body: str, *, method: str = "POST") -> HttpAnswer:
        """This will answer a signed call given as form text.

        Raises AnswerLost or CallHangs when a fault says so, ServerDown (an AnswerLost) during a restart.
        """
        params = dict(parse_qsl(body, keep_blank_values=True))
        with self._lock:
            self._go_on()
            account = self._by_key.get(params.get("apiKey", params.get("apikey", "")))
            good = account is not None and is_signed(params, secret_key=account.secret_key, now=self.cloud.now)
            if method == "GET" and self._demands_post(params.get("command", "")):
                return self._refuse_get(params["command"])
            return self._answer(params, account if good else None)

    def _demands_post(self, command: str) -> bool:
        return self.cloud.catalogue.settings.enforce_post and is_mutating(command)

    def _refuse_get(self, command: str) -> HttpAnswer:
        error = ApiError(400, f"State changing command {command} requires the method POST", inner=None)
        return render_error(error, command=command, masked=False, moment=self.cloud.now)

    def call(self, command: str, *, who: str = "owner", **params: object) -> HttpAnswer:
        """This will answer an unsigned call of the owning account, or of root admin (who="admin")."""
        written = {"command": command} | flatten(params)
        with self._lock:
            self._go_on()
            account = {"owner": self._owner, "user": self._owner, "admin": self._admin}[who]
            return self._answer(written, account)

    def _answer(self, params: dict[str, str], caller: Account | None) -> HttpAnswer:
        command = params.get("command", "")
        fault = None
        if self.cloud.now < self._down_until:
            raise ServerDown(command)
        try:
            if caller is None or command not in self._registry:
                raise not_verified(known_command=command in self._registry)
            self._demand_role(caller, command)
            asked = {name: text for name, text in params.items() if name not in _ENVELOPE}
            self.calls.add(command, asked, at=self.cloud.now)
            fault = self.faults.strike(command, mutating=is_mutating(command))
            if fault is not None and fault.kind == "lost_request":
                raise AnswerLost(f"{command}: the request never arrived")
            payload = self._desk.carry_out(Request(command, asked, caller), fault)
            answer = render(200, {f"{command.lower()}response": payload}, moment=self.cloud.now)
        except ApiError as error:
            masked = caller is None or not caller.root_admin
            answer = render_error(error, command=command, masked=masked, moment=self.cloud.now)
        finally:
            self._keep()
        if fault is not None and fault.kind == "lost_answer":
            raise AnswerLost(f"{command}: the answer was lost")
        return answer

    def _demand_role(self, caller: Account, command: str) -> None:
        if caller.root_admin or command not in ADMIN_ONLY:
            return
        raise ApiError(
            432,
            f"The API [{command}] does not exist or is not available for the account for user id [{caller.user_id}].",
            envelope="errorresponse",
        )

    def advance(self) -> None:
        """This will carry out everything that is due by now."""
        with self._lock:
            self._go_on()
            self._keep()

    def next_event_at(self) -> float | None:
        """This will tell when something happens next by itself, for tests that jump in time."""
        with self._lock:
            return self._scheduler.next_at()

    def restart_management_server(self, *, down_seconds: float = 0.0) -> None:
        """This will restart the management server: jobs under way end failed, while hosts finish what they began."""
        with self._lock:
            self._go_on()
            self._restart(down_seconds)
            self._keep()

    def _restart(self, down_seconds: float) -> None:
        self._scheduler.fail_all()
        self._down_until = self.cloud.now + down_seconds

    def _go_on(self) -> None:
        self._scheduler.run_until(self.clock.now())

    def _keep(self) -> None:
        if self._state is not None and self._journal:
            self._state.save(self._journal)
            self._journal.clear()

    def _sweep_machine(self, timer: Timer) -> None:
        sweep_expunge(self.cloud, timer)

    def _sweep_snapshot(self, timer: Timer) -> None:
        self.cloud.world.snapshots[timer.subject].removed = True

    def close(self) -> None:
        """This will close the state file, if there is one."""
        with self._lock:
            if self._state is not None:
                self._state.close()
                self._state = None

    # the truth, for assertions

    def volume(self, id: str) -> truth.VolumeTruth | None:
        """This will show a volume that exists, by id."""
        with self._lock:
            self._go_on()
            row = self.cloud.world.volumes.get(id)
            return None if row is None or row.removed else truth.truth_of_volume(row)

    def vm(self, id_or_name: str) -> truth.VmTruth | None:
        """This will show a VM that exists, by id or name (of several with one name: the first)."""
        with self._lock:
            self._go_on()
            world = self.cloud.world
            found = world.machines.get(id_or_name)
            rows = [found] if found is not None else world.machines.named(id_or_name)
            row = next((entry for entry in rows if not entry.removed), None)
            return None if row is None else truth.truth_of_machine(world, row)

    def vms(self) -> list[truth.VmTruth]:
        """This will show every VM that exists."""
        with self._lock:
            self._go_on()
            world = self.cloud.world
            return [truth.truth_of_machine(world, row) for row in world.machines.values() if not row.removed]

    def volumes(self) -> list[truth.VolumeTruth]:
        """This will show every volume that exists."""
        with self._lock:
            self._go_on()
            return [truth.truth_of_volume(row) for row in self.cloud.world.volumes.values() if not row.removed]

    def deleted_volumes(self) -> list[truth.VolumeTruth]:
        """This will show every volume that was deleted, with the command that did it."""
        with self._lock:
            self._go_on()
            return [truth.truth_of_volume(row) for row in self.cloud.world.volumes.values() if row.removed]

    def snapshots(self) -> list[truth.SnapshotTruth]:
        """This will show every snapshot that exists."""
        with self._lock:
            self._go_on()
            return [truth.truth_of_snapshot(row) for row in self.cloud.world.snapshots.values() if not row.removed]

    def alarms(self) -> list[str]:
        """This will tell, in words, what must never happen and did."""
        with self._lock:
            self._go_on()
            return self.cloud.hypervisor.alarms()

    def unfinished_jobs(self) -> list[str]:
        """This will name the asynchronous jobs under way, as "command id"."""
        with self._lock:
            self._go_on()
            world = self.cloud.world
            return [f"{world.jobs[key].command} {key}" for key in world.unfinished]

    # the replication engine's side

    def appliance_writes(self, volume_id: str, change_id: str) -> bool:
        """This will write a block set to a replica; False when the appliance's domain does not hold the disk.

        A change id that begins with "full" stands for a complete copy: it starts the volume's content afresh.
        """
        with self._lock:
            self._go_on()
            done = self.cloud.hypervisor.appliance_writes(self.cloud.world.volumes[volume_id], change_id)
            self._keep()
            return done

    def begin_sync(self, volume_ids: Iterable[str]) -> None:
        """This will open a sync: a snapshot cut after a write in it is torn."""
        with self._lock:
            self.cloud.hypervisor.begin_sync([self.cloud.world.volumes[key] for key in volume_ids])

    def end_sync(self, change_id: str) -> None:
        """This will write the last block set, `change_id`, to each volume of the sync and close it."""
        with self._lock:
            self.cloud.hypervisor.end_sync(change_id)
            self._keep()


_ENVELOPE = frozenset({"command", "apiKey", "apikey", "signature", "signatureVersion", "expires", "response"})


def flatten(params: dict[str, Any]) -> dict[str, str]:
    """This will write Python values as CloudStack's parameters: lists by commas, lists of dicts as key[n].field."""
    written: dict[str, str] = {}
    for name, value in params.items():
        entries = [value] if isinstance(value, dict) else value
        if isinstance(entries, (list, tuple)) and entries and isinstance(entries[0], dict):
            for number, entry in enumerate(entries):
                written |= {f"{name}[{number}].{key}": str(text) for key, text in entry.items()}
        elif isinstance(entries, (list, tuple, set, frozenset)):
            written[name] = ",".join(str(entry) for entry in entries)
        elif value is not None:
            written[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return written
