"""Stand between `cs`, which spells and signs a request, and the line that carries it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote_plus

from cs import CloudStack
from cs.client import transform

from cloudstack.line import MAX_ANSWER_BYTES, Line

_TOO_MANY = 429
_PLAIN = re.compile(r"[A-Za-z0-9_.-]*", re.ASCII)


class Received:
    """Give an answer as `cs` wants to see it."""

    __slots__ = ("status_code", "text")

    def __init__(self, status_code: int, text: str) -> None:
        """Keep status and text."""
        self.status_code = status_code
        self.text = text


class Wire:
    """Stand where `cs` expects its session, and send for one thread.

    `timeout` (seconds) and `max_answer_bytes` are set by the caller before each call. `heard` is given the Date of
    every answer, `too_many` is told of answers with status 429.
    """

    def __init__(
        self, line: Line, *, timeout: float, heard: Callable[[float], None], too_many: Callable[..., None]
    ) -> None:
        """Take the line; the wire alone uses it from now on."""
        self.timeout = timeout
        self.max_answer_bytes = MAX_ANSWER_BYTES
        self._line = line
        self._heard = heard
        self._too_many = too_many
        self._date_text: str | None = None
        self._date: float | None = None

    def send(self, form: bytes) -> Received:
        """Send and read the whole answer; raise NothingSent or NoAnswer when there is none."""
        answer = self._line.post(form, timeout=self.timeout, max_answer_bytes=self.max_answer_bytes)
        # JSON is UTF-8 whatever a header guesses.
        text = answer.body.decode("utf-8", "replace")
        self._tell_date(answer.date)
        if answer.status == _TOO_MANY:
            self._too_many(header=answer.retry_after, text=text[:1000])
        return Received(answer.status, text)

    def _tell_date(self, text: str | None) -> None:
        """Pass on when CloudStack says it answered; an answer without a good Date tells nothing."""
        if text != self._date_text:
            # Dates change once a second, and to read one takes longer than to compare it.
            self._date_text, self._date = text, _unix_seconds(text)
        if self._date is not None:
            self._heard(self._date)


class SigningClient(CloudStack):
    """Let `cs` spell and sign, and hand the form to the wire at once.

    What `cs` does in between, preparing a request of `requests`, takes more time than all the rest of a call.
    """

    def _send(self, _kind: str, params: dict[str, Any], _headers: object, _timeout: object) -> Received:
        """Sign the parameters, then send them, as the method of `cs` does that this stands for."""
        transform(params)
        params.pop("signature", None)
        self._sign(params)  # type: ignore[no-untyped-call]
        sent: Received = self.session.send(form_of(params))
        return sent


def form_of(params: Mapping[str, str]) -> bytes:
    """Spell the parameters as the body of a POST."""
    return "&".join([f"{_quoted(name)}={_quoted(value)}" for name, value in params.items()]).encode("ascii")


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote_plus(text)


def _unix_seconds(date: str | None) -> float | None:
    if date is None:
        return None
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
