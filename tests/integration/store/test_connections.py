"""A pooled connection that died is noticed by BEGIN: no ping, and nothing is done twice."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sync.store.database import Store
from sync.store.tables import journal


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    opened = Store(postgres_url)
    yield opened
    opened.close()


@pytest.fixture
def cut(store: Store) -> Callable[[], None]:
    """Have the server end every session of this database, as a restart of it does."""
    url = store.engine.url
    address = f"postgresql://postgres@/postgres?host={url.query['host']}"
    others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"

    def ended() -> None:
        with psycopg.connect(address, autocommit=True) as conn:
            conn.execute(others, [url.database])

    return ended


def counted(store: Store) -> float:
    with store.read() as conn:
        return sum(value for _name, _labels, value in journal.read_counters(conn))


@pytest.mark.parametrize("kind", ["write", "read"])
def test_what_died_in_the_pool_is_begun_again_on_a_new_connection(
    store: Store, cut: Callable[[], None], kind: str
) -> None:
    with store.read(), store.read():
        pass  # two are pooled by now
    cut()
    begun = []
    with getattr(store, kind)() as conn:
        begun.append(conn.execute(text("SELECT 1")).scalar_one())
    with store.read() as conn, store.read() as other:
        begun += [one.execute(text("SELECT 1")).scalar_one() for one in (conn, other)]
    assert begun == [1, 1, 1]


def test_what_dies_later_than_begin_is_raised_and_not_done_again(
    store: Store, cut: Callable[[], None]
) -> None:
    ran = []
    with pytest.raises(DBAPIError), store.write() as conn:  # noqa: PT012
        ran.append(1)
        journal.beat(conn, "web@test:1", "web", datetime.now(UTC))
        cut()
        conn.execute(text("SELECT 1"))
    with pytest.raises(DBAPIError), store.write() as conn:  # noqa: PT012
        ran.append(2)
        journal.bump(conn, "deliveries", "source=oncall,outcome=raised")
        cut()  # what is counted is written at the end, and then comes COMMIT
    assert ran == [1, 2]
    assert counted(store) == 0
    with store.read() as conn:
        assert conn.execute(text("SELECT count(*) FROM heartbeat")).scalar_one() == 0


def test_no_ping_goes_before_a_transaction(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    pinged: list[object] = []
    monkeypatch.setattr(store.engine.dialect, "do_ping", lambda conn: pinged.append(conn) or True)
    for _ in range(2):
        with store.write() as conn:
            journal.bump(conn, "deliveries", "source=oncall,outcome=raised")
        assert counted(store) > 0
    assert pinged == []


def test_a_database_that_is_away_is_not_waited_for(store: Store) -> None:
    gone = Store(store.url.replace(str(store.engine.url.database), "not_there"))
    with pytest.raises(DBAPIError), gone.write():
        raise AssertionError("the transaction was begun")
    gone.close()
