"""Show over real sockets what is known of a request whose answer did not come."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from cloudstack import Accepted, CloudUnreachable, Endpoint, Gateway, Lost, NotSent, Submission, Ticket
from cloudstack.wire import MAX_ANSWER_BYTES
from tests.cloudstack.scripted_cloud import JOB, NOW, VOLUME, MovedClock

TICKET = Ticket(JOB, NOW + 30)
GOOD_BODY = b'{"detachvolumeresponse":{"jobid":"%s"}}' % JOB.encode()
Behaviour = Callable[[socket.socket], None]


def test_a_good_answer_is_taken() -> None:
    with server(_saying(_http(GOOD_BODY))) as port:
        assert isinstance(_detach(port), Accepted)


def test_a_refused_connection_sent_nothing() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    assert isinstance(_detach(port), NotSent)


def test_a_host_that_is_not_known_got_nothing() -> None:
    assert isinstance(_detach(80, host="no-such-host.invalid"), NotSent)


def test_a_tls_handshake_with_a_server_that_has_none_sent_nothing() -> None:
    with server(_saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        outcome = _detach(port, scheme="https")

    assert isinstance(outcome, NotSent)
    assert "TLS" in str(outcome.error)


def test_a_tls_handshake_that_is_cut_off_sent_nothing() -> None:
    with server(lambda connection: None) as port:
        assert isinstance(_detach(port, scheme="https"), NotSent)


def test_a_tls_handshake_that_never_ends_sent_nothing() -> None:
    with server(_until_closed) as port:
        assert isinstance(_detach(port, scheme="https", timeout=0.2), NotSent)


def test_a_ca_file_that_is_missing_is_named_and_nothing_is_sent() -> None:
    outcome = _detach(1, scheme="https", ca_file="/nowhere/ca.pem")

    assert isinstance(outcome, NotSent)
    assert "/nowhere/ca.pem does not exist" in str(outcome.error)


def test_a_connection_closed_without_an_answer_lost_it() -> None:
    with server(_saying(b"")) as port:
        assert isinstance(_detach(port), Lost)


def test_a_lost_answer_stays_lost_while_the_caller_handles_a_refused_connection() -> None:
    with server(_saying(b"")) as port:
        try:
            _gateway(80, host="no-such-host.invalid").volume(VOLUME)
        except CloudUnreachable:
            outcome = _detach(port)

    assert isinstance(outcome, Lost)


def test_silence_after_the_request_lost_the_answer() -> None:
    with server(_until_closed) as port:
        assert isinstance(_detach(port, timeout=0.2), Lost)


def test_an_answer_cut_off_in_the_middle_is_lost() -> None:
    with server(_saying(_http(GOOD_BODY)[:-5])) as port:
        assert isinstance(_detach(port), Lost)


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    huge = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b" " * (MAX_ANSWER_BYTES + 100_000)
    with server(_saying(huge)) as port:
        outcome = _detach(port)

    assert isinstance(outcome, Lost)
    assert "larger than" in str(outcome.error)


def test_an_answer_that_comes_in_drips_is_not_waited_for() -> None:
    clock = MovedClock()

    def drips(connection: socket.socket) -> None:
        _request(connection)
        connection.sendall(_http(GOOD_BODY)[:-20])
        clock.moment += 60
        connection.sendall(_http(GOOD_BODY)[-20:-10])
        _until_closed(connection)

    with server(drips) as port:
        outcome = _detach(port, clock=clock)

    assert isinstance(outcome, Lost)
    assert "not complete" in str(outcome.error)


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"307 Temporary", b"308 Permanent"])
def test_a_redirect_is_not_followed(status: bytes) -> None:
    served: list[bytes] = []

    def redirects(connection: socket.socket) -> None:
        served.append(_request(connection))
        connection.sendall(b"HTTP/1.1 " + status + b"\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")

    with server(redirects) as port:
        assert isinstance(_detach(port), Lost)

    assert len(served) == 1


def test_the_environment_can_not_send_requests_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with server(_saying(_http(GOOD_BODY))) as port:
        assert isinstance(_detach(port), Accepted)


def test_a_read_says_that_there_was_no_connection() -> None:
    with pytest.raises(CloudUnreachable, match="no connection"):
        _gateway(80, host="no-such-host.invalid").volume(VOLUME)


def test_each_thread_has_a_connection_of_its_own_and_keeps_it() -> None:
    connections: list[socket.socket] = []

    def answers(connection: socket.socket) -> None:
        connections.append(connection)
        while _request(connection):
            connection.sendall(_http(GOOD_BODY))

    with server(answers) as port:
        gateway = _gateway(port)
        for _ in range(3):
            gateway.detach_volume(VOLUME, ticket=TICKET)
        other = threading.Thread(target=lambda: gateway.detach_volume(VOLUME, ticket=TICKET))
        other.start()
        other.join()

        assert len(connections) == 2


@contextmanager
def server(behaviour: Behaviour) -> Iterator[int]:
    """Listen on a port of the loopback interface, and treat each connection as told until the test is over."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        open_connections: list[socket.socket] = []
        threads = [threading.Thread(target=_accept, args=(listening, behaviour, open_connections))]
        threads[0].start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            for connection in open_connections:
                _end(connection)
            threads[0].join()


def _accept(listening: socket.socket, behaviour: Behaviour, open_connections: list[socket.socket]) -> None:
    serving = []
    while True:
        try:
            connection, _address = listening.accept()
        except OSError:
            break
        open_connections.append(connection)
        serving.append(threading.Thread(target=_serve, args=(connection, behaviour)))
        serving[-1].start()
    for thread in serving:
        thread.join()


def _serve(connection: socket.socket, behaviour: Behaviour) -> None:
    try:
        behaviour(connection)
    except OSError:
        return
    finally:
        _end(connection)


def _end(connection: socket.socket) -> None:
    """Wake whoever waits on the connection, which closing alone does not."""
    if connection.fileno() < 0:
        return
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
    finally:
        connection.close()


def _saying(raw: bytes) -> Behaviour:
    def says(connection: socket.socket) -> None:
        _request(connection)
        connection.sendall(raw)

    return says


def _request(connection: socket.socket) -> bytes:
    """Read one whole request: to close with some of it unread would reset the connection under the answer."""
    received = b""
    while not _is_whole(received) and (piece := connection.recv(65536)):
        received += piece
    return received


def _is_whole(received: bytes) -> bool:
    head, blank, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    is_http = received[:4] in (b"", b"POST")
    return not is_http or (bool(blank) and length is not None and len(body) >= int(length[1]))


def _until_closed(connection: socket.socket) -> None:
    while connection.recv(65536):
        continue


def _http(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head + body


def _gateway(
    port: int,
    *,
    host: str = "127.0.0.1",
    scheme: str = "http",
    timeout: float = 5.0,
    ca_file: str | None = None,
    clock: MovedClock | None = None,
) -> Gateway:
    endpoint = Endpoint(
        url=f"{scheme}://{host}:{port}/client/api", api_key="k", secret_key="s", ca_file=ca_file, timeout=timeout
    )
    return Gateway(endpoint, clock=clock or MovedClock())


def _detach(port: int, **how: object) -> Submission:
    return _gateway(port, **how).detach_volume(VOLUME, ticket=TICKET)  # type: ignore[arg-type]
