"""Post to one address over one kept connection: nothing goes out twice, and each failure says what left."""

from __future__ import annotations

import select
import socket
import ssl
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

from certifi import where as bundled_authorities

from cloudstack.endpoint import Clock, Endpoint

MAX_ANSWER_BYTES = 8 * 1024 * 1024
_READ_SIZE = 64 * 1024
# What an address may hold unquoted; a blank or a line break in it would end the request's first line.
_OF_AN_ADDRESS = "!#$%&'()*+,/:;=?@[]~"


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


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold an HTTP answer, whatever its status, and the two headers that are looked at."""

    status: int
    body: bytes
    date: str | None = None
    retry_after: str | None = None


class Line(Protocol):
    """Carry one request at a time to a cloud; used by one thread. Tests pass one that leads to a cloud of theirs."""

    def post(self, form: bytes, *, timeout: float, max_answer_bytes: int) -> Answer:
        """Send the form once and return the answer to it; raise NothingSent or NoAnswer when there is none.

        `timeout` (seconds) bounds the connection and each wait for bytes, and twice as much the whole exchange.
        """
        ...


class HttpLine:
    """Speak HTTP to the endpoint: no redirect is followed, no proxy or password of the environment is used.

    The connection is kept for the next request unless anything about it is in doubt.
    """

    def __init__(self, endpoint: Endpoint, *, clock: Clock) -> None:
        """Connect to nothing yet."""
        self._endpoint = endpoint
        self._clock = clock
        self._address: _Address | None = None
        self._connection: HTTPConnection | None = None

    def __del__(self) -> None:
        """Close the connection with the thread that used it."""
        self._hang_up()

    def post(self, form: bytes, *, timeout: float, max_answer_bytes: int) -> Answer:
        """Do what a Line does."""
        # Connecting and waiting for the first byte may take the time-out; the rest gets as long once more.
        until = self._clock.now() + 2 * timeout
        if self._address is None:
            self._address = _Address.of(self._endpoint.url)
        sock = self._connected(self._address, timeout)
        # Whatever ends this early leaves the connection in the middle of an answer: the next one could be taken for it.
        keeps = False
        try:
            response = self._asked(sock, self._address.request(form), timeout=timeout)
            try:
                body = self._whole_body(response, until=until, timeout=timeout, max_answer_bytes=max_answer_bytes)
                keeps = not response.will_close
            finally:
                response.close()
        finally:
            if not keeps:
                self._hang_up()
        return Answer(response.status, body, response.headers.get("Date"), response.headers.get("Retry-After"))

    def _connected(self, address: _Address, timeout: float) -> socket.socket:
        """Return the kept connection's socket, or another's where the cloud has ended it: nothing has been sent yet."""
        if self._connection is None or not _is_quiet(self._connection.sock):
            self._hang_up()
            self._connection = self._opened(address, timeout)
        sock: socket.socket = self._connection.sock
        sock.settimeout(timeout)
        return sock

    def _opened(self, address: _Address, timeout: float) -> HTTPConnection:
        try:
            connection = self._connection_to(address, timeout)
            connection.connect()
        except TimeoutError as error:
            raise NothingSent(f"no connection within {timeout:g} s", repeatable=False) from error
        except ssl.SSLError as error:
            raise NothingSent(f"no connection: TLS failed before the request: {error}", repeatable=True) from error
        except OSError as error:
            raise NothingSent(f"no connection: {error}", repeatable=True) from error
        return connection

    def _connection_to(self, address: _Address, timeout: float) -> HTTPConnection:
        if not address.is_tls:
            return HTTPConnection(address.host, address.port, timeout=timeout)
        return HTTPSConnection(
            address.host, address.port, timeout=timeout, context=_authorities(self._endpoint.ca_file)
        )

    def _asked(self, sock: socket.socket, request: bytes, *, timeout: float) -> HTTPResponse:
        """Send once, also on a kept connection that breaks: the cloud may have taken the request before it did."""
        try:
            sock.sendall(request)
            response = HTTPResponse(sock, method="POST")
            response.begin()
        except TimeoutError as error:
            raise NoAnswer(f"no answer within {timeout:g} s", repeatable=False) from error
        except (HTTPException, OSError) as error:
            raise NoAnswer(f"the connection broke: {error!r}", repeatable=True) from error
        return response

    def _whole_body(self, response: HTTPResponse, *, until: float, timeout: float, max_answer_bytes: int) -> bytes:
        """Read to the end, but not beyond the size cap or, should it come in drips, beyond `until`."""
        expected = response.length
        body = bytearray()
        while expected is None or len(body) < expected:
            piece = _piece(response)
            body += piece
            if len(body) > max_answer_bytes:
                raise NoAnswer(f"the answer is larger than {max_answer_bytes} bytes", repeatable=False)
            if not piece:
                break
            if self._clock.now() > until:
                raise NoAnswer(f"the answer was not complete within {2 * timeout:g} s", repeatable=False)
        if expected is not None and len(body) < expected:
            raise NoAnswer(f"the answer broke off after {len(body)} of {expected} bytes", repeatable=True)
        return bytes(body)

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


@dataclass(frozen=True)
class _Address:
    host: str
    port: int
    is_tls: bool
    # The whole head of a request, up to the length of what is posted.
    head: bytes

    @classmethod
    def of(cls, url: str) -> _Address:
        """Take an address apart; raise NothingSent where no request could be made for it."""
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").encode("idna").decode("ascii")
            port = parts.port
        except ValueError as error:
            raise NothingSent(f"{url!r} is no address: {error}", repeatable=False) from error
        if parts.scheme not in ("http", "https") or not host or parts.username is not None:
            raise NothingSent(f"{url!r} is no address like https://HOST/client/api", repeatable=False)
        named = f"[{host}]" if ":" in host else host
        target = quote(parts.path or "/", safe=_OF_AN_ADDRESS)
        target += f"?{quote(parts.query, safe=_OF_AN_ADDRESS)}" if parts.query else ""
        head = (
            f"POST {target} HTTP/1.1\r\nHost: {named}{'' if port is None else f':{port}'}\r\n"
            "User-Agent: cloudstack-failover\r\nAccept-Encoding: identity\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: "
        )
        is_tls = parts.scheme == "https"
        return cls(host, port or (443 if is_tls else 80), is_tls, head.encode("ascii"))

    def request(self, form: bytes) -> bytes:
        """Return head and form as one piece, so that they leave together."""
        return b"%b%d\r\n\r\n%b" % (self.head, len(form), form)


def _is_quiet(sock: socket.socket | None) -> bool:
    """See whether nothing has come since the last answer: neither the end of the connection nor words unasked for."""
    if sock is None or (isinstance(sock, ssl.SSLSocket) and sock.pending()):
        return False
    waiting = select.poll()
    waiting.register(sock, select.POLLIN)
    return not waiting.poll(0)


def _authorities(ca_file: str | None) -> ssl.SSLContext:
    """Trust the file's (or directory's) authorities alone, else the public ones; read anew for each connection."""
    if ca_file is not None and not Path(ca_file).exists():
        raise NothingSent(f"the CA file {ca_file} does not exist", repeatable=False)
    trusted = ca_file or bundled_authorities()
    is_directory = Path(trusted).is_dir()
    context = ssl.create_default_context(
        cafile=None if is_directory else trusted, capath=trusted if is_directory else None
    )
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _piece(response: HTTPResponse) -> bytes:
    try:
        return response.read1(_READ_SIZE)
    except TimeoutError as error:
        raise NoAnswer(f"the answer broke off: {error}", repeatable=False) from error
    except (HTTPException, OSError) as error:
        raise NoAnswer(f"the answer broke off: {error!r}", repeatable=True) from error
