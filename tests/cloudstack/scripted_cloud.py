"""Stand in for a cloud that answers by a script: for answers that no simulator would give."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl

from cloudstack import DENY_ALL, Answer, DestroyPort, Endpoint, Gateway

URL = "http://cloud.invalid/client/api"
NOW = 1_760_000_000.0
JOB = "11111111-2222-4333-8444-555555555555"
VM = "aaaaaaaa-0000-4000-8000-000000000001"
VOLUME = "bbbbbbbb-0000-4000-8000-000000000001"
OTHER_VOLUME = "bbbbbbbb-0000-4000-8000-000000000002"
ZONE = "cccccccc-0000-4000-8000-000000000001"
NETWORK = "dddddddd-0000-4000-8000-000000000001"
OTHER_NETWORK = "dddddddd-0000-4000-8000-000000000002"

Parameters = Mapping[str, str]


@dataclass
class MovedClock:
    """Tell the time that the test sets."""

    moment: float = NOW

    def now(self) -> float:
        """Return the moment set."""
        return self.moment


@dataclass(frozen=True)
class Reply:
    """Be one HTTP answer; a body that is no bytes is sent as JSON."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def raw(self) -> bytes:
        """Return the bytes that are sent."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Script = Callable[[Parameters], Reply | Exception]


class ScriptedCloud:
    """Be the line to a cloud that answers each request as the script says, and remember what was asked."""

    def __init__(self, script: Script, *, clock: MovedClock | None = None) -> None:
        """Take the script, called once per request with its parameters."""
        self.clock = clock or MovedClock()
        self.asked: list[dict[str, str]] = []
        self._script = script

    def post(self, form: bytes, *, timeout: float, max_answer_bytes: int) -> Answer:
        """Answer, or raise what the script returned."""
        parameters = dict(parse_qsl(form.decode("ascii"), keep_blank_values=True))
        self.asked.append(parameters)
        reply = self._script(parameters)
        if isinstance(reply, Exception):
            raise reply
        date = reply.headers.get("Date", formatdate(self.clock.now(), usegmt=True))
        return Answer(reply.status, reply.raw(), date, reply.headers.get("Retry-After"))

    def gateway(self, *, destroy_port: DestroyPort = DENY_ALL) -> Gateway:
        """Return a gateway that speaks to this cloud."""
        endpoint = Endpoint(url=URL, api_key="key", secret_key="secret")
        return Gateway(endpoint, clock=self.clock, destroy_port=destroy_port, new_line=lambda: self)


def always(reply: Reply | Exception) -> ScriptedCloud:
    """Return a cloud that says the same to everything."""
    return ScriptedCloud(lambda _parameters: reply)


def error(command: str, code: int, text: str = "no", *, status: int | None = None) -> Reply:
    """Return CloudStack's error envelope."""
    body = {"uuidList": [], "errorcode": code, "cserrorcode": 9999, "errortext": text}
    return Reply(status or code, {f"{command.lower()}response": body})


def answer(command: str, **body: object) -> Reply:
    """Return CloudStack's envelope around a body."""
    return Reply(200, {f"{command.lower()}response": body})


def does_not_exist(command: str, parameter: str, value: str) -> Reply:
    """Return CloudStack's refusal of an id that never existed."""
    return error(
        command,
        431,
        f"Unable to execute API command {command.lower()} due to invalid value. Invalid parameter {parameter} "
        f"value={value} due to incorrect long value format, or entity does not exist or due to incorrect parameter "
        "annotation for the field in api cmd class.",
    )
