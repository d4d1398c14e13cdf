"""This will run asynchronous jobs in time: at once or queued behind their VM, to an end, a failure, or none."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Mapping

from cloudstack_simulator.answers import JobError
from cloudstack_simulator.cloud import Cloud, Request
from cloudstack_simulator.records import AsyncJob, Json, Timer

# job.cancel.threshold.minutes: no job may block its VM's queue for longer
JOB_CANCEL_SECONDS = 3600.0


class AsyncCommand:
    """This will be one asynchronous command: what it refuses at the call and at the start, what it does at its end."""

    name = ""
    admin_class = ""
    user_class = ""
    instance_type: str | None = None
    entity_kind: str = ""
    creates = False
    factor = 1.0
    # a restart of the management server leaves the work of such a command to the host, which finishes it
    host_goes_on = False

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.world = cloud.world

    def accept(self, request: Request) -> str | None:
        """This will refuse the call or return the id of what the job is about (of the new entity for creates)."""
        raise ValueError(f"{self.name} accepts nothing")

    def check(self, job: AsyncJob) -> None:
        """This will refuse the job as soon as it is dispatched, and note what it needs later."""

    def queue(self, job: AsyncJob) -> str | None:
        """This will name the VM whose jobs run one after the other, or None."""
        return None

    def begin(self, job: AsyncJob) -> None:
        """This will show the in-between states; called when the job's turn has come."""

    def halfway(self, job: AsyncJob) -> None:
        """This will show the second in-between state, for commands that have two phases."""

    def finish(self, job: AsyncJob) -> Json:
        """This will carry the command out and give the job's result."""
        return {"success": True}

    def undo(self, job: AsyncJob) -> None:
        """This will put the in-between states back when the job fails."""

    def after_restart(self, job: AsyncJob) -> None:
        """This will put the in-between states back as a restarted management server does."""
        self.undo(job)

    def host_finishes(self, job: AsyncJob) -> None:
        """This will carry out late what the job was reported to have failed at."""
        self.finish(job)

    def failure_text(self, job: AsyncJob) -> str:
        """This will say what a failed agent answer becomes in the job's result."""
        return f"Failed to carry out {self.name}; Simulated failure"


class Scheduler:
    """This will keep the queue of events and the queues of the VMs."""

    def __init__(self, cloud: Cloud, commands: Mapping[str, AsyncCommand]) -> None:
        self._cloud = cloud
        self._world = cloud.world
        self._commands = commands
        self._events: list[tuple[float, int, str, str]] = []
        self._order = 0
        self._queues: dict[str, deque[str]] = {}
        self.on_timer: dict[str, Callable[[Timer], None]] = {
            "host": self._host_finishes,
            "restart": self._restart,
            "cancel": self._cancel,
        }
        self.restart: Callable[[float], None] = lambda _seconds: None
        cloud.wake = self.set_timer
        self._resume()

    def _resume(self) -> None:
        for job in sorted((self._world.jobs[key] for key in self._world.unfinished), key=lambda row: row.number):
            if job.queue is not None:
                self._queues.setdefault(job.queue, deque()).append(job.id)
            if job.started is not None:
                self._push_job(job)
            elif job.queue is None or self._queues[job.queue][0] == job.id:
                self._push(self._cloud.now, "begin", job.id)
        for timer in self._world.timers.values():
            if not timer.removed:
                self._push(timer.at, "timer", timer.id)

    def _push(self, at: float, what: str, key: str) -> None:
        self._order += 1
        heapq.heappush(self._events, (at, self._order, what, key))

    def _push_job(self, job: AsyncJob) -> None:
        if job.middle is not None:
            self._push(job.middle, "middle", job.id)
        if job.ends is not None:
            self._push(job.ends, "end", job.id)

    def set_timer(self, at: float, what: str, subject: str) -> None:
        """This will let something happen by itself at a moment."""
        timer = Timer(self._world.fresh_id(), self._world.number("timer"), at, what, subject)
        self._world.add(timer)
        self._push(at, "timer", timer.id)

    def submit(self, job: AsyncJob) -> None:
        """This will take a job on: refuse it, start it, or put it behind its VM's other jobs."""
        command = self._commands[job.command]
        self._world.add(job)
        try:
            command.check(job)
        except JobError as error:
            self._fail(job, error.code, error.text)
            return
        job.queue = command.queue(job)
        if job.queue is None:
            self._start(job)
            return
        waiting = self._queues.setdefault(job.queue, deque())
        waiting.append(job.id)
        if waiting[0] == job.id:
            self._start(job)

    def _start(self, job: AsyncJob) -> None:
        delay = self._cloud.catalogue.settings.dispatch_seconds
        if delay and job.queue is not None:
            self._push(self._cloud.now + delay, "begin", job.id)
        else:
            self._begin(job)

    def _begin(self, job: AsyncJob) -> None:
        now = self._cloud.now
        command = self._commands[job.command]
        job.started = now
        try:
            command.begin(job)
        except JobError as error:
            self._fail(job, error.code, error.text)
            self._next_in_line(job)
            return
        fault = job.fault or {}
        first, second = self._cloud.phases_of(job, command.factor)
        if fault.get("kind") in ("slow", "hang"):
            second += fault["seconds"]
        job.middle = now + first
        job.ends = None if fault.get("kind") == "hang" and not fault["seconds"] else now + first + second
        self._push_job(job)
        if job.queue is not None and job.ends is not None and job.ends - now > JOB_CANCEL_SECONDS:
            self.set_timer(now + JOB_CANCEL_SECONDS, "cancel", job.id)
        if fault.get("kind") == "restart":
            self.set_timer(job.middle, "restart", str(fault["seconds"]))

    def _next_in_line(self, job: AsyncJob) -> None:
        waiting = self._queues.get(job.queue or "")
        if waiting is None:
            return
        if job.id in waiting:
            waiting.remove(job.id)
        if not waiting:
            del self._queues[job.queue or ""]
            return
        following = self._world.jobs[waiting[0]]
        if following.started is None:
            self._start(following)

    def next_at(self) -> float | None:
        """This will tell when something happens next."""
        while self._events and self._is_stale(self._events[0]):
            heapq.heappop(self._events)
        return self._events[0][0] if self._events else None

    def _is_stale(self, event: tuple[float, int, str, str]) -> bool:
        at, _, what, key = event
        if what == "timer":
            return self._world.timers[key].removed
        job = self._world.jobs[key]
        if what == "begin":
            return job.status != 0 or job.started is not None
        return job.status != 0 or at != (job.ends if what == "end" else job.middle)

    def run_until(self, moment: float) -> None:
        """This will carry out, in order of time, everything that is due."""
        while (at := self.next_at()) is not None and at <= moment:
            _, _, what, key = heapq.heappop(self._events)
            self._cloud.now = at
            if what == "timer":
                self._ring(self._world.timers[key])
            else:
                _STAGES[what](self, self._world.jobs[key])
        self._cloud.now = moment

    def _reach_middle(self, job: AsyncJob) -> None:
        job.middle = None
        self._commands[job.command].halfway(job)

    def _ring(self, timer: Timer) -> None:
        timer.removed = True
        self.on_timer[timer.what](timer)

    def _end(self, job: AsyncJob) -> None:
        fault = job.fault or {}
        command = self._commands[job.command]
        match fault.get("kind"):
            case "fail" | "late":
                command.undo(job)
                self._fail(job, fault["error_code"] or 530, fault["text"] or command.failure_text(job))
                if fault["kind"] == "late":
                    self.set_timer(self._cloud.now + fault["seconds"], "host", job.id)
            case "done_then_fail":
                self._carry_out(job, command)
                self._fail(job, fault["error_code"] or 530, fault["text"] or command.failure_text(job))
            case _:
                self._carry_out(job, command)
        self._next_in_line(job)

    def _carry_out(self, job: AsyncJob, command: AsyncCommand) -> None:
        try:
            result = command.finish(job)
        except JobError as error:
            command.undo(job)
            self._fail(job, error.code, error.text)
            return
        job.result, job.status, job.result_code = result, 1, 0
        self._close(job)

    def _fail(self, job: AsyncJob, code: int, text: str | None) -> None:
        job.status, job.result_code = 2, code
        job.result = None if text is None else {"errorcode": code, "errortext": text}
        self._close(job)

    def _close(self, job: AsyncJob) -> None:
        job.completed = self._cloud.now
        self._world.close_job(job)

    def _host_finishes(self, timer: Timer) -> None:
        job = self._world.jobs[timer.subject]
        try:
            self._commands[job.command].host_finishes(job)
        except JobError as error:
            # the world moved on, the host's work has become impossible; on record for whoever asks why
            self._world.note("late_work_given_up", f"{job.command} {job.id}: {error.text}")

    def _cancel(self, timer: Timer) -> None:
        """This will report a job that blocked others for an hour as failed, with no result; its host goes on."""
        job = self._world.jobs[timer.subject]
        if job.status != 0 or job.ends is None:
            return
        self._commands[job.command].undo(job)
        self._fail(job, 0, None)
        self.set_timer(job.ends, "host", job.id)
        self._next_in_line(job)

    def _restart(self, timer: Timer) -> None:
        self.restart(float(timer.subject))

    def fail_all(self) -> None:
        """This will end every unfinished job as a restart of the management server does: 530 and no result at all."""
        for job_id in list(self._world.unfinished):
            job = self._world.jobs[job_id]
            command = self._commands[job.command]
            command.after_restart(job)
            if job.started is not None and job.ends is not None and command.host_goes_on:
                self.set_timer(max(job.ends, self._cloud.now), "host", job.id)
            self._fail(job, 530, None)
        self._queues = {}


_STAGES: dict[str, Callable[[Scheduler, AsyncJob], None]] = {
    "begin": Scheduler._begin,
    "middle": Scheduler._reach_middle,
    "end": Scheduler._end,
}
