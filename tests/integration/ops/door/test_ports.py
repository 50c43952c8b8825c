"""Two ports of one web process: what others call, and what operators and machines look at."""

import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import pytest
import requests

from sync.store.database import Store
from tests.integration.doors.test_gunicorn import Web

TOKEN = "hW7c-Zk2nPq-token-of-machines"
OPS = ("/metrics", "/healthz", "/ops")
DOORS = ("/livez", "/readyz", "/webhooks/drchrono?msg=a")


class TwoPorts(Web):
    """One gunicorn on two free ports."""

    def __init__(self, redis_url: str, database_url: str, home: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.ops_port = free.getsockname()[1]
        type(self).EXTRA = {"OPS_PORT": str(self.ops_port)}
        super().__init__(redis_url, database_url, home)
        self.ops = f"http://127.0.0.1:{self.ops_port}"


class OnePort(Web):
    """Everything on PORT, as on a platform that gives one."""

    EXTRA: ClassVar[dict[str, str]] = {"OPS_ON_WEB": "1", "OPS_TOKEN": TOKEN}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ports")


@pytest.fixture(scope="module")
def database(place: Path) -> Iterator[str]:
    store = Store(f"sqlite:///{place / 'sync.db'}")
    store.migrate()
    yield store.url
    store.close()


@pytest.fixture(scope="module")
def two(redis_server: str, database: str, place: Path) -> Iterator[TwoPorts]:
    made = TwoPorts(redis_server, database, place)
    yield made
    made.close()


@pytest.fixture(scope="module")
def one(redis_server: str, database: str, place: Path) -> Iterator[OnePort]:
    made = OnePort(redis_server, database, place)
    yield made
    made.close()


def status(url: str, **headers: str) -> int:
    return requests.get(url, headers=headers, timeout=10, allow_redirects=False).status_code


def test_each_port_serves_its_own_alone(two: TwoPorts) -> None:
    assert {status(two.url + path) for path in OPS} == {404}
    assert {status(two.ops + path) for path in DOORS} == {404}
    assert status(two.ops + "/metrics") == 200
    assert status(two.ops + "/healthz") == 503  # no worker, no beat
    assert {status(two.url + path) for path in DOORS} == {200}


def test_no_header_leads_from_one_port_to_the_other(two: TwoPorts) -> None:
    claims = {
        "Host": f"127.0.0.1:{two.ops_port}",
        "X-Forwarded-Port": str(two.ops_port),
        "X-Forwarded-Host": f"127.0.0.1:{two.ops_port}",
        "X-Original-URL": "/metrics",
    }
    assert {status(two.url + path, **claims) for path in OPS} == {404}
    assert {status(f"{two.ops}{path}", Host=f"127.0.0.1:{two.port}") for path in DOORS} == {404}


def test_on_one_port_metrics_are_for_those_who_show_the_token(one: OnePort) -> None:
    assert status(one.url + "/metrics") == 401
    assert status(one.url + "/metrics", Authorization="Bearer wrong") == 401
    assert status(one.url + "/metrics", Authorization=f"Basic {TOKEN}") == 401
    assert status(one.url + "/metrics", Authorization=f"Bearer {TOKEN}") == 200
    assert {status(one.url + path) for path in DOORS} == {200}


def test_on_one_port_people_sign_in(one: OnePort) -> None:
    asked = requests.get(f"{one.url}/ops", timeout=10, allow_redirects=False)
    assert (asked.status_code, asked.headers["Location"]) == (303, "/ops/sign-in?next=/ops")
    assert status(one.url + "/ops/sign-in") == 200
    assert status(one.url + "/ops/static/ops.css") == 200
    assert status(one.url + "/ops/sign-in", Host="evil.example") == 400
    assert status(one.url + "/livez", Host="evil.example") == 200  # DrChrono's is a name of its own


def test_pages_that_take_long_hold_no_webhook_off(two: TwoPorts) -> None:
    # Judging a password takes a thread for a while: more of them than there are threads.
    with requests.Session() as browser, ThreadPoolExecutor(24) as pool:
        page = browser.get(f"{two.ops}/ops/sign-in", timeout=30).text
        form = {"csrf_token": re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]}
        cookies = browser.cookies.get_dict()

        def tried(number: int) -> int:
            typed = form | {"name": f"nobody{number}", "password": "x", "code": "1"}
            return requests.post(
                f"{two.ops}/ops/sign-in", data=typed, cookies=cookies, timeout=60
            ).status_code

        trying = [pool.submit(tried, number) for number in range(24)]
        begun = time.monotonic()
        assert status(two.url + "/livez") == 200
        assert time.monotonic() - begun < 5
        assert {one.result() for one in trying} == {401}


def test_on_one_port_health_tells_strangers_only_whether_all_is_well(one: OnePort) -> None:
    told = requests.get(f"{one.url}/healthz", timeout=10)
    assert (told.status_code, told.json()) == (503, {"status": "down"})
    shown = {"Authorization": f"Bearer {TOKEN}"}
    assert "parts" in requests.get(f"{one.url}/healthz", headers=shown, timeout=10).json()
