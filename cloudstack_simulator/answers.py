"""This will hold what the simulated cloud says: answers, refusals, and the ways in which an answer does not come."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Any

MASKED_TEXT = "Internal error executing command, please contact your system administrator"
# ApiServer hides the text of these from everybody but root admins (facts, section 1).
MASKED_CODES = frozenset({530, 533, 534})


@dataclass(frozen=True)
class HttpAnswer:
    """This will carry one HTTP answer as a client receives it."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """This will decode the body, for tests that look into an answer."""
        return json.loads(self.body)


class AnswerLost(Exception):
    """This will tell the caller that the connection ended before an answer came."""


class ServerDown(AnswerLost):
    """This will tell the caller that nobody listens: the management server is restarting, nothing was received."""


class CallHangs(Exception):
    """This will tell the caller that the answer does not come while the connection stays open."""


class ApiError(Exception):
    """This will refuse a call with CloudStack's HTTP status, inner code and text."""

    def __init__(
        self, status: int, text: str, *, inner: int | None = 9999, envelope: str | None = None, plain: bool = False
    ) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.inner = inner
        self.envelope = envelope
        # some texts are shown to everybody, whatever their code
        self.plain = plain


class JobError(Exception):
    """This will end an asynchronous job as failed, with a code and a text in its result."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def invalid_value(command: str, parameter: str, value: str) -> ApiError:
    """This will build the refusal for an id that the cloud has never known."""
    return ApiError(
        431,
        f"Unable to execute API command {command.lower()} due to invalid value. Invalid parameter {parameter} "
        f"value={value} due to incorrect long value format, or entity does not exist or due to incorrect parameter "
        "annotation for the field in api cmd class.",
    )


def not_verified(*, known_command: bool) -> ApiError:
    """This will build the one answer for a bad key, signature, time or command name."""
    text = "unable to verify user credentials and/or request signature"
    return ApiError(401, text, inner=None, envelope=None if known_command else "errorresponse")


def stamp(moment: float) -> str:
    """This will write a moment the way CloudStack does in JSON."""
    return _stamp_of_second(int(moment))


@lru_cache(maxsize=4096)
def _stamp_of_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


@lru_cache(maxsize=64)
def _date_of_second(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC), usegmt=True)


def render(status: int, payload: Any, *, moment: float) -> HttpAnswer:
    """This will put a payload into an HTTP answer dated by the cloud's clock."""
    headers = {
        "Content-Type": "application/json;charset=UTF-8",
        "Date": _date_of_second(int(moment)),
    }
    return HttpAnswer(status, headers, json.dumps(payload, separators=(",", ":")).encode())


def render_error(error: ApiError, *, command: str, masked: bool, moment: float) -> HttpAnswer:
    """This will put a refusal into CloudStack's error envelope."""
    text = MASKED_TEXT if masked and not error.plain and error.status in MASKED_CODES else error.text
    body: dict[str, Any] = {"uuidList": [], "errorcode": error.status}
    if error.inner is not None:
        body["cserrorcode"] = error.inner
    body["errortext"] = text
    answer = render(error.status, {error.envelope or f"{command.lower()}response": body}, moment=moment)
    answer.headers["X-Description"] = text.replace("\n", " ")
    return answer
