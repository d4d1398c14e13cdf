"""This will take calls on: synchronous commands at once, asynchronous ones as jobs under the id the caller chose."""

from __future__ import annotations

import json
import re

from cloudstack_simulator.answers import ApiError, CallHangs
from cloudstack_simulator.cloud import Cloud, Request
from cloudstack_simulator.commands.registry import Registry
from cloudstack_simulator.faults import Fault
from cloudstack_simulator.jobs import AsyncCommand, Scheduler
from cloudstack_simulator.records import AsyncJob, Json, Timer

_JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FAULTS_OF_JOBS = ("fail", "done_then_fail", "hang", "slow", "restart", "late")


class Desk:
    """This will stand between the door and the commands."""

    def __init__(self, cloud: Cloud, registry: Registry, scheduler: Scheduler) -> None:
        self._cloud = cloud
        self._registry = registry
        self._scheduler = scheduler
        scheduler.on_timer["call"] = self._late_call

    def carry_out(self, request: Request, fault: Fault | None) -> Json:
        """This will answer one call, hit by one fault or none; raises ApiError and CallHangs."""
        command = self._registry.asynchronous.get(request.command)
        for name, text in request.params.items():
            if not text.isprintable() and any(ord(letter) < 32 and letter not in "\t\r\n" for letter in text):
                raise ApiError(
                    431, f"Received value containing illegal ASCII non-printable characters for parameter {name}"
                )
        if fault is not None and fault.kind == "refuse" and fault.text != "after-create":
            raise ApiError(fault.error_code or 431, fault.text or "Refused by a fault", inner=4350)
        if command is not None:
            return self._submit(command, request, fault)
        if request.command not in self._registry.synchronous:
            raise ApiError(432, f"The API [{request.command}] is not part of this simulation")
        return self._at_once(request, fault)

    def _at_once(self, request: Request, fault: Fault | None) -> Json:
        run = self._registry.synchronous[request.command]
        match fault.kind if fault is not None else None:
            case "hang":
                raise CallHangs(request.command)
            case "fail":
                raise self._failure(fault)
            case "late":
                self._do_later(request, fault.seconds if fault is not None else 0.0)
                raise self._failure(fault)
            case "restart":
                self._scheduler.restart(fault.seconds if fault else 0.0)
                raise self._failure(fault)
            case "done_then_fail":
                run(request)
                raise self._failure(fault)
        return run(request)

    def _do_later(self, request: Request, seconds: float) -> None:
        written = {"command": request.command, "params": request.params, "account": request.caller.name}
        self._scheduler.set_timer(self._cloud.now + seconds, "call", json.dumps(written))

    def _late_call(self, timer: Timer) -> None:
        written: Json = json.loads(timer.subject)
        caller = self._cloud.world.account_named(written["account"])
        try:
            self._registry.synchronous[written["command"]](Request(written["command"], written["params"], caller))
        except ApiError as error:
            # the world moved on, the late work has become impossible; on record for whoever asks why
            self._cloud.world.note("late_work_given_up", f"{written['command']}: {error.text}")

    def _failure(self, fault: Fault | None) -> ApiError:
        code, text = (fault.error_code, fault.text) if fault is not None else (None, None)
        return ApiError(code or 530, text or "Simulated failure")

    def _submit(self, command: AsyncCommand, request: Request, fault: Fault | None) -> Json:
        entity = command.accept(request)
        if fault is not None and fault.kind == "refuse":
            raise ApiError(fault.error_code or 431, "Refused by a fault after the entity was made", inner=4350)
        # A cloud, or a proxy before it, that does not honour customjobid numbers its jobs itself.
        own = fault is not None and fault.kind == "own_id"
        job_id = self._cloud.world.fresh_id() if own else self._job_id(request)
        job = AsyncJob(
            id=job_id,
            number=self._cloud.world.number("job"),
            command=command.name,
            params=request.params,
            account=request.caller.name,
            instance_id=entity,
            queue=None,
            created=self._cloud.now,
            fault=_written(fault),
        )
        self._scheduler.submit(job)
        return {"id": entity, "jobid": job_id} if command.creates else {"jobid": job_id}

    def _job_id(self, request: Request) -> str:
        """This will check the job id that the caller chose; a create has made its entity by now, refused or not."""
        chosen = request.params.get("customjobid")
        if chosen is None:
            return self._cloud.world.fresh_id()
        if not _JOB_ID.fullmatch(chosen):
            raise ApiError(431, f"UUID: {chosen} doesn't follow the UUID format", inner=4350)
        job = self._cloud.world.jobs.get(chosen)
        if job is None:
            return chosen
        if job.status == 0:
            raise ApiError(431, f"UUID: {chosen} already exists so can't create/update with custom id", inner=4350)
        raise ApiError(530, "Entity already exists ")


def _written(fault: Fault | None) -> Json | None:
    if fault is None or fault.kind not in _FAULTS_OF_JOBS:
        return None
    return {"kind": fault.kind, "error_code": fault.error_code, "text": fault.text, "seconds": fault.seconds}
