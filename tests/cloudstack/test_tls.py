"""Show whom the gateway believes to be the cloud, over TLS with authorities made for the test."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cloudstack import Accepted, Endpoint, Gateway, NotSent, Submission, Ticket
from tests.cloudstack.scripted_cloud import JOB, NOW, VOLUME, MovedClock
from tests.cloudstack.test_wire import GOOD_BODY, answer_over_http, request_of, server

ADDRESS = "127.0.0.1"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Serve the good answer over TLS, under the certificate of the test's directory."""
    _make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cloud.pem", tmp_path / "cloud.key")

    def speaks_tls(connection: socket.socket) -> None:
        # A copy: the server keeps the connection itself, to end it with the test.
        with context.wrap_socket(connection.dup(), server_side=True) as secured:
            while request_of(secured):
                secured.sendall(answer_over_http(GOOD_BODY))

    with server(speaks_tls) as listening:
        yield listening


def test_a_cloud_with_a_certificate_of_the_authority_is_spoken_to(port: int, tmp_path: Path) -> None:
    gateway = _gateway(port, ca_file=str(tmp_path / "cloud.pem"))

    assert isinstance(_detached(gateway), Accepted)
    assert isinstance(_detached(gateway), Accepted)


def test_a_cloud_whose_authority_is_not_known_gets_nothing(port: int) -> None:
    outcome = _detached(_gateway(port))

    assert isinstance(outcome, NotSent)
    assert "certificate verify failed" in str(outcome.error)


def test_a_cloud_under_another_name_than_its_certificate_gets_nothing(port: int, tmp_path: Path) -> None:
    outcome = _detached(_gateway(port, host="localhost", ca_file=str(tmp_path / "cloud.pem")))

    assert isinstance(outcome, NotSent)
    assert "not valid for 'localhost'" in str(outcome.error)


def test_a_ca_file_that_holds_no_authority_is_no_connection(port: int, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing\n")

    assert isinstance(_detached(_gateway(port, ca_file=str(empty))), NotSent)


def _gateway(port: int, *, host: str = ADDRESS, ca_file: str | None = None) -> Gateway:
    url = f"https://{host}:{port}/client/api"
    return Gateway(Endpoint(url=url, api_key="k", secret_key="s", ca_file=ca_file, timeout=5.0), clock=MovedClock())


def _detached(gateway: Gateway) -> Submission:
    return gateway.detach_volume(VOLUME, ticket=Ticket(JOB, NOW + 30))


def _make_certificate(directory: Path) -> None:
    """Write a certificate for the loopback address that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cloud of a test")])
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    (directory / "cloud.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "cloud.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
