"""Callers that send nothing, or a byte now and then, hold nobody off; real sockets, no proxy."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests

from sync.store.database import Store
from tests.integration.doors.test_gunicorn import Web

HINT = {"event": "appointment_updated", "url": "https://api.oncallhealth.com/appointments/1"}
BODY = json.dumps(HINT).encode()
OPS_TOKEN = "mUv3-x8Qp1Lr-token-of-machines"
HEAD = b"POST /webhooks/oncall/%s HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n"
CHUNKS = (
    HEAD.replace(b"Content-Length: 5000", b"Transfer-Encoding: chunked") % b"token-one-of-the-tests"
)
# What each of them has sent when the genuine call comes, and goes on to send byte by byte.
CALLERS = {
    "says nothing": (b"", b""),
    "drips a head": (b"POST /webhooks/oncall/token-one-of-the-tests HTTP/1.1\r\nX-A: ", b"a"),
    "drips a body, unknown": (HEAD % b"wrong", b" "),
    "drips a body, known": (HEAD % b"token-one-of-the-tests", b" "),
    "drips chunks, known": (
        CHUNKS,
        b"1\r\n \r\n",
    ),
}


class Hurried(Web):
    """Its deadlines are short, so that a test can wait for them."""

    EXTRA: ClassVar[dict[str, str]] = {
        "WEB_HEAD_SECONDS": "1.5",
        "WEB_BODY_SECONDS": "1.5",
        "OPS_ON_WEB": "1",
        "OPS_TOKEN": OPS_TOKEN,
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("slow")


@pytest.fixture(scope="module")
def web(redis_server: str, place: Path) -> Iterator[Web]:
    yield from started(Web, redis_server, place / "slow.db", place)


@pytest.fixture(scope="module")
def hurried(redis_server: str, place: Path) -> Iterator[Web]:
    yield from started(Hurried, redis_server, place / "hurried.db", place)


def started(kind: type[Web], redis_url: str, file: Path, place: Path) -> Iterator[Web]:
    """A web process of that kind, on a database of its own, until the fixture ends."""
    store = Store(f"sqlite:///{file}")
    store.migrate()
    made = kind(redis_url, store.url, place)
    yield made
    made.close()
    store.close()


@contextmanager
def held(web: Web, count: int, first: bytes, more: bytes) -> Iterator[list[socket.socket]]:
    """So many sockets that have sent `first`, and send `more` five times a second from now on."""
    ended = threading.Event()
    with ExitStack() as open_sockets:
        made = [
            open_sockets.enter_context(socket.create_connection(("127.0.0.1", web.port), 5))
            for _ in range(count)
        ]

        def drip() -> None:
            while not ended.wait(0.2):
                for one in made:
                    try:
                        one.send(more)
                    except OSError:
                        continue  # it was closed at the other end: as it should be

        for one in made:
            one.sendall(first)
        thread = threading.Thread(target=drip)
        thread.start()
        yield made
        ended.set()
        thread.join()


def genuine(web: Web) -> tuple[int, float]:
    begun = time.monotonic()
    answer = requests.post(
        f"{web.url}/webhooks/oncall/token-one-of-the-tests", data=BODY, timeout=30
    )
    return answer.status_code, time.monotonic() - begun


@pytest.mark.parametrize("count", [8, 64, 200])
@pytest.mark.parametrize("caller", CALLERS)
def test_a_genuine_call_is_answered_within_a_second(web: Web, caller: str, count: int) -> None:
    with held(web, count, *CALLERS[caller]):
        told = [genuine(web) for _ in range(3)]
    assert {status for status, _seconds in told} == {204}
    assert max(seconds for _status, seconds in told) <= 1.0


@pytest.mark.parametrize("caller", ["says nothing", "drips a head", "drips a body, known"])
def test_a_deadline_is_for_the_whole_and_not_for_a_silence(hurried: Web, caller: str) -> None:
    begun = time.monotonic()
    with held(hurried, 1, *CALLERS[caller]) as (one,):
        one.settimeout(20)
        said = _everything(one)
    assert time.monotonic() - begun < 10
    assert said == b"" if caller == "says nothing" else said.startswith(b"HTTP/1.1 408 ")


def _everything(one: socket.socket) -> bytes:
    said = b""
    try:
        while piece := one.recv(1000):
            said += piece
    except ConnectionError:
        pass  # closed while we were still sending
    return said


def test_the_secret_is_asked_before_a_byte_of_the_body(web: Web) -> None:
    for token, status in ((b"wrong", b"401"), (b"token-one-of-the-tests", b"")):
        with socket.create_connection(("127.0.0.1", web.port), 5) as one:
            one.sendall(HEAD % token)  # and not one byte of its body
            one.settimeout(2.0)
            try:
                said = one.recv(1000)
            except TimeoutError:
                said = b""
            assert said.startswith(b"HTTP/1.1 401") is bool(status)


def test_a_body_that_is_said_to_be_too_large_is_not_waited_for(web: Web) -> None:
    with socket.create_connection(("127.0.0.1", web.port), 5) as one:
        one.sendall((HEAD % b"token-one-of-the-tests").replace(b"5000", b"1048577"))
        assert one.recv(1000).startswith(b"HTTP/1.1 413")


def test_a_caller_who_asks_first_is_told_to_go_on(web: Web) -> None:
    head = HEAD.replace(b"5000", str(len(BODY)).encode()) % b"token-one-of-the-tests"
    with socket.create_connection(("127.0.0.1", web.port), 5) as one:
        one.sendall(head.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
        assert one.recv(1000).startswith(b"HTTP/1.1 100")
        one.sendall(BODY)
        assert one.recv(1000).startswith(b"HTTP/1.1 204")


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\xff" * 50,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # no Host
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 50_000 + b"\r\n\r\n",
        b"GET /planted\xe9 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /webhooks/drchrono HTTP/1.1\r\nHost: x\r\nContent-Length: planted\r\n\r\n",
        CHUNKS.replace(b"chunked", b"planted"),
        CHUNKS + b"planted\r\n",
        CHUNKS.replace(b"Transfer", b"Content-Length: 9\r\nTransfer") + b"planted\r\n",
    ],
)
def test_what_is_no_request_is_a_4xx_that_repeats_nothing(web: Web, sent: bytes) -> None:
    # It may linger for three seconds after its answer, for what is still being sent.
    with socket.create_connection(("127.0.0.1", web.port), 20) as one:
        one.sendall(sent)
        said = _everything(one) if sent.count(b"\r\n\r\n") else one.recv(1000)
    assert said.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
    assert b"planted" not in said


def test_an_end_in_the_middle_of_a_body_is_no_failure_of_ours(web: Web) -> None:
    with socket.create_connection(("127.0.0.1", web.port), 5) as one:
        one.sendall(HEAD % b"token-one-of-the-tests" + b"{")
        one.shutdown(socket.SHUT_WR)
        assert _everything(one).startswith((b"HTTP/1.1 400", b""))
    assert genuine(web)[0] == 204


def test_two_requests_in_one_piece_are_two(web: Web) -> None:
    head = HEAD.replace(b"5000", str(len(BODY)).encode()) % b"token-one-of-the-tests"
    with socket.create_connection(("127.0.0.1", web.port), 5) as one:
        one.sendall((head + BODY) * 2)
        said = b""
        while said.count(b"HTTP/1.1 204") < 2:
            said += one.recv(1000)


def test_what_never_became_a_request_is_counted(hurried: Web) -> None:
    shown = {"Authorization": f"Bearer {OPS_TOKEN}"}

    def told() -> dict[str, float]:
        lines = requests.get(f"{hurried.url}/metrics", headers=shown, timeout=10).text.splitlines()
        return {
            name: float(value)
            for name, value in (line.rsplit(" ", 1) for line in lines)
            if name.startswith("sync_refused_requests_total")
        }

    with socket.create_connection(("127.0.0.1", hurried.port), 5) as one:
        one.sendall(b"planted\r\n\r\n")
        _everything(one)
    requests.get(f"{hurried.url}/planted", timeout=10)
    counted: Any = told()
    for reason in ("malformed", "not_found"):
        label = f'sync_refused_requests_total{{reason="{reason}",source="none"}}'
        assert counted[label] >= 1
    assert "planted" not in str(counted)
