"""This will drive a simulated cloud by plain calls, jumping in time from event to event."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cloudstack_simulator import Simulator, SteppedClock
from cloudstack_simulator.signature import java_encode, sign

REPLICA = "5b7d1e20-0005-4000-8000-000000000101"
OTHER_REPLICA = "5b7d1e20-0005-4000-8000-000000000201"


@dataclass(frozen=True)
class Ended:
    """This will be an asynchronous job that has ended."""

    succeeded: bool
    code: int
    text: str
    entity: str


class Operator:
    """This will call the cloud as its owner and wait for jobs without sleeping."""

    def __init__(self, scenario: str = "small", **options: Any) -> None:
        self.clock = SteppedClock()
        self.cloud = Simulator.scenario(scenario, clock=self.clock, **options)

    @property
    def appliance(self) -> str:
        """This will give the id of the appliance VM."""
        machine = self.cloud.vm("oma1")
        assert machine is not None
        return machine.id

    def ask(self, command: str, **params: Any) -> Any:
        """This will call and give the inner object of the answer, whatever its status."""
        answer: dict[str, Any] = self.cloud.call(command, **params).json()
        return next(iter(answer.values()))

    def submit(self, command: str, **params: Any) -> str:
        """This will call an asynchronous command and give the id of its job."""
        answer = self.ask(command, **params)
        assert "jobid" in answer, answer
        return str(answer["jobid"])

    def outcome(self, job_id: str) -> Any:
        """This will read a job."""
        return self.ask("queryAsyncJobResult", jobid=job_id)

    def wait(self, job_id: str) -> Ended:
        """This will jump from event to event until a job has ended."""
        while self.outcome(job_id)["jobstatus"] == 0:
            self.jump()
        shown = self.outcome(job_id)
        result = shown.get("jobresult", {})
        return Ended(
            shown["jobstatus"] == 1, shown["jobresultcode"], result.get("errortext", ""), shown.get("jobinstanceid", "")
        )

    def jump(self) -> None:
        """This will move the clock to the next thing that happens by itself."""
        following = self.cloud.next_event_at()
        assert following is not None, "nothing happens any more"
        self.clock.advance(max(0.0, following - self.clock.now()))
        self.cloud.advance()

    def settle(self) -> None:
        """This will let everything happen that happens within a quarter of an hour."""
        self.clock.advance(900.0)
        self.cloud.advance()

    def run(self, command: str, **params: Any) -> Ended:
        """This will call an asynchronous command and wait for its end."""
        return self.wait(self.submit(command, **params))

    def done(self, command: str, **params: Any) -> str:
        """This will run an asynchronous command that must succeed, and give the id of what it was about."""
        ended = self.run(command, **params)
        assert ended.succeeded, ended
        return ended.entity

    def deploy(self, name: str = "target", **more: Any) -> str:
        """This will deploy a stopped VM on the production network and drop its placeholder ROOT."""
        vm_id = self.done("deployVirtualMachine", **(self.deployment(name) | more))
        machine = self.cloud.vm(vm_id)
        assert machine is not None
        root = machine.volumes[0]
        self.done("detachVolume", id=root)
        assert self.cloud.call("deleteVolume", id=root).status == 200
        return vm_id

    def deployment(self, name: str) -> dict[str, Any]:
        """This will give the parameters of a deployment of a small stopped VM."""
        zone = self.ask("listZones")["zone"][0]["id"]
        offering = self.ask("listServiceOfferings", name="failover-custom")["serviceoffering"][0]["id"]
        template = self.ask("listTemplates", templatefilter="executable")["template"][0]["id"]
        return {
            "zoneid": zone,
            "serviceofferingid": offering,
            "templateid": template,
            "networkids": self.network("OSSEA-L2"),
            "name": name,
            "startvm": False,
            "details": [{"cpuNumber": 2, "memory": 2048}],
        }

    def network(self, name: str) -> str:
        """This will give the id of a network."""
        return str(self.ask("listNetworks", name=name)["network"][0]["id"])

    def signed(self, command: str, *, secret: str | None = None, expires_in: float = 60.0, **params: str) -> str:
        """This will write a signed call as form text."""
        expires = _written(self.clock.now() + expires_in)
        sent = {"command": command, "apiKey": self.cloud.api_key, "response": "json"}
        sent |= {"signatureVersion": "3", "expires": expires} | params
        sent["signature"] = sign(sent, secret or self.cloud.secret_key)
        return "&".join(f"{name}={java_encode(text)}" for name, text in sent.items())


def _written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def fresh() -> str:
    """This will give an id for a job."""
    return str(uuid.uuid4())
