"""This will lead to every opening once in a process, and give each schedule its own copy of world and rows."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from django.core.management import call_command
from django.db import connection

from cloudstack_simulator import Simulator
from inventory.models import HoldMethod
from jobs import prepared_starts
from jobs.models import FailoverJob
from tests.campaign.openings import BY_NAME, Opening
from tests.campaign.service import PlayedService
from tests.support.checkpoints import copied
from tests.support.hook import ReplicationEngine
from tests.support.scenes import Scene, scene
from tests.support.worlds import Before, remember
from validation import cloud_facts

T = TypeVar("T")
BYSTANDER = "bystander"
JOB_SECONDS = (1.0, 1.0, 1.0, 4.0, 12.0)


@dataclass(frozen=True)
class Set:
    """A scene at an opening: the service as played, the job, and the world as it was before the job."""

    service: PlayedService
    hook: ReplicationEngine
    job_id: int
    before: Before
    opening: Opening

    @property
    def simulator(self) -> Simulator:
        """Give the cloud."""
        return self.service.simulator


@dataclass(frozen=True)
class _Kept:
    rows: sqlite3.Connection
    stage: Scene
    job_id: int
    before: Before


class InTurn:
    """Runs what validation would read on threads at once, so that a schedule replays exactly."""

    def submit(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        """Do it now."""
        future: Future[T] = Future()
        future.set_result(work(*arguments))
        return future


class Ground:
    """The openings of one process; `open` restores one, whatever became of the schedule before."""

    def __init__(self) -> None:
        """Make the tables, and everything that is drawn by chance repeatable."""
        call_command("migrate", run_syncdb=True, verbosity=0)
        cloud_facts._READERS = InTurn()  # type: ignore[assignment]
        self._empty = self._copy_rows()
        self._kept: dict[str, _Kept] = {}

    def open(self, name: str, *, seed: int) -> Set:
        """Give the opening afresh; all chance after it comes from the seed."""
        kept = self._kept.get(name) or self._kept.setdefault(name, self._lead_to(BY_NAME[name]))
        kept.rows.backup(_raw())
        chance = random.Random(seed)
        _repeatable(chance)
        simulator = copied(kept.stage.simulator)
        # The longer the cloud's work takes, the more can happen meanwhile.
        simulator.cloud.job_seconds = chance.choice(JOB_SECONDS)
        hook = kept.stage.hook.copied_to(simulator)
        service = PlayedService(simulator, hook_sessions=hook.session, longest_step=600.0)
        service.use_chance(chance)
        service.rollback_windows = bool(BY_NAME[name].way_back)
        return Set(service, hook, kept.job_id, kept.before, BY_NAME[name])

    def _lead_to(self, opening: Opening) -> _Kept:
        self._empty.backup(_raw())
        _repeatable(random.Random(opening.name))
        hold = HoldMethod.HOOK if opening.held == "hook" else HoldMethod.NONE
        stage = scene(hold_method=hold)
        _deploy_bystander(stage.simulator)
        before = remember(stage.simulator)
        job = _start(stage, opening)
        if opening.beside:
            stage.service.start_test(opening.beside, custom_config={"test_strategy": "clone"})
        if opening.led != "begun":
            stage.service.run()
        return _Kept(self._copy_rows(), stage, job.pk, before)

    def _copy_rows(self) -> sqlite3.Connection:
        rows = sqlite3.connect(":memory:", check_same_thread=False)
        _raw().backup(rows)
        return rows


def _raw() -> sqlite3.Connection:
    connection.ensure_connection()
    return cast(sqlite3.Connection, connection.connection)


def _start(stage: Scene, opening: Opening) -> FailoverJob:
    if opening.strategy == "live":
        asked = {"rollback_window": "1m0s", "after_rollback_window": opening.way_back} if opening.way_back else {}
        return stage.service.start_live(opening.vm_id, custom_config=asked)
    return stage.service.start_test(opening.vm_id, custom_config={"test_strategy": opening.strategy})


def _repeatable(chance: random.Random) -> None:
    """Let the markers of jobs be drawn from the schedule's number too."""
    drawn: Any = prepared_starts
    drawn.secrets = SimpleNamespace(token_hex=lambda size: f"{chance.getrandbits(8 * size):0{2 * size}x}")


def _deploy_bystander(simulator: Simulator) -> None:
    """Put a stopped VM of somebody else beside the appliance: foreign hands hang disks on it."""

    def first(command: str, key: str, **params: str) -> dict[str, Any]:
        answer = json.loads(simulator.call(command, **params).body)
        rows: list[dict[str, Any]] = answer[f"{command.lower()}response"][key]
        return rows[0]

    offerings = json.loads(simulator.call("listServiceOfferings").body)["listserviceofferingsresponse"]
    fixed = next(row for row in offerings["serviceoffering"] if not row["iscustomized"])
    simulator.call(
        "deployVirtualMachine",
        name=BYSTANDER,
        zoneid=first("listZones", "zone")["id"],
        templateid=first("listTemplates", "template", templatefilter="executable")["id"],
        serviceofferingid=fixed["id"],
        networkids=first("listNetworks", "network")["id"],
        startvm="false",
    )
    clock: Any = simulator.clock
    clock.advance(30.0)
    assert simulator.vm(BYSTANDER) is not None, "nobody stands by"
