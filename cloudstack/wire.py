"""Carry one request to CloudStack and back: no redirect, no proxy of the environment, bounded in size and time."""

from __future__ import annotations

import io
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError

from cloudstack.endpoint import Clock, Endpoint

MAX_ANSWER_BYTES = 8 * 1024 * 1024
_READ_SIZE = 64 * 1024
_TOO_MANY = 429


class NothingSent(Exception):
    """Tell that the call ended before a byte of the request left; `repeatable` when another try may fare better."""

    def __init__(self, text: str, *, repeatable: bool) -> None:
        """Keep whether a read may be tried again at once."""
        super().__init__(text)
        self.repeatable = repeatable


class NoAnswer(Exception):
    """Tell that the request may have arrived, but no whole answer came back."""

    def __init__(self, text: str, *, repeatable: bool) -> None:
        """Keep whether a read may be tried again at once."""
        super().__init__(text)
        self.repeatable = repeatable


class Wire:
    """Stand where `cs` expects its session, and send for one thread.

    `timeout` (seconds) is set by the caller before each call: it bounds the connection and each wait for bytes,
    and twice as much the whole exchange. `heard` is given the Date of every answer.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        session: requests.Session,
        clock: Clock,
        heard: Callable[[float], None],
        too_many: Callable[..., None],
    ) -> None:
        """Take the session; the wire alone uses it from now on. `too_many` is told of answers with status 429."""
        self._too_many = too_many
        self.timeout = endpoint.timeout
        self.max_answer_bytes = MAX_ANSWER_BYTES
        self._ca_file = endpoint.ca_file
        self._session = session
        self._clock = clock
        self._heard = heard

    def send(self, request: requests.PreparedRequest, **_ignored: Any) -> requests.Response:
        """Send and read the whole answer; raise NothingSent or NoAnswer when there is none."""
        if self._ca_file is not None and not Path(self._ca_file).exists():
            raise NothingSent(f"the CA file {self._ca_file} does not exist", repeatable=False)
        # Connecting and waiting for the first byte may take the time-out; the rest gets as long once more.
        until = self._clock.now() + 2 * self.timeout
        response = self._exchange(request)
        try:
            body = self._whole_body(response, until=until)
        except (HTTPError, OSError) as error:
            raise NoAnswer(f"the answer broke off: {error}", repeatable=True) from error
        finally:
            response.close()
        self._tell_date(response)
        if response.status_code == _TOO_MANY:
            self._too_many(header=response.headers.get("Retry-After"), text=body[:1000].decode("utf-8", "replace"))
        # cs reads the text of what it is given; JSON is UTF-8 whatever the header guesses.
        response.raw = io.BytesIO(body)
        response.encoding = "utf-8"
        return response

    def _exchange(self, request: requests.PreparedRequest) -> requests.Response:
        """Send once. A followed redirect would repeat a mutating call, so none is followed."""
        try:
            return self._session.send(
                request,
                timeout=self.timeout,
                verify=self._ca_file or True,
                stream=True,
                allow_redirects=False,
            )
        except requests.exceptions.Timeout as error:
            if _never_connected(error):
                raise NothingSent(f"no connection within {self.timeout:g} s", repeatable=False) from error
            raise NoAnswer(f"no answer within {self.timeout:g} s", repeatable=False) from error
        except requests.exceptions.ConnectionError as error:
            if _never_connected(error):
                raise NothingSent(f"no connection: {_reason(error)}", repeatable=True) from error
            raise NoAnswer(f"the connection broke: {_reason(error)}", repeatable=True) from error
        except requests.exceptions.RequestException as error:
            raise NoAnswer(f"the exchange failed: {error}", repeatable=False) from error

    def _whole_body(self, response: requests.Response, *, until: float) -> bytes:
        """Read to the end, but not beyond the size cap or, should it come in drips, beyond `until`."""
        body = bytearray()
        while piece := response.raw.read1(_READ_SIZE):
            body += piece
            if len(body) > self.max_answer_bytes:
                raise NoAnswer(f"the answer is larger than {self.max_answer_bytes} bytes", repeatable=False)
            if self._clock.now() > until:
                raise NoAnswer(f"the answer was not complete within {2 * self.timeout:g} s", repeatable=False)
        return bytes(body)

    def _tell_date(self, response: requests.Response) -> None:
        """Pass on when CloudStack says it answered; an answer without a good Date tells nothing."""
        text = response.headers.get("Date")
        if text is None:
            return
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            return
        self._heard(date.timestamp())


class _TlsConnection(HTTPSConnection):
    """Tell a failed TLS handshake as what it is: a connection that never came to be, so that nothing was sent."""

    def connect(self) -> None:
        """Connect, and turn every failure up to the end of the handshake into NewConnectionError."""
        try:
            super().connect()
        except NewConnectionError:
            raise
        except (OSError, HTTPError) as error:
            raise NewConnectionError(self, f"TLS failed before the request: {error}") from error


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _TlsAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use connections that tell a failed handshake from a broken answer."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": HTTPConnectionPool, "https": _TlsPool}


def plain_session() -> requests.Session:
    """Return a session that repeats nothing and takes nothing (proxy, netrc) from the environment."""
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", _TlsAdapter())
    return session


def _never_connected(error: requests.RequestException) -> bool:
    """See whether the failure came before the request: refused, unknown host, no route, failed handshake."""
    return isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(_reason(error), NewConnectionError)


def _reason(error: requests.RequestException) -> object:
    """Return what broke the exchange, out of its wrappers.

    `__context__` must not be followed for it: there hangs whatever the caller was handling when he called.
    """
    inner = error.args[0] if error.args else error
    return inner.reason if isinstance(inner, MaxRetryError) else inner
