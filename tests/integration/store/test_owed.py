"""Store what a process owes once: by its next transaction that commits, or when it closes."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select

from sync.outbound import audit
from sync.outbound.audit import Outcome
from sync.outbound.call import Call
from sync.store.database import Store
from sync.store.schema import call, counter
from tests.support.chains import CHAIN

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
READ = Call("oncall", "GET", "appointment", "/appointments/7/")
COUNTED = "system=oncall,method=GET,status=200"


@pytest.fixture
def owing(store: Store) -> Store:
    """A process that has read one visit, and has stored nothing of it yet."""
    row = insert(call).values(
        system="oncall", method="GET", endpoint="appointment", lane=0, state="open", at=NOW
    )
    with store.write() as conn:
        call_id = conn.execute(row.returning(call.c.id)).scalar_one()
    store.owed.add(audit.owed(READ, call_id, Outcome("done", 200, NOW)))
    return store


def stored(store: Store) -> tuple[str, float]:
    counts = select(counter.c.value).where(counter.c.labels == COUNTED)
    with store.read() as conn:
        state = conn.execute(select(call.c.state)).scalar_one()
        return state, conn.execute(counts).scalar_one_or_none() or 0.0


def test_the_next_transaction_stores_it_once(owing: Store) -> None:
    assert stored(owing) == ("open", 0.0)
    for _ in range(2):
        with owing.write():
            pass
    assert stored(owing) == ("done", 1.0)


def test_a_transaction_that_fails_leaves_it_owed(owing: Store) -> None:
    with pytest.raises(RuntimeError), owing.write():
        raise RuntimeError
    assert (stored(owing), len(owing.owed)) == (("open", 0.0), 1)
    with owing.write():
        pass
    assert stored(owing) == ("done", 1.0)


def test_one_that_asks_for_more_leaves_it_owed(owing: Store) -> None:
    with owing.write(owed_least=2):
        pass
    assert (stored(owing), len(owing.owed)) == (("open", 0.0), 1)


def test_the_count_of_a_write_is_left_to_the_next_where_nothing_else_is_counted(
    store: Store,
) -> None:
    row = insert(call).values(
        system="oncall", method="GET", endpoint="appointment", lane=0, state="open", at=NOW
    )
    with store.write() as conn:
        call_id = conn.execute(row.returning(call.c.id)).scalar_one()
        audit.end(conn, READ, call_id, Outcome("done", 200, NOW))
    assert (stored(store), len(store.owed)) == (("done", 0.0), 1)
    for _ in range(2):
        with store.write():
            pass
    assert stored(store) == ("done", 1.0)


def test_what_fails_leaves_no_count(store: Store) -> None:
    def fails() -> None:
        with store.write() as conn:
            audit.end(conn, READ, 1, Outcome("done", 200, NOW))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert len(store.owed) == 0


def test_who_closes_pays_first(owing: Store) -> None:
    owing.close()
    again = Store(owing.url, chain=CHAIN)
    assert stored(again) == ("done", 1.0)
    again.close()
