"""The doors as production runs them: gunicorn over real HTTP, and what it writes down."""

import base64
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import pytest
import requests

from sync.store.database import Store
from tests.support.servers.processes import Process, environment, soon

ARGV = [
    *(sys.executable, "-m", "gunicorn", "--config", "python:service.server.gunicorn_conf"),
    "service.wsgi:app()",
]
PING = {"X-drchrono-event": "PING"}
SIGNED = {"X-drchrono-signature": "first-secret-of-tests", "X-drchrono-event": "APPOINTMENT_MODIFY"}


class Web(Process):
    """One gunicorn on a free port."""

    EXTRA: ClassVar[dict[str, str]] = {}

    def __init__(self, redis_url: str, database_url: str, home: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        env = environment(redis_url, database_url) | {
            "PORT": str(self.port),
            "HOME": str(home),
            "DRCHRONO_WEBHOOK_SECRETS": "first-secret-of-tests",
            "ONCALL_WEBHOOK_TOKENS": "token-one-of-the-tests",
            "SETTLE_SECONDS": "0",
            **self.EXTRA,
        }
        super().__init__(ARGV, env, home)
        self.url = f"http://127.0.0.1:{self.port}"
        soon(self._answers, 60)

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/livez", timeout=5).ok
        except (requests.ConnectionError, requests.Timeout):
            return False

    def log(self) -> str:
        """End it; everything it wrote."""
        self.send(signal.SIGTERM)
        assert self.end() == 0
        return "".join(self.said)


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Store]:
    store = Store(sqlite_url)
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def web(redis_url: str, database: Store, tmp_path: Path) -> Iterator[Web]:
    started = Web(redis_url, database.url, tmp_path)
    yield started
    started.close()


def test_a_chunked_body_over_the_limit_is_413_and_the_answer_arrives(web: Web) -> None:
    # It reached a Flask handler as exactly 1 MiB, without an error (docs/api-facts.md, L12).
    pieces = (b"x" * 65536 for _ in range(110))
    answer = requests.post(f"{web.url}/webhooks/drchrono", data=pieces, headers=SIGNED, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


def test_a_chunked_body_under_the_limit_is_read_whole(web: Web) -> None:
    body = json.dumps({"object": {"id": "7", "notes": "x" * 900_000}}).encode()
    pieces = (body[at : at + 10_000] for at in range(0, len(body), 10_000))
    answer = requests.post(f"{web.url}/webhooks/drchrono", data=pieces, headers=SIGNED, timeout=10)
    assert answer.status_code == 204


def test_one_connection_takes_a_refusal_and_goes_on(web: Web) -> None:
    with requests.Session() as session:
        for _ in range(3):
            wrong = session.post(f"{web.url}/webhooks/drchrono", data=b"x" * 5000, timeout=10)
            assert wrong.status_code == 401
            ping = session.post(f"{web.url}/webhooks/drchrono", headers=PING, timeout=10)
            assert (ping.status_code, ping.content) == (204, b"")


def test_many_callers_are_served_at_once(web: Web) -> None:
    def hint(number: int) -> int:
        body = {"event": "appointment_updated", "url": f"https://x/appointments/{number % 5 + 1}"}
        return requests.post(f"{web.url}/webhooks/oncall/token-one-of-the-tests", json=body,
                             timeout=20).status_code  # fmt: skip

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(hint, range(64))) == {204}


def test_no_secret_no_path_and_no_body_is_written_down(web: Web) -> None:
    basic = base64.b64encode(b"Planted:Planted").decode()
    requests.post(
        f"{web.url}/webhooks/oncall/token-one-of-the-tests?a=Planted", data=b"Planted", timeout=10
    )
    requests.post(f"{web.url}/webhooks/oncall/Planted", json={"Planted": 1}, timeout=10)
    requests.get(f"{web.url}/Planted?Planted", headers={"Referer": "Planted"}, timeout=10)
    requests.post(f"{web.url}/webhooks/oncall", headers={"Authorization": f"Basic {basic}"},
                  timeout=10)  # fmt: skip
    # Gunicorn itself refuses these, and would quote them.
    for line in (
        b"GET /webhooks/oncall/token-one-of-the-tests PLANTED\r\n\r\n",
        b"Planted\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", web.port), 5) as raw:
            raw.sendall(line)
            raw.recv(1000)
    written = web.log()
    assert "planted" not in written.lower()
    assert "token-one-of-the-tests" not in written
    lines = [json.loads(line) for line in written.splitlines()]
    assert {line["role"] for line in lines} == {"web"}
    asked = [line for line in lines if line["event"] == "request"]
    assert {line["route"] for line in asked} == {
        "/webhooks/oncall/<token>",
        "/webhooks/oncall",
        "none",
    }


def test_two_of_them_share_a_home_directory_and_leave_nothing_there(
    web: Web, redis_url: str, database: Store, tmp_path: Path
) -> None:
    # Gunicorn's control socket has one path in the home directory (L13).
    other = Web(redis_url, database.url, tmp_path)
    assert requests.get(f"{other.url}/livez", timeout=5).ok
    other.close()
    web.log()
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {"sync.db", "sync.db-wal", "sync.db-shm"}


def test_it_ends_within_ten_seconds_although_a_caller_dawdles(web: Web) -> None:
    with socket.create_connection(("127.0.0.1", web.port), 5) as raw:
        raw.sendall(b"POST /webhooks/drchrono HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
        assert requests.get(f"{web.url}/livez", timeout=5).ok
        begun = time.monotonic()
        web.send(signal.SIGTERM)
        web.end()
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_what_was_begun_is_answered_whatever_signal_ends_it(
    web: Web, number: signal.Signals
) -> None:
    body = b'{"event": "appointment_updated", "url": "https://x/appointments/1"}'
    head = (
        b"POST /webhooks/oncall/token-one-of-the-tests HTTP/1.1\r\nHost: x\r\n"
        b"Content-Length: %d\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", web.port), 5) as silent:
        with socket.create_connection(("127.0.0.1", web.port), 20) as raw:
            raw.sendall(head % len(body) + body[:9])
            assert requests.get(f"{web.url}/livez", timeout=5).ok
            web.send(number)
            assert silent.recv(100) == b""  # who has said nothing is not waited for
            raw.sendall(body[9:])
            assert raw.recv(1000).startswith(b"HTTP/1.1 204")
        assert web.end() == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"DATABASE_URL": "postgresql://sync:p@ss:w0rd@localhost/sync"},
        {"DIGEST_KEYS": "w0rd"},
        {"PORT": "w0rd"},
    ],
)
def test_a_setting_that_can_t_be_used_is_not_printed(
    wrong: dict[str, str], redis_url: str, sqlite_url: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        ARGV,
        env=environment(redis_url, sqlite_url) | {"PORT": "0"} | wrong,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0  # and it does not begin again and again
    assert "w0rd" not in done.stdout + done.stderr
    assert next(iter(wrong)) in done.stderr
