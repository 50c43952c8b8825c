"""Open a database: SQLite for one host, PostgreSQL in production; the same code on both.

Every writing transaction on SQLite is BEGIN IMMEDIATE: a fence that was read before the write lock
was taken is no fence.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import RLock
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor, ExceptionContext
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, TimeoutError  # noqa: A004 - its own
from sqlalchemy.pool import PoolProxiedConnection

from sync.hosting import make_private, sqlite_file
from sync.log import cause
from sync.store.at_end import counting, signals
from sync.store.at_end.owed import Owed, paid
from sync.store.trail import deeds

_READS = "reads"  # beside a pooled connection: the transaction that begins only looks
_BUSY_SECONDS = 30
# psycopg's own number of times; and more statements than a process has
_PREPARED_AFTER, _PREPARED_MOST = 5, 500
_SYNCHRONOUS = "FULL"  # what was answered with 2xx outlives a power cut

log = structlog.get_logger(__name__)


class Store:
    """The database of this installation. Raises PlaceError when SQLite's file can't be made.

    `write()` and `read()` give a connection inside one transaction, committed at the end of the
    block and rolled back by an exception. Errors are SQLAlchemy's.
    """

    def __init__(self, url: str, *, pool_size: int = 10, chain: deeds.Chain | None = None) -> None:
        """Without a `chain` nothing can be noted for the audit."""
        self.url = url
        self._chain = chain
        self.engine = _open(url, pool_size)
        self.owed = Owed()
        self._turn = _Turn() if self.engine.dialect.name == "sqlite" else nullcontext()

    @contextmanager
    def write(self, *, owed_least: int = 1) -> Iterator[Connection]:
        """A transaction that may write.

        What it signals (`signals`), counts (`counting`) and notes for the audit (`trail.deeds`) is
        written at its very end. It takes along what this process owes, where that is at least
        `owed_least`.
        """
        with (
            self._turn,
            self.owed.taken(owed_least) as taken,
            _begun(self.engine) as conn,
            deeds.kept(conn, self._chain),
            counting.collected(conn),
            signals.collected(conn),
            paid(conn, taken),
        ):
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only looks; on SQLite it takes no write lock."""
        with _begun(self.engine, reads=True) as conn:
            yield conn

    def try_write(self) -> None:
        """Do what a write needs, and change nothing. Raises SQLAlchemyError.

        A standby, or a primary that was told to be one, reads well and answers every ping.
        """
        with self.write() as conn:
            conn.execute(text("DELETE FROM work WHERE aggregate = 0"))

    def migrate(self, revision: str = "head") -> None:
        """Bring the schema to a revision (Alembic's name for it); processes go one by one."""
        # Alembic is a quarter of what SQLAlchemy takes of memory, and only this needs it.
        from sync.store.migrations import running

        with self.engine.begin() as conn:
            running.upgrade(conn, revision)

    def downgrade(self, revision: str) -> None:
        """Take the schema back to a revision; `base` is an empty database."""
        from sync.store.migrations import running  # as in `migrate`

        with self.engine.begin() as conn:
            running.downgrade(conn, revision)

    def close(self) -> None:
        """Store what is still owed, if the database is there, and give every connection back."""
        try:
            if self.owed:
                with self.write():
                    pass
        except SQLAlchemyError as error:
            # Their rows say that the calls went out, as those of a process that was killed.
            log.warning("outcomes of reads are not stored", count=len(self.owed), **cause(error))
        finally:
            self.engine.dispose()


class _Turn:
    """Let one thread of this process write to SQLite at a time, in the order they came.

    SQLite has one writer; who finds it busy sleeps and tries again, up to a tenth of a second
    later, and may be overtaken again and again. A thread that asks twice is refused by SQLite
    itself, as ever.
    """

    def __init__(self) -> None:
        self._lock = RLock()

    def __enter__(self) -> None:
        """Wait for as long as SQLite would. Raises SQLAlchemy's TimeoutError."""
        if not self._lock.acquire(timeout=_BUSY_SECONDS):
            raise TimeoutError("another thread writes for too long")

    def __exit__(self, *_exc: object) -> None:
        self._lock.release()


@contextmanager
def _begun(engine: Engine, *, reads: bool = False) -> Iterator[Connection]:
    """A transaction; begun once more, on a new connection, where a pooled one is found dead by it.

    Then BEGIN was all that was said on it. What fails later than that may have been done, and is
    the caller's to know.
    """
    conn = engine.connect()
    conn.info[_READS] = reads
    try:
        begun = conn.begin()
    except DBAPIError as failure:
        conn.close()
        if not failure.connection_invalidated:
            raise
        conn = engine.connect()
        conn.info[_READS] = reads
        begun = conn.begin()
    with conn, begun:
        yield conn


def is_read_only(error: BaseException) -> bool:
    """Whether the database refused a write because it takes none: it is a standby by now."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    # read_only_sql_transaction (PostgreSQL, Appendix A), and SQLITE_READONLY with its extensions
    if getattr(cause, "sqlstate", None) == "25006":
        return True
    return (getattr(cause, "sqlite_errorcode", 0) & 0xFF) == sqlite3.SQLITE_READONLY


def _leave(context: ExceptionContext) -> None:
    """Drop every pooled connection that is of no more use.

    The name may lead to another server by now, which takes writes; or what was prepared is gone.
    """
    failure = context.original_exception
    if failure is not None and (is_read_only(failure) or _prepared_in_vain(failure)):
        context.is_disconnect = True


def _prepared_in_vain(error: BaseException) -> bool:
    """Whether PostgreSQL no longer runs what this connection has prepared.

    It knows no such statement (26000: somebody discarded it), or the statement's columns are of
    other types by now (0A000, in PostgreSQL's RevalidateCachedQuery).
    """
    state = getattr(error, "sqlstate", None)
    if state == "0A000":
        where: str | None = getattr(getattr(error, "diag", None), "source_function", None)
        return where == "RevalidateCachedQuery"
    return state == "26000"


def _open(url: str, pool_size: int) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        file = sqlite_file(url)
        if file is not None:
            make_private(file)
        engine = create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY_SECONDS})
        event.listen(engine, "connect", _sqlite_connect)
        engine.dialect.do_begin = _sqlite_begin  # type: ignore[method-assign]
        event.listen(engine, "handle_error", _leave)
        return engine
    # Nothing is prepared until `_postgresql_connect` has seen who answers. Of a database in
    # SQL_ASCII, as a server in the C locale makes them, psycopg gives bytes unless it is told. The
    # connection given back last is taken first: it is the one that has prepared the most.
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=5,
        pool_use_lifo=True,
        connect_args={"prepare_threshold": None, "client_encoding": "utf8"},
    )
    event.listen(engine, "connect", _postgresql_connect)
    # Not by an event: with a single one, SQLAlchemy looks for six at each statement.
    engine.dialect.do_begin = _postgresql_begin  # type: ignore[method-assign]
    event.listen(engine, "handle_error", _leave)
    return engine


def _postgresql_connect(connection: DBAPIConnection, _record: Any) -> None:
    # psycopg would say BEGIN with the first statement: said by `_postgresql_begin`, it tells that a
    # pooled connection is dead while nothing was done on it, and no ping is needed before it.
    connection.autocommit = True
    if _by_itself(connection):
        connection.prepare_threshold = _PREPARED_AFTER
        connection.prepared_max = _PREPARED_MOST
        # It takes a third of all items to wait: to count a few of a million it would start two
        # processes, and of more it would compile the statement first.
        cursor = connection.cursor()
        cursor.execute("SET max_parallel_workers_per_gather = 0; SET jit = off")
        cursor.close()


def _by_itself(connection: DBAPIConnection) -> bool:
    """Whether the server itself is at the other end, and no pooler.

    In a pooler's transaction mode the next transaction may be on another connection of the server,
    which knows nothing of what was prepared on this one. A pooler names a process of its own making
    when a session begins (PgBouncer a random number), the server the one that answers.
    """
    cursor = connection.cursor()
    cursor.execute("SELECT pg_backend_pid()")
    row = cursor.fetchone()
    cursor.close()
    return row is not None and row[0] == connection.info.backend_pid


def _postgresql_begin(dbapi_connection: PoolProxiedConnection) -> None:
    cursor = dbapi_connection.cursor()
    cursor.execute("BEGIN", prepare=False)  # type: ignore[call-arg]
    cursor.close()


def _sqlite_connect(connection: DBAPIConnection, _record: Any) -> None:
    # The driver's own transaction handling is switched off; `_sqlite_begin` does it.
    connection.isolation_level = None
    cursor = connection.cursor()
    _write_ahead(cursor)
    cursor.execute(f"PRAGMA synchronous={_SYNCHRONOUS}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
    cursor.close()


def _write_ahead(cursor: DBAPICursor) -> None:
    """Turn a new database to WAL. Two that do so at once are refused, without being let wait."""
    ends = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.01)
        else:
            return


def _sqlite_begin(dbapi_connection: PoolProxiedConnection) -> None:
    mode = "DEFERRED" if dbapi_connection.info.pop(_READS, False) else "IMMEDIATE"
    cursor = dbapi_connection.cursor()
    cursor.execute(f"BEGIN {mode}")
    cursor.close()
