"""This will do what happens at a moment and not at a call: verbs, foreign hands, a clock, a broker, a sync."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from django.db import DatabaseError

from cloudstack_simulator import ServerDown, Simulator
from cloudstack_simulator.faults import FaultPlan
from inventory.models import Replication
from jobs import services, verbs
from jobs.engine.ports import Engine
from jobs.errors import CannotAnswer, JobError
from jobs.models import FailoverJob, Outcome, Question
from jobs.retries import retry
from tests.campaign.checker import Checker
from tests.campaign.ground import BYSTANDER, Set
from tests.campaign.schedule import Trouble
from tests.campaign.troubles import LOOKS_AGAIN, Planned
from tests.support.service import WorkerKilled
from validation.errors import NotReady

# An operator with nothing to answer looks again after so many seconds, until a job that never ends was asked about.
_LOOKS_EVERY, _LATEST_LOOK = 45.0, 4500.0
STRATEGIES = ("clone", "detached_clone", "boot_and_revert")

# After these words of a person the journal is no longer the only authority for what is so.
_WORDS = frozenset({"treat_as_done", "leave", "skip", "undo"})


@dataclass
class Hands:
    """Does what is due; remembers what has to be ended again (a mute bell, a wrong clock, a sync)."""

    stage: Set
    checker: Checker
    planned: Planned
    chance: random.Random
    began_at: float
    answered: int = 0
    _ends: list[tuple[float, str, str]] = field(default_factory=list)

    def next_at(self) -> float | None:
        """Give the moment of the next thing to do."""
        moments = [self.began_at + one.at for one in self.planned.timed[:1]] + [end[0] for end in self._ends]
        return min(moments, default=None)

    def do_due(self) -> None:
        """Do all that is due by now."""
        now = self.stage.simulator.clock.now()
        for end in [one for one in self._ends if one[0] <= now]:
            self._ends.remove(end)
            self._end(end[1], end[2])
        while self.planned.timed and self.began_at + self.planned.timed[0].at <= now:
            trouble = self.planned.timed.pop(0)
            if self._do(trouble, now):
                self.planned.cells[trouble.kind, trouble.command if trouble.kind == "foreign" else "-", "time"] += 1

    def stop(self) -> None:
        """Let all be as it should: nothing goes wrong any more."""
        for _, kind, what in self._ends:
            self._end(kind, what)
        self._ends.clear()
        self.stage.service.bell.mute = False
        self.stage.service.clock.ahead = 0.0

    def _do(self, trouble: Trouble, now: float) -> bool:
        service = self.stage.service
        match trouble.kind:
            case "mute":
                service.bell.mute = True
                self._ends.append((now + trouble.seconds, "mute", ""))
            case "clock":
                service.clock.ahead = float(trouble.command)
                self._ends.append((now + trouble.seconds, "clock", ""))
            case "restart":
                self.stage.simulator.restart_management_server(down_seconds=trouble.seconds)
            case "kill":
                service.die()
            case "foreign":
                return foreign_hand(self.stage, self.checker, trouble)
            case "sync":
                return self._sync(trouble, now)
            case _:
                return self._verb(trouble)
        return True

    def _end(self, kind: str, what: str) -> None:
        match kind:
            case "mute":
                self.stage.service.bell.mute = False
            case "clock":
                self.stage.service.clock.ahead = 0.0
            case "sync":
                self.stage.hook.end_run(self.stage.opening.vm_id, what)

    def _sync(self, trouble: Trouble, now: float) -> bool:
        """Begin a run, as far as the replication engine is free to: one that is held, or has no disk, waits."""
        vm_id = self.stage.opening.vm_id
        on_appliance = all(
            self.checker.world.volumes[id].vm_id == place[0] and self.checker.world.volumes[id].holders == [place[0]]
            for id, place in self.checker.before.places.items()
        )
        if not on_appliance or any(kind == "sync" for _, kind, _ in self._ends):
            return False
        if self.stage.opening.held == "none" and FailoverJob.objects.exclude(state="finished").exists():
            return False  # Nobody can tell such an engine to wait; its own runs are an obstacle to the start.
        run = self.stage.hook.begin_run(vm_id)
        if run is None:
            return False
        self._ends.append((now + trouble.seconds, "sync", run))
        return Replication.objects.filter(replication_id=run).exists()

    # --- operators ---

    def _verb(self, trouble: Trouble) -> bool:
        job = FailoverJob.objects.order_by("pk")[trouble.pick % max(1, FailoverJob.objects.count())]
        if trouble.kind == "answer":
            return self.answer_one(trouble.pick) or self._wait_for_question(trouble)
        self._press_foreseen(trouble, job)
        return True

    def _wait_for_question(self, trouble: Trouble) -> bool:
        """Questions come late: whoever has nothing to answer looks again while something moves."""
        if trouble.at < _LATEST_LOOK and not self.stage.service.is_quiet():
            self.planned.timed.append(replace(trouble, at=trouble.at + _LOOKS_EVERY, command=LOOKS_AGAIN))
            self.planned.timed.sort(key=lambda one: one.at)
        return False

    def try_again(self) -> bool:
        """Press retry on the newest job that did not succeed; False when there is none."""
        failed = FailoverJob.objects.filter(outcome__in=[Outcome.FAILED, Outcome.CANCELLED, Outcome.ROLLED_BACK])
        job = failed.order_by("pk").last()
        if job is not None:
            self._press_foreseen(Trouble("retry", "time"), job)
        return job is not None

    def _press_foreseen(self, trouble: Trouble, job: FailoverJob) -> None:
        """Press it; what is refused is refused, and whoever pressed while his process died saw an error."""
        try:
            self._press(trouble, job)
        except (JobError, NotReady):
            return
        except (WorkerKilled, DatabaseError):
            self.stage.service.die()

    def _press(self, trouble: Trouble, job: FailoverJob) -> None:
        service = self.stage.service
        engine: Engine = service.engine
        match trouble.kind:
            case "cancel":
                services.cancel(engine=engine, job_id=job.job_id, actor="olga")
            case "cleanup":
                service.clean_up(job)
            case "rollback":
                verbs.roll_back(engine=engine, job_id=job.job_id, typed_name=job.vm_name, actor="olga")
            case "commit":
                verbs.commit(engine=engine, job_id=job.job_id, actor="olga")
            case "extend":
                verbs.extend(engine=engine, job_id=job.job_id, duration="10m", actor="olga")
            case "retry":
                retry(engine=engine, gateways=service.gateway, job_id=job.job_id, actor="olga")
            case "start" if trouble.pick % 2:
                service.start_live(self.stage.opening.vm_id)
            case "start":
                strategy = STRATEGIES[trouble.pick % len(STRATEGIES)]
                service.start_test(self.stage.opening.vm_id, custom_config={"test_strategy": strategy})

    def answer_one(self, pick: int) -> bool:
        """Answer an open question with one of its choices; False when none is open."""
        question = Question.objects.filter(answered_at__isnull=True).select_related("job").order_by("pk").first()
        if question is None:
            return False
        offered = [choice["choice"] for choice in question.choices]
        choice = offered[pick % len(offered)]
        self.answered += 1
        if choice in _WORDS:
            self.checker.words_taken = True
        try:
            services.answer(
                engine=self.stage.service.engine,
                job_id=question.job.job_id,
                question_id=question.pk,
                choice=choice,
                actor="olga",
            )
        except CannotAnswer:
            return True
        except (WorkerKilled, DatabaseError):
            self.stage.service.die()
        return True


def foreign_hand(stage: Set, checker: Checker, trouble: Trouble) -> bool:
    """Let somebody else change the cloud behind the service's back; False when there is nothing to change."""
    simulator = stage.simulator
    job = FailoverJob.objects.order_by("pk").first()
    assert job is not None
    volume_id = checker.replicas[trouble.pick % _disks(stage)]
    match trouble.command:
        case "detach_replica":
            return _touch(simulator, checker, [volume_id], "detachVolume", id=volume_id)
        case "attach_to_bystander" | "attach_to_appliance":
            vm = simulator.vm(BYSTANDER if trouble.command == "attach_to_bystander" else "oma1")
            assert vm is not None
            return _touch(simulator, checker, [volume_id], "attachVolume", id=volume_id, virtualmachineid=vm.id)
        case "snapshot_replica":
            return _touch(simulator, checker, [volume_id], "createSnapshot", volumeid=volume_id, name="somebody's")
        case "delete_snapshot":
            ours = [row for row in simulator.snapshots() if row.name.startswith(job.marker)]
            return bool(ours) and _touch(simulator, checker, [ours[0].volume_id], "deleteSnapshot", id=ours[0].id)
        case "delete_copy":
            copies = [row for row in simulator.volumes() if row.name.startswith(job.marker) and row.vm_id is None]
            return bool(copies) and _touch(simulator, checker, [copies[0].id], "deleteVolume", id=copies[0].id)
        case _:
            return _touch_target(simulator, checker, trouble, job)


def _touch_target(simulator: Simulator, checker: Checker, trouble: Trouble, job: FailoverJob) -> bool:
    target = next((vm for vm in simulator.vms() if job.marker in vm.name), None)
    if target is None:
        return False
    replicas = [id for id in target.volumes.values() if id in checker.replicas]
    verb = {
        "stop_target": "stopVirtualMachine",
        "start_target": "startVirtualMachine",
        "destroy_target": "destroyVirtualMachine",
    }[trouble.command]
    if verb == "destroyVirtualMachine" and replicas:
        return False  # CloudStack would delete the boot disk with it: no doing of ours, and nothing could be judged.
    return _touch(simulator, checker, [target.id, *replicas, *target.volumes.values()], verb, id=target.id)


def _touch(simulator: Simulator, checker: Checker, ids: list[str], command: str, **params: str) -> bool:
    checker.touched.update(ids)
    # What is planned to go wrong is planned for the service's calls.
    planned, simulator.faults = simulator.faults, FaultPlan()
    try:
        simulator.call(command, **params)
    except ServerDown:
        return False
    finally:
        simulator.faults = planned
    return True


def _disks(stage: Set) -> int:
    """Give how many of the first replicas belong to the opening's VM (the scenario lists them in order)."""
    return {"vm-one": 1, "vm-two": 3}[stage.opening.vm_id]
