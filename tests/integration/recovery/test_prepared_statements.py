"""Prepare statements where the server itself answers, and leave nothing behind a pooler."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from sync.store.database import Store
from tests.support.servers.forwarder import Forwarder, unix

ASKED = text("SELECT count(*) FROM work WHERE aggregate = :a")
# BackendKeyData: a letter, a length of twelve, the process and its secret (PostgreSQL, 55.7)
KEY_DATA = re.compile(rb"(?<=K\x00\x00\x00\x0c).{8}", re.DOTALL)
MADE_UP = bytes(range(1, 9))  # PgBouncer draws all eight bytes


def as_a_pooler(said: bytes) -> bytes:
    return KEY_DATA.sub(MADE_UP, said)


@pytest.fixture
def name(postgres_url: str) -> Iterator[Callable[[Callable[[bytes], bytes]], str]]:
    """The database's address, by a name whose server's words are changed on the way."""
    opened = []
    url = make_url(postgres_url)

    def named(said: Callable[[bytes], bytes]) -> str:
        opened.append(Forwarder(unix(f"{url.query['host']}/.s.PGSQL.5432"), said))
        return f"postgresql+psycopg://postgres@127.0.0.1:{opened[-1].port}/{url.database}"

    yield named
    for one in opened:
        one.close()


def asked_often(store: Store) -> tuple[int, int]:
    """How many statements a session has prepared after many questions; and locks that outlive."""
    with store.engine.connect() as conn:
        for _ in range(20):
            conn.execute(ASKED, {"a": 1})
        prepared = conn.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar_one()
        held = conn.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))
        return prepared, held.scalar_one()


def haste(store: Store) -> tuple[str, str]:
    """What a session lets the server do for a statement that it takes to be dear."""
    with store.read() as conn:
        names = "max_parallel_workers_per_gather", "jit"
        processes, compiles = (conn.execute(text(f"SHOW {one}")).scalar_one() for one in names)
        return str(processes), str(compiles)


def test_behind_a_pooler_nothing_is_prepared(
    name: Callable[[Callable[[bytes], bytes]], str],
) -> None:
    # In PgBouncer's transaction mode the next transaction may be on another connection, which knows
    # no statement of this one (psycopg/psycopg#280). psycopg prepares at the sixth time.
    with closing(Store(name(as_a_pooler))) as store:
        store.migrate()
        assert asked_often(store) == (0, 0)
        assert haste(store) == ("2", "on")  # as the server comes: it is another's session next


def test_a_name_that_leads_to_the_server_is_no_pooler(
    name: Callable[[Callable[[bytes], bytes]], str],
) -> None:
    with closing(Store(name(lambda said: said))) as store:
        assert asked_often(store) == (1, 0)
        assert haste(store) == ("0", "off")


def test_no_transaction_prepares_its_begin(postgres_url: str) -> None:
    with closing(Store(postgres_url)) as store:
        for _ in range(20):
            with store.read() as conn:
                conn.execute(ASKED, {"a": 1})
        with store.read() as conn:
            prepared = conn.execute(text("SELECT statement FROM pg_prepared_statements"))
            assert [one.split()[0] for one in prepared.scalars()] == ["SELECT"]


def discarded(store: Store) -> None:
    """Have the server know nothing of what was prepared, behind the driver's back."""
    with store.read() as conn:
        for one in conn.execute(text("SELECT name FROM pg_prepared_statements")).scalars().all():
            conn.execute(text(f'DEALLOCATE "{one}"'))


def of_another_type(store: Store) -> None:
    """Give a column of what was prepared another type, by a session of its own."""
    with closing(Store(store.url)) as other, other.write() as conn:
        conn.execute(text("ALTER TABLE told ALTER COLUMN number TYPE text USING number::text"))


@pytest.mark.parametrize("loses", [discarded, of_another_type])
def test_what_was_prepared_in_vain_costs_one_transaction(
    postgres_url: str, loses: Callable[[Store], None]
) -> None:
    number = text("SELECT number FROM told WHERE system = :s")

    def ask() -> list[object]:
        with store.read() as conn:
            return list(conn.execute(number, {"s": "oncall"}).scalars())

    with closing(Store(postgres_url)) as store:
        for _ in range(20):
            ask()
        loses(store)
        with pytest.raises(DBAPIError) as told:
            ask()
        assert told.value.connection_invalidated
        assert [ask() for _ in range(20)] == [[]] * 20
