"""Let a gateway speak to a simulator in the same process, without a socket and on the simulator's clock."""

from __future__ import annotations

from cloudstack import DENY_ALL, Answer, DestroyPort, Endpoint, Gateway, NoAnswer, NothingSent
from cloudstack_simulator import AnswerLost, CallHangs, ServerDown, Simulator

SIMULATOR_URL = "http://simulator.invalid/client/api"


class SimulatorLine:
    """Hand each form to `Simulator.handle()`, and break off as a network would where a fault says so."""

    def __init__(self, simulator: Simulator) -> None:
        """Speak to this simulator."""
        self._simulator = simulator

    def post(self, form: bytes, *, timeout: float, max_answer_bytes: int) -> Answer:
        """Answer as the simulator does; raise what a real line raises for an answer that is lost or never comes."""
        try:
            answer = self._simulator.handle(form.decode("utf-8"), method="POST")
        except ServerDown as down:
            raise NothingSent("no connection: Connection refused", repeatable=True) from down
        except AnswerLost as lost:
            raise NoAnswer(f"the connection broke: the answer was lost: {lost}", repeatable=True) from lost
        except CallHangs as hangs:
            raise NoAnswer(f"no answer within {timeout:g} s", repeatable=False) from hangs
        return Answer(answer.status, answer.body, answer.headers.get("Date"), answer.headers.get("Retry-After"))


def gateway_for(
    simulator: Simulator, *, destroy_port: DestroyPort = DENY_ALL, as_admin: bool = False, timeout: float = 10.0
) -> Gateway:
    """Return a gateway with the key of the scenario's owner (or the root admin's) and the simulator's clock."""
    endpoint = Endpoint(
        url=SIMULATOR_URL,
        api_key=simulator.admin_api_key if as_admin else simulator.api_key,
        secret_key=simulator.admin_secret_key if as_admin else simulator.secret_key,
        timeout=timeout,
    )
    return Gateway(
        endpoint, clock=simulator.clock, destroy_port=destroy_port, new_line=lambda: SimulatorLine(simulator)
    )
