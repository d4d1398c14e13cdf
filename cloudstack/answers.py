"""Open CloudStack's envelopes: one JSON object, one key named after the command, an error or a body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cloudstack.errors import CallError

Body = Mapping[str, Any]
_TEXT_KEPT = 1000


class UnusableAnswer(Exception):
    """Tell that an answer is not what CloudStack says to this command."""


class ErrorAnswer(Exception):
    """Tell that CloudStack itself answered with an error."""

    def __init__(self, error: CallError) -> None:
        """Keep the error for the one who catches it."""
        super().__init__(str(error))
        self.error = error


def opened(command: str, *, http_status: int, text: str, async_job_id: str | None) -> Body:
    """Return what the envelope holds; raise ErrorAnswer for CloudStack's no, UnusableAnswer for anything else.

    A body without the right envelope is nobody's word: a proxy's page, or the answer to something else.
    """
    envelope = _parsed(text, http_status)
    key, body = next(iter(envelope.items()))
    if key not in (f"{command.lower()}response", "errorresponse") or not isinstance(body, dict):
        raise UnusableAnswer(f"HTTP {http_status} with an envelope that is not this command's: {clean(key)!r}")
    if "errorcode" in body:
        raise ErrorAnswer(_error(command, http_status=http_status, body=body, async_job_id=async_job_id))
    if http_status != 200 or key == "errorresponse":
        raise UnusableAnswer(f"HTTP {http_status} with no errorcode in it")
    return body


def clean(text: str) -> str:
    """Return the text without what no database stores: NUL and halves of surrogate pairs."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _parsed(text: str, http_status: int) -> dict[str, Any]:
    try:
        envelope = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnusableAnswer(f"HTTP {http_status} with a body that is not JSON: {_shortened(text)!r}") from error
    if not isinstance(envelope, dict) or len(envelope) != 1:
        raise UnusableAnswer(f"HTTP {http_status} with JSON that is no envelope: {_shortened(text)!r}")
    # Only an escape can smuggle NUL or a lone surrogate past UTF-8, so most answers need no second walk.
    return _cleaned(envelope) if "\\u" in text else envelope


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case dict():
            return {clean(key): _cleaned(item) for key, item in value.items()}
        case list():
            return [_cleaned(item) for item in value]
        case _:
            return value


def _error(command: str, *, http_status: int, body: Body, async_job_id: str | None) -> CallError:
    return CallError(
        command=command,
        http_status=http_status,
        error_code=_whole_number(body.get("errorcode")),
        cs_error_code=_whole_number(body.get("cserrorcode")),
        text=str(body.get("errortext") or "CloudStack gave no reason")[:_TEXT_KEPT],
        async_job_id=async_job_id,
    )


def _whole_number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _shortened(text: str) -> str:
    return clean(text[:120])
