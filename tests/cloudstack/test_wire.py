"""Show over real sockets what is known of a request whose answer did not come."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from cloudstack import Accepted, CloudUnreachable, Endpoint, Gateway, Lost, NotSent, Submission, Ticket
from cloudstack.line import MAX_ANSWER_BYTES
from tests.cloudstack.scripted_cloud import JOB, NOW, VOLUME, MovedClock

TICKET = Ticket(JOB, NOW + 30)
GOOD_BODY = b'{"detachvolumeresponse":{"jobid":"%s"}}' % JOB.encode()
Behaviour = Callable[[socket.socket], None]


def test_a_good_answer_is_taken() -> None:
    with server(_saying(answer_over_http(GOOD_BODY))) as port:
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
    with server(_saying(answer_over_http(GOOD_BODY)[:-5])) as port:
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
        request_of(connection)
        connection.sendall(answer_over_http(GOOD_BODY)[:-20])
        clock.moment += 60
        connection.sendall(answer_over_http(GOOD_BODY)[-20:-10])
        _until_closed(connection)

    with server(drips) as port:
        outcome = _detach(port, clock=clock)

    assert isinstance(outcome, Lost)
    assert "not complete" in str(outcome.error)


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"307 Temporary", b"308 Permanent"])
def test_a_redirect_is_not_followed(status: bytes) -> None:
    served: list[bytes] = []

    def redirects(connection: socket.socket) -> None:
        served.append(request_of(connection))
        connection.sendall(b"HTTP/1.1 " + status + b"\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")

    with server(redirects) as port:
        assert isinstance(_detach(port), Lost)

    assert len(served) == 1


def test_the_environment_can_not_send_requests_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with server(_saying(answer_over_http(GOOD_BODY))) as port:
        assert isinstance(_detach(port), Accepted)


@pytest.mark.parametrize(
    "url",
    [
        "no address at all",
        "ftp://cloud.invalid/client/api",
        "http://",
        "http://:80/client/api",
        "http://cloud.invalid:port/client/api",
        "http://cloud..invalid/client/api",
        "http://.invalid/client/api",
        "https://user:word@cloud.invalid/client/api",
        "http://[::1/client/api",
    ],
)
def test_an_address_that_is_none_sends_nothing(url: str) -> None:
    gateway = Gateway(Endpoint(url=url, api_key="k", secret_key="s"), clock=MovedClock())

    outcome = gateway.detach_volume(VOLUME, ticket=TICKET)

    assert isinstance(outcome, NotSent)
    assert "is no address" in str(outcome.error)


def test_everything_is_posted_and_no_key_is_in_the_address() -> None:
    came: list[bytes] = []

    def hears(connection: socket.socket) -> None:
        came.append(request_of(connection))
        connection.sendall(answer_over_http(GOOD_BODY))

    with server(hears) as port:
        _detach(port)

    head, _, form = came[0].partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"POST /client/api HTTP/1.1"
    assert b"host: 127.0.0.1:%d" % port in head.lower().splitlines()
    assert b"apiKey=k" in form
    assert b"signature=" in form


def test_what_is_odd_in_an_address_can_not_add_lines_to_a_request() -> None:
    came: list[bytes] = []

    def hears(connection: socket.socket) -> None:
        came.append(request_of(connection))
        connection.sendall(answer_over_http(GOOD_BODY))

    with server(hears) as port:
        _gateway(port, path="/a b\r\nX-Odd: 1/ü%20c?d=e f").detach_volume(VOLUME, ticket=TICKET)

    assert came[0].splitlines()[0] == b"POST /a%20bX-Odd:%201/%C3%BC%20c?d=e%20f HTTP/1.1"


def test_an_answer_in_chunks_is_taken_whole() -> None:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (GOOD_BODY[:7], GOOD_BODY[7:]))
    with server(_saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")) as port:
        assert isinstance(_detach(port), Accepted)


def test_chunks_without_the_last_one_are_no_answer() -> None:
    with server(_saying(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"det\r\n')) as port:
        assert isinstance(_detach(port), Lost)


@pytest.mark.parametrize(
    "garbage", [b"\x00\xff\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000]
)
def test_what_is_not_http_is_no_answer(garbage: bytes) -> None:
    with server(_saying(garbage)) as port:
        assert isinstance(_detach(port), Lost)


def test_a_kept_connection_that_the_cloud_has_ended_is_replaced_before_anything_is_sent() -> None:
    ended = threading.Semaphore(0)
    served: list[bytes] = []

    def answers_once(connection: socket.socket) -> None:
        served.append(request_of(connection))
        connection.sendall(answer_over_http(GOOD_BODY))
        _end(connection)
        ended.release()

    with server(answers_once) as port:
        gateway = _gateway(port)
        for _ in range(3):
            assert isinstance(gateway.detach_volume(VOLUME, ticket=TICKET), Accepted)
            assert ended.acquire(timeout=5)

    assert len(served) == 3


def test_a_change_on_a_kept_connection_that_breaks_is_lost_and_not_sent_again() -> None:
    served: list[bytes] = []

    def breaks_at_the_second(connection: socket.socket) -> None:
        served.append(request_of(connection))
        connection.sendall(answer_over_http(GOOD_BODY))
        served.append(request_of(connection))

    with server(breaks_at_the_second) as port:
        gateway = _gateway(port)
        assert isinstance(gateway.detach_volume(VOLUME, ticket=TICKET), Accepted)
        outcome = gateway.detach_volume(VOLUME, ticket=TICKET)

        assert isinstance(outcome, Lost)
        assert len(served) == 2


def test_a_read_on_a_kept_connection_that_breaks_is_made_again() -> None:
    body = b'{"listvolumesresponse":{}}'
    served: list[bytes] = []

    def breaks_at_the_second(connection: socket.socket) -> None:
        while request := request_of(connection):
            served.append(request)
            if len(served) == 2:
                return
            connection.sendall(answer_over_http(body))

    with server(breaks_at_the_second) as port:
        gateway = _gateway(port)
        assert gateway.volume(VOLUME) is None
        assert gateway.volume(VOLUME) is None

    assert len(served) == 3


def test_after_an_answer_in_doubt_the_connection_is_not_used_again() -> None:
    connections: list[socket.socket] = []

    def says_more_later(connection: socket.socket) -> None:
        connections.append(connection)
        while request_of(connection):
            is_first = len(connections) == 1
            connection.sendall(answer_over_http(GOOD_BODY)[: -5 if is_first else None])
            if is_first:
                _until_closed(connection)

    with server(says_more_later) as port:
        gateway = _gateway(port, timeout=0.2)
        assert isinstance(gateway.detach_volume(VOLUME, ticket=TICKET), Lost)
        assert isinstance(gateway.detach_volume(VOLUME, ticket=TICKET), Accepted)

    assert len(connections) == 2


def test_words_that_nobody_asked_for_are_not_taken_for_the_next_answer() -> None:
    spoken = threading.Semaphore(0)
    connections: list[socket.socket] = []

    def says_too_much(connection: socket.socket) -> None:
        connections.append(connection)
        request_of(connection)
        connection.sendall(answer_over_http(GOOD_BODY))
        if len(connections) == 1:
            connection.sendall(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            spoken.release()
        _until_closed(connection)

    with server(says_too_much) as port:
        gateway = _gateway(port)
        assert isinstance(gateway.detach_volume(VOLUME, ticket=TICKET), Accepted)
        assert spoken.acquire(timeout=5)
        assert isinstance(gateway.detach_volume(VOLUME, ticket=TICKET), Accepted)

    assert len(connections) == 2


def test_a_read_says_that_there_was_no_connection() -> None:
    with pytest.raises(CloudUnreachable, match="no connection"):
        _gateway(80, host="no-such-host.invalid").volume(VOLUME)


def test_each_thread_has_a_connection_of_its_own_and_keeps_it() -> None:
    connections: list[socket.socket] = []

    def answers(connection: socket.socket) -> None:
        connections.append(connection)
        while request_of(connection):
            connection.sendall(answer_over_http(GOOD_BODY))

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
        request_of(connection)
        connection.sendall(raw)

    return says


def request_of(connection: socket.socket) -> bytes:
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


def answer_over_http(body: bytes) -> bytes:
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
    path: str = "/client/api",
) -> Gateway:
    endpoint = Endpoint(
        url=f"{scheme}://{host}:{port}{path}", api_key="k", secret_key="s", ca_file=ca_file, timeout=timeout
    )
    return Gateway(endpoint, clock=clock or MovedClock())


def _detach(port: int, **how: object) -> Submission:
    return _gateway(port, **how).detach_volume(VOLUME, ticket=TICKET)  # type: ignore[arg-type]
