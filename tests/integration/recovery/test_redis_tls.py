"""`rediss://` with a certificate that nobody has signed: named as that, and allowed in two ways."""

import json
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sync import redis_server
from sync.settings_stores import redis_address
from sync.store.database import Store
from sync.store.lanes import Lane
from tests.integration.workers.test_entry import PROGRAM
from tests.support.servers.processes import Process, environment
from workers.bell import Bell


def self_signed(home: Path) -> Path:
    """A certificate as Heroku's: of no authority, and not for the name it is reached by."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ec2-1-2-3-4.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = home / "redis.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass  # one of the two ended
    finally:
        target.close()


@pytest.fixture
def address(redis_url: str, tmp_path: Path) -> Iterator[str]:
    """A Redis that is reached by TLS."""
    wrap = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    wrap.load_cert_chain(self_signed(tmp_path))
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                raw, _address = listener.accept()
            except OSError:
                return
            try:
                here = wrap.wrap_socket(raw, server_side=True)
            except OSError:
                continue  # it does not like our certificate
            there = socket.socket(socket.AF_UNIX)
            there.connect(redis_url.removeprefix("unix://"))
            for pair in ((here, there), (there, here)):
                threading.Thread(target=_pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield f"rediss://:secretpw@127.0.0.1:{listener.getsockname()[1]}/0"
    listener.close()


@pytest.fixture
def password(redis_url: str) -> Iterator[None]:
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("requirepass", "secretpw")
        yield
        client.config_set("requirepass", "")


def test_it_is_named_with_what_to_write(address: str) -> None:
    bell = Bell(address)
    told = bell.trouble() or ""
    assert "TLS: its certificate is not trusted" in told
    assert "REDIS_TLS_VERIFY=no" in told
    assert "secretpw" not in told
    bell.close()


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize("value", ["none", "None", "NONE", "CERT_NONE", "cert_none"])
def test_the_address_may_say_that_it_is_known(address: str, value: str) -> None:
    bell = Bell(redis_address(f"{address}?ssl_cert_reqs={value}", verify=True))
    assert bell.trouble() is None
    bell.close()


@pytest.mark.usefixtures("password")
def test_the_setting_may_say_so(address: str) -> None:
    bell = Bell(redis_address(address, verify=False))
    assert bell.trouble() is None
    bell.close()


def test_an_unknown_word_there_is_named(address: str) -> None:
    bell = Bell(f"{address}?ssl_cert_reqs=never")
    assert "ssl_cert_reqs" in (bell.trouble() or "")
    bell.close()


@pytest.mark.usefixtures("password")
def test_a_worker_says_why_it_waits_and_works_when_allowed(
    address: str, sqlite_url: str, tmp_path: Path
) -> None:
    store = Store(sqlite_url)
    store.migrate()
    argv = [sys.executable, "-c", PROGRAM.format(body="    pass", before="")]
    env = environment(address, sqlite_url)
    waits = Process(argv, env, tmp_path)
    told = json.loads(waits.wait_for("waiting for it"))
    assert "certificate is not trusted" in told["reason"]
    waits.close()
    works = Process(argv, env | {"REDIS_TLS_VERIFY": "false"}, tmp_path)
    works.wait_for("the worker listens")
    bell = Bell(redis_address(address, verify=False))
    assert bell.ring([(1, Lane.LIVE)])
    works.wait_for("done 1")
    assert "secretpw" not in "".join([*waits.said, *works.said])
    bell.close()
    works.close()
    store.close()


def test_a_client_waits_no_longer_than_it_is_told(address: str) -> None:
    client = redis_server.connect(address, timeout=0.2)
    assert client.connection_pool.connection_kwargs["socket_connect_timeout"] == 0.2
    client.close()
