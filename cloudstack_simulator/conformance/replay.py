"""This will send recorded calls to a simulated cloud, with the time that the recording gives them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from cloudstack_simulator.answers import HttpAnswer
from cloudstack_simulator.clock import SteppedClock
from cloudstack_simulator.conformance.adoption import adopt_missing, do_unrecorded, forget_vanished
from cloudstack_simulator.conformance.comparing import Difference, Names, compare
from cloudstack_simulator.conformance.recording import Event, Exchange, Recording
from cloudstack_simulator.faults import Fault
from cloudstack_simulator.records import AsyncJob
from cloudstack_simulator.signature import java_encode, sign
from cloudstack_simulator.simulator import Simulator

# which command a simulated agent's command belongs to, and in which half of its job the agent is asked
_AGENT_COMMANDS = {
    "AttachCommand": ("attachVolume", 1),
    "DettachCommand": ("detachVolume", 1),
    "StartCommand": ("startVirtualMachine", 1),
    "CreateObjectCommand": ("createSnapshot", 0),
    "CopyCommand": ("createSnapshot", 1),
}
# a pause between two calls is nowhere recorded: so far may time go on when a list differs without it
_LONGEST_PAUSE = 60.0
# what lies between the last call and the look at its jobs under way, before the server is killed
_SETTLING = 1.0


@dataclass
class Wait:
    """This will make the next jobs of a command slower, as the recording's agent was told to be."""

    command: str
    half: int
    seconds: float
    left: int


@dataclass(frozen=True)
class Outcome:
    """This will be how one exchange compared."""

    exchange: Exchange
    differences: list[Difference]


@dataclass
class Replay:
    """This will replay recordings one after the other in one zone, as they were made."""

    clock: SteppedClock = field(default_factory=SteppedClock)
    names: Names = field(default_factory=Names)
    waits: list[Wait] = field(default_factory=list)
    unrecorded: dict[str, dict[str, Any]] = field(default_factory=dict)
    adopted: int = 0
    forgotten: int = 0

    def __post_init__(self) -> None:
        """This will set up the zone as it was found."""
        self.simulator = Simulator.scenario("recorded", clock=self.clock)
        self.simulator.cloud.phases_of = self._phases_of
        self._results: list[tuple[str, str]] = []
        self._seen_lists: set[str] = set()

    def run(self, recording: Recording) -> list[Outcome]:
        """This will replay one file."""
        self._seen_lists = set()
        outcomes = []
        for line in recording.lines:
            do_unrecorded(self.simulator.cloud, self.unrecorded.get(f"{line.file}/{line.number}", {}))
            if isinstance(line, Event):
                self._apply(line)
            else:
                outcomes.append(Outcome(line, self._exchange(line)))
        return outcomes

    def _phases_of(self, job: AsyncJob, factor: float) -> tuple[float, float]:
        # the first half of a snapshot is a short one, unless the agent was told to be slow in it
        halves = [0.0, 0.5] if job.command == "createSnapshot" else [0.25 * factor, 0.25 * factor]
        for half in (0, 1):
            wait = next((row for row in self.waits if (row.command, row.half) == (job.command, half)), None)
            if wait is not None:
                halves[half] += wait.seconds
                wait.left -= 1
                if wait.left == 0:
                    self.waits.remove(wait)
        return halves[0], halves[1]

    def _apply(self, event: Event) -> None:
        if event.what.startswith("management server killed"):
            self.simulator.restart_management_server()
            self.waits = []
        elif event.what == "agent faults cleared":
            self.waits, self._results = [], []
        elif event.agent_command is not None and event.agent_does is not None:
            command, half = _AGENT_COMMANDS[event.agent_command]
            kind, _, value = event.agent_does.partition(":")
            if kind == "wait":
                self.waits.append(Wait(command, half, int(value) / 1000, event.count))
            else:
                self._results.append((command, value))

    def _exchange(self, exchange: Exchange) -> list[Difference]:
        self.clock.advance(exchange.elapsed)
        if exchange.note == "just before kill":
            self.clock.advance(_SETTLING)
        self._plan_results(exchange)
        self._wait_for_job(exchange)
        answer = self._ask(exchange)
        if exchange.command.startswith("list") and answer.status == 200:
            answer = self._take_over(exchange, answer)
        return self._settled(exchange, answer)

    def _settled(self, exchange: Exchange, answer: HttpAnswer) -> list[Difference]:
        """This will compare, and ask a list again after what happens by itself next if only that makes it alike."""
        differences = self._differences(exchange, answer)
        following = self.simulator.next_event_at()
        waiting = exchange.command.startswith("list") and any(
            row.where.endswith(("[]", ".count")) for row in differences
        )
        if not differences or not waiting or following is None or following - self.clock.now() > _LONGEST_PAUSE:
            return differences
        latest = self.clock.now() + _LONGEST_PAUSE
        while following is not None and following <= latest and not self.simulator.unfinished_jobs():
            self.clock.advance(max(0.0, following - self.clock.now()))
            again = self._differences(exchange, self._ask(exchange))
            if len(again) < len(differences):
                return again
            following = self.simulator.next_event_at()
        return differences

    def _differences(self, exchange: Exchange, answer: HttpAnswer) -> list[Difference]:
        found = []
        if exchange.status != answer.status:
            found.append(Difference("HTTP status", exchange.status, answer.status))
        if isinstance(exchange.response, str):
            return found
        return found + compare(exchange.response, answer.json(), self.names)

    def _plan_results(self, exchange: Exchange) -> None:
        """This will let the next job of a command fail as the recording's agent was told to."""
        for command, how in [row for row in self._results if row[0] == exchange.command]:
            text = None
            if how == "fault" and command == "detachVolume":
                volume = self.simulator.volume(self.names.translate(exchange.params["id"]))
                machine = self.simulator.vm(volume.vm_id or "") if volume is not None else None
                if volume is not None and machine is not None:
                    cause = "java.lang.Exception: Simulated fault"
                    text = f"Failed to detach volume {volume.name} from VM {machine.name}; {cause}"
            self.simulator.faults.add(Fault(command, "fail", text=text))
            self._results.remove((command, how))

    def _wait_for_job(self, exchange: Exchange) -> None:
        """This will let time pass until a job that the recording saw ended has ended here."""
        shown = exchange.response.get("queryasyncjobresultresponse", {}) if isinstance(exchange.response, dict) else {}
        if exchange.command != "queryAsyncJobResult" or shown.get("jobstatus", 0) == 0:
            return
        self.clock.advance(exchange.waited)
        self.simulator.advance()
        job = self.simulator.cloud.world.jobs.get(self.names.translate(exchange.params["jobid"]).lower())
        while job is not None and job.status == 0:
            following = self.simulator.next_event_at()
            if following is None:
                return
            self.clock.advance(max(0.0, following - self.clock.now()))
            self.simulator.advance()

    def _take_over(self, exchange: Exchange, answer: HttpAnswer) -> HttpAnswer:
        """This will take over rows whose making the recording does not show, and drop what it no longer shows."""
        recorded, simulated = _inner(exchange.response), _inner(answer.json())
        adopted = adopt_missing(self.simulator.cloud, recorded, simulated, self.names)
        self.adopted += adopted
        narrow = {"id", "ids", "name", "page", "state", "tags[0].key"} & set(exchange.params)
        first_look = f"{exchange.command} {sorted(exchange.params.items())}" not in self._seen_lists
        forgotten = 0
        if first_look and not narrow and exchange.number < 10:
            forgotten = forget_vanished(self.simulator.cloud, recorded, simulated, self.names)
            self.forgotten += forgotten
        self._seen_lists.add(f"{exchange.command} {sorted(exchange.params.items())}")
        return self._ask(exchange) if adopted or forgotten else answer

    def _ask(self, exchange: Exchange) -> HttpAnswer:
        params = {name: self.names.translate(text) for name, text in exchange.params.items()}
        return self.simulator.handle(self._signed(exchange, params))

    def _signed(self, exchange: Exchange, params: dict[str, str]) -> str:
        admin = exchange.who != "user"
        key = self.simulator.admin_api_key if admin else self.simulator.api_key
        secret = self.simulator.admin_secret_key if admin else self.simulator.secret_key
        ahead = -60 if exchange.note == "expired" else 600
        expires = datetime.fromtimestamp(self.clock.now() + ahead, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
        sent = params | {"command": exchange.command, "response": "json", "signatureVersion": "3", "expires": expires}
        sent["apiKey"] = "nobody" if exchange.who == "badkey" else key
        if exchange.who == "nokey":
            del sent["apiKey"]
        wrong = exchange.note == "bad signature" or exchange.note.startswith("tilde signed like")
        sent["signature"] = sign(sent, "wrong" if wrong else secret)
        return urlencode(sent, quote_via=lambda text, *_: java_encode(str(text)))


def _inner(response: Any) -> Any:
    return next(iter(response.values()), {}) if isinstance(response, dict) else {}
