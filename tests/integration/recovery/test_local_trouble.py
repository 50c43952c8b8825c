"""Keep this host's files private, and tell trouble that no further try would mend."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from service.app import create_app
from service.doors import Doors
from service.wsgi import _refuse_misfit
from sync import assemble
from sync.hosting import PlaceError
from sync.settings_read import given
from sync.store.database import Store
from sync.store.trouble import sentence
from tests.support.servers.processes import Process, environment
from workers import heartbeat
from workers.bell import Bell

MIGRATE = [sys.executable, "-m", "cli.main", "migrate"]
PASSWORD = "Pl4nted-x7Qb9Zr2"


def run(argv: list[str], env: dict[str, str], cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        argv, env=env, cwd=cwd, capture_output=True, text=True, check=False, umask=0o022
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_made_is_for_its_own_user_alone(tmp_path: Path) -> None:
    env = environment("", f"sqlite:///{tmp_path / 'var' / 'sync.db'}")
    assert run(MIGRATE, env, tmp_path).returncode == 0
    assert mode(tmp_path / "var") == 0o700
    assert mode(tmp_path / "var" / "sync.db") == 0o600


def test_a_database_that_was_open_to_others_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "sync.db"
    store = Store(f"sqlite:///{path}")
    store.migrate()
    path.chmod(0o644)
    (tmp_path / "sync.db-wal").chmod(0o644)
    other = Store(store.url)
    assert (mode(path), mode(tmp_path / "sync.db-wal")) == (0o600, 0o600)
    other.close()
    store.close()


def test_a_place_where_nothing_can_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PlaceError, match="can't make or write"):
        Store(f"sqlite:///{tmp_path / 'file' / 'sync.db'}")
    env = environment("redis://127.0.0.1:1", f"sqlite:///{tmp_path / 'file' / 'sync.db'}")
    for command in ("migrate", "web", "worker", "beat", "status"):
        done = run([*MIGRATE[:-1], command], env, tmp_path)
        assert done.returncode == 1
        assert "DATABASE_URL: names a file in a directory that user" in done.stderr
        assert "Traceback" not in done.stderr


def test_without_certificates_no_process_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call would look like a server that is away, for ever."""
    url = f"sqlite:///{tmp_path / 'sync.db'}"
    store = Store(url)
    store.migrate()
    store.close()
    values = environment("", url)
    found = given({name: values[name.upper()] for name in ("database_url", "digest_keys",
                                                           "encryption_keys")})  # fmt: skip
    monkeypatch.setattr("sync.outbound.transport.CERTIFICATES", str(tmp_path / "cacert.pem"))
    with pytest.raises(SystemExit, match="install the package certifi anew"):
        heartbeat.build(found, "worker")


@pytest.mark.parametrize("process", ["worker", "beat"])
def test_a_file_that_may_not_be_written_any_more_ends_a_process(
    process: str, redis_url: str, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'sync.db'}"
    store = Store(url)
    store.migrate()
    env = environment(redis_url, f"{url}")
    # The directory is taken away under the process, as a volume that is mounted anew read-only.
    script = (
        "from sync.store import database\n"
        "real = database._sqlite_connect\n"
        "def connect(c, r):\n"
        "    real(c, r); c.execute('PRAGMA query_only=ON')\n"
        "database._sqlite_connect = connect\n"
        f"from workers import {'entry' if process == 'worker' else 'beat'} as it; it.main()"
    )
    ended = Process([sys.executable, "-c", script], env, tmp_path)
    try:
        ended.wait_for("the database file may not be written")
        assert ended.end() == 1
    finally:
        ended.close()
        store.close()


def test_a_role_that_may_not_create_is_told_what_to_grant(
    postgres_server: str, tmp_path: Path
) -> None:
    # PostgreSQL 15 takes CREATE on public from everybody; the tests' server may be older.
    admin = f"postgresql://postgres@/postgres?host={postgres_server}"
    name = f"may_not_{os.getpid()}"
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")  # type: ignore[call-overload]
        conn.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
    inside = admin.replace("/postgres?", f"/{name}?")
    with psycopg.connect(inside, autocommit=True) as conn:
        conn.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        conn.execute(f"GRANT ALL PRIVILEGES ON DATABASE {name} TO {name}")  # type: ignore[call-overload]
    url = f"postgresql://{name}:{PASSWORD}@/{name}?host={postgres_server}"
    try:
        done = run(MIGRATE, environment("", url), tmp_path)
        assert done.returncode == 1
        assert "GRANT CREATE ON SCHEMA public" in done.stderr
        assert "Traceback" not in done.stderr
        assert PASSWORD not in done.stdout + done.stderr
    finally:
        with psycopg.connect(admin, autocommit=True) as conn:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[call-overload]
            conn.execute(f"DROP ROLE {name}")  # type: ignore[call-overload]


def test_a_missing_database_is_told_as_such(postgres_server: str) -> None:
    from sqlalchemy.exc import DBAPIError

    store = Store(f"postgresql+psycopg://postgres@/Pl4nted?host={postgres_server}")
    with pytest.raises(DBAPIError) as told:
        store.migrate()
    assert "make it with CREATE DATABASE" in sentence(told.value)
    assert "Pl4nted" not in sentence(told.value)
    store.close()


def test_web_before_migrate_stays_up_and_says_no_tables(tmp_path: Path) -> None:
    env = environment("", f"sqlite:///{tmp_path / 'sync.db'}")
    made = given({name.lower(): value for name, value in env.items() if value})
    sync = assemble.build(made, owner="web@test:1")
    _refuse_misfit(sync)
    web = create_app(Doors.of(sync, Bell(""))).test_client()
    answer = web.get("/readyz")
    assert (answer.status_code, "no tables" in answer.text) == (503, True)
    sync.close()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("FATAL:  sorry, too many clients already", "takes no more connections"),
        ('FATAL:  too many connections for role "sync"', "takes no more connections"),
        ("FATAL:  remaining connection slots are reserved", "takes no more connections"),
        ("FATAL:  the database system is starting up", "not ready yet"),
        ("FATAL:  the database system is not yet accepting connections", "not ready yet"),
        ("failed to resolve host 'Pl4nted': Name or service not known", "is not known"),
        ("connection refused", "does not answer"),
    ],
)
def test_what_a_connection_that_failed_says(said: str, told: str) -> None:
    error = OperationalError("", {}, psycopg.OperationalError(said))
    assert told in sentence(error)
    assert "Pl4nted" not in sentence(error)
