"""The database takes no writes any more: told as that, and on again with another primary."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from service.doors import Doors
from sync import assemble
from sync.runtime import Sync
from sync.store.database import Store, is_read_only
from sync.store.tables import journal
from tests.integration.doors.test_webhooks import HINT, settings
from tests.support.servers.forwarder import Forwarder, unix
from tests.support.servers.one_port import client
from tests.support.servers.processes import soon
from workers import heartbeat
from workers.bell import Bell

HOOK = "/webhooks/oncall/token-one"


class Primary:
    """A PostgreSQL behind a name; `demote` and `promote` are a switchover as its clients see it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        directory = parse_qs(parts.query)["host"][0]
        self.database = parts.path.removeprefix("/")
        self.name = Forwarder(unix(f"{directory}/.s.PGSQL.5432"))
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{self.name.port}/{self.database}"
        self._server = f"postgresql://postgres@/postgres?host={directory}"
        self._admin = psycopg.connect(
            self._server, autocommit=True, options="-c default_transaction_read_only=off"
        )

    def _do(self, *statements: str) -> None:
        for statement in statements:
            self._admin.execute(statement)  # type: ignore[call-overload]
        self._admin.execute("SELECT pg_reload_conf()")

    def demote(self) -> None:
        """All sessions, those that are open too, write no more."""
        self._do("ALTER SYSTEM SET default_transaction_read_only = on")

    def promote(self) -> None:
        """New sessions write: they are at the new primary. The open ones stay as they are."""
        self._do(f"ALTER DATABASE {self.database} SET default_transaction_read_only = off")

    def _writes(self) -> bool:
        with psycopg.connect(self._server) as conn:
            return conn.execute("SHOW transaction_read_only").fetchone() == ("off",)

    def close(self) -> None:
        self._do("ALTER SYSTEM RESET default_transaction_read_only")
        soon(self._writes)  # the next test's database is dropped by another session
        self._admin.close()
        self.name.close()


@pytest.fixture
def primary(postgres_url: str) -> Iterator[Primary]:
    made = Primary(postgres_url)
    yield made
    made.close()


@pytest.fixture
def sync(primary: Primary) -> Iterator[Sync]:
    made = assemble.build(settings(primary.url), owner="web@test:1")
    made.store.migrate()
    yield made
    made.close()


@pytest.fixture
def asked() -> list[int]:
    return []


@pytest.fixture
def web(sync: Sync, asked: list[int]) -> FlaskClient:
    return client(Doors.of(sync, Bell(""), lambda: asked.append(1)))


def reads_only(sync: Sync) -> bool:
    with sync.store.read() as conn:
        return bool(conn.execute(text("SHOW transaction_read_only")).scalar_one() == "on")


def test_a_switched_primary_is_told_and_left(
    web: FlaskClient, sync: Sync, primary: Primary, asked: list[int]
) -> None:
    assert web.post(HOOK, json=HINT).status_code == 204
    primary.demote()
    soon(lambda: reads_only(sync))  # the session that is pooled is the demoted server's
    told = web.post(HOOK, json=HINT)
    assert (told.status_code, told.get_json()["error"]) == (503, "database_read_only")
    assert asked == [1]
    ready, health = web.get("/readyz"), web.get("/healthz")
    assert (ready.status_code, health.status_code) == (503, 503)
    assert "takes no writes" in ready.get_json()["detail"]
    assert "takes no writes" in health.get_json()["parts"]["database"]["detail"]
    primary.promote()
    assert web.post(HOOK, json=HINT).status_code == 204
    assert web.get("/readyz").status_code == 200


def test_many_pooled_sessions_are_left_at_once(sync: Sync, primary: Primary) -> None:
    with sync.store.read(), sync.store.read(), sync.store.read():
        pass  # three are open by now
    primary.demote()
    soon(lambda: reads_only(sync))
    with pytest.raises(Exception) as refused, sync.store.write() as conn:  # noqa: PT011
        journal.bump(conn, "deliveries", "source=oncall,outcome=raised")
    assert is_read_only(refused.value)
    primary.promote()
    opened = primary.name.opened
    for _ in range(9):
        with sync.store.read(), sync.store.read():
            sync.store.try_write()
    assert primary.name.opened == opened + 3  # each of the three once, and none for each write


@pytest.mark.parametrize("role", ["worker", "beat"])
def test_a_process_that_only_beats_comes_over_too(sync: Sync, primary: Primary, role: str) -> None:
    heartbeat.beat(sync, role)
    primary.demote()
    soon(lambda: reads_only(sync))
    heartbeat.beat(sync, role)
    primary.promote()
    before = datetime.now(UTC)
    heartbeat.beat(sync, role)
    with sync.store.read() as conn:
        assert [its for _name, its, _at in journal.heard(conn, before)] == [role]


def test_a_sqlite_file_that_may_not_be_written_is_told_as_that(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'sync.db'}")
    store.migrate()
    store.close()
    there = sqlite3.connect(f"file:{tmp_path / 'sync.db'}?mode=ro", uri=True)
    with pytest.raises(sqlite3.OperationalError) as refused:
        there.execute("DELETE FROM work WHERE aggregate = 0")
    assert is_read_only(refused.value)
    there.close()
    assert not is_read_only(sqlite3.OperationalError("x"))
