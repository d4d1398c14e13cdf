"""Let a gateway speak to a simulator in the same process, without a socket and on the simulator's clock."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, cast

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError

from cloudstack import DENY_ALL, DestroyPort, Endpoint, Gateway
from cloudstack_simulator import AnswerLost, CallHangs, HttpAnswer, ServerDown, Simulator

SIMULATOR_URL = "http://simulator.invalid/client/api"


class SimulatorAdapter(BaseAdapter):
    """Hand each request to `Simulator.handle()`, and break off as a network would where a fault says so."""

    def __init__(self, simulator: Simulator) -> None:
        """Speak to this simulator."""
        super().__init__()
        self._simulator = simulator

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Answer as the simulator does: ConnectionError for a lost answer, ReadTimeout for one that never comes."""
        try:
            answer = self._simulator.handle(_form(request), method=request.method or "POST")
        except ServerDown as down:
            refused = NewConnectionError(cast(HTTPConnection, None), "Connection refused")
            raise requests.exceptions.ConnectionError(refused, request=request) from down
        except AnswerLost as lost:
            raise requests.exceptions.ConnectionError(f"the answer was lost: {lost}", request=request) from lost
        except CallHangs as hangs:
            raise requests.exceptions.ReadTimeout(f"no answer came: {hangs}", request=request) from hangs
        return _response(request, answer)

    def close(self) -> None:
        """Have nothing to close."""


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
        endpoint,
        clock=simulator.clock,
        destroy_port=destroy_port,
        session_factory=lambda: simulator_session(simulator),
    )


def simulator_session(simulator: Simulator) -> requests.Session:
    """Return a session whose every request goes to the simulator."""
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", SimulatorAdapter(simulator))
    return session


def _form(request: requests.PreparedRequest) -> str:
    body: Any = request.body or ""
    return body.decode("utf-8") if isinstance(body, bytes) else str(body)


def _response(request: requests.PreparedRequest, answer: HttpAnswer) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.headers = CaseInsensitiveDict(answer.headers)
    response.raw = io.BytesIO(answer.body)
    response.url = request.url or ""
    response.request = request
    return response
