"""The same promises over TLS: the deadline, kept connections, and what counts as not sent."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sync.core.errors import NoAnswer, NotSent
from sync.outbound.transport import Transport
from tests.support.servers.usual import SHORT, answers, get


@pytest.fixture
def authority(tmp_path):
    """A certificate for 127.0.0.1 that signs itself: its file, and the server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return str(file), context


def trusting(file, **kwargs):
    sender = Transport(**kwargs)
    sender._of_process[1].verify = file
    return sender


def test_tls_answers_and_keeps_its_connection(serve, authority):
    file, context = authority
    server = serve(answers(b"1", b"2"), context)
    sender = trusting(file)
    assert [sender.send(get(server.url)).content for _ in range(2)] == [b"1", b"2"]
    assert server.connections == 1


@pytest.mark.parametrize(
    "begun",
    [
        b"HTTP/1.1 200 OK\r\nX-Long: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
    ],
)
def test_the_deadline_holds_over_tls(serve, authority, begun):
    file, context = authority

    def handler(peer):
        peer.read_request()
        peer.sock.sendall(begun)
        peer.drip()

    server = serve(handler, context)
    with pytest.raises(NoAnswer):
        trusting(file, deadline_seconds=SHORT).send(get(server.url))
    assert len(server.requests) == 1


def test_a_tls_handshake_that_hangs_is_not_sent(serve):
    server = serve(lambda peer: peer.stop.wait(60))
    with pytest.raises(NotSent):
        Transport(deadline_seconds=SHORT).send(get(server.url.replace("http:", "https:")))


def test_a_certificate_nobody_vouches_for_is_not_sent(serve, authority):
    server = serve(answers(b"1"), authority[1])
    with pytest.raises(NotSent) as caught:
        Transport().send(get(server.url))
    assert caught.value.code == "tls"
    assert server.requests == []
