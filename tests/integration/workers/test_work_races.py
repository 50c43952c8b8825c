"""Work items under races of threads and of processes, on both databases."""

import threading
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest
from sqlalchemy import select

from sync.store.lanes import Hints
from sync.store.schema import work as table
from sync.store.tables import claims, journal, links, work
from sync.store.tables.claims import FenceLostError
from tests.support.servers.races import in_processes, in_threads

T0 = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ITEMS = 8


@pytest.fixture
def keys(store):
    with store.write() as conn:
        made = [links.new_aggregate(conn, "visit", T0) for _ in range(ITEMS)]
        for key in made:
            work.raise_(conn, key, now=T0, hints=Hints.both())
    return made


def claimed(store, index, keys=tuple(range(1, ITEMS + 1))):
    """What one worker gets of all items."""
    won = []
    for key in keys:
        with store.write() as conn:
            lease = claims.claim(conn, key, owner=f"w{index}", now=T0, seconds=45)
        if lease is not None:
            won.append((key, lease.fence))
    return won


def test_of_threads_that_claim_one_item_exactly_one_wins(store, keys):
    won = chain(*in_threads(6, lambda index: claimed(store, index, keys)))
    assert sorted(won) == [(key, 1) for key in keys]


def test_of_processes_that_claim_one_item_exactly_one_wins(store, keys):
    assert keys == list(range(1, ITEMS + 1))
    won = chain(*in_processes(store.url, 3, claimed))
    assert sorted(won) == [(key, 1) for key in keys]


def test_whoever_counts_holds_no_counter_while_waiting_for_a_lease(store, keys):
    """One counts and then raises an item; one has the item and then counts the same."""
    counted, locked = threading.Event(), threading.Event()

    def note(index):
        with store.write() as conn:
            if index == 0:
                journal.bump(conn, "deliveries", "")
                counted.set()
                assert store.url.startswith("sqlite") or locked.wait(10)
                work.raise_(conn, keys[0], now=T0, hints=Hints.both())
            else:
                assert store.url.startswith("sqlite") or counted.wait(10)
                work.locked(conn, keys[0])
                locked.set()
                journal.bump(conn, "deliveries", "")

    in_threads(2, note)
    with store.read() as conn:
        assert journal.read_counters(conn) == [("deliveries", "", 2.0)]


def test_of_those_that_take_over_an_abandoned_item_exactly_one_wins(store, keys):
    claimed(store, 0, keys[:1])
    later = T0 + timedelta(seconds=45)

    def take(index):
        with store.write() as conn:
            return claims.claim(conn, keys[0], owner=f"w{index}", now=later, seconds=45)

    leases = [lease for lease in in_threads(6, take) if lease is not None]
    assert [lease.fence for lease in leases] == [2]


def test_of_claim_and_try_lock_one_wins(store, keys):
    def take(index):
        taking = claims.claim if index % 2 else claims.try_lock
        with store.write() as conn:
            return taking(conn, keys[0], owner=f"w{index}", now=T0, seconds=45)

    assert sum(lease is not None for lease in in_threads(6, take)) == 1


def test_raises_at_the_same_moment_are_all_counted(store, keys):
    def ask(_):
        with store.write() as conn:
            work.raise_(conn, keys[0], now=T0, hints=Hints.of("oncall"))

    in_threads(6, ask)
    with store.read() as conn:
        wanted = conn.execute(select(table.c.wanted).where(table.c.aggregate == keys[0]))
        assert wanted.scalar_one() == 7


def test_first_raises_at_the_same_moment_make_one_item(store):
    with store.write() as conn:
        key = links.new_aggregate(conn, "visit", T0)

    def ask(_):
        with store.write() as conn:
            work.raise_(conn, key, now=T0, hints=Hints.of("oncall"))

    in_threads(6, ask)
    with store.read() as conn:
        assert conn.execute(select(table.c.wanted)).scalars().all() == [6]


def test_a_raise_at_the_moment_of_completion_is_never_lost(store, keys):
    for key in keys:
        with store.write() as conn:
            lease = claims.claim(conn, key, owner="w", now=T0, seconds=45)

        def act(index, key=key, lease=lease):
            with store.write() as conn:
                if index == 0:
                    claims.complete(conn, lease, ended=T0)
                else:
                    work.raise_(conn, key, now=T0, hints=Hints.of("oncall"))

        in_threads(2, act)
        with store.write() as conn:
            again = claims.claim(conn, key, owner="w", now=T0, seconds=45)
        assert again is not None
        assert again.hints == Hints.of("oncall")


def sweep(store, _index):
    with store.write() as conn:
        return [key for key, _ in work.due_items(conn, now=T0, ring_again=10)]


def test_two_sweepers_ring_nothing_twice(store, keys):
    rung = chain(*in_threads(4, lambda index: sweep(store, index)))
    assert sorted(rung) == keys


def test_sweepers_of_several_processes_ring_nothing_twice(store, keys):
    rung = chain(*in_processes(store.url, 3, sweep))
    assert sorted(rung) == keys


def test_a_fenced_off_owner_never_commits_what_it_wrote(store, keys):
    """Platform facts, 6: whoever looks before it takes the lock still commits; `hold` first."""
    with store.write() as conn:
        old = claims.claim(conn, keys[0], owner="old", now=T0, seconds=45)
    later = T0 + timedelta(seconds=46)

    def act(index):
        with store.write() as conn:
            if index == 0:
                claims.claim(conn, keys[0], owner="new", now=later, seconds=45)
                return "taken"
            try:
                claims.hold(conn, old, now=later, seconds=45)
            except FenceLostError:
                return "lost"
            links.add(conn, keys[0], "oncall", "appointment", "7", now=later)
            return "wrote"

    taken, outcome = in_threads(2, act)
    with store.read() as conn:
        written = links.find(conn, "oncall", "appointment", "7") is not None
        row = conn.execute(select(table).where(table.c.aggregate == keys[0])).one()
    # Either the old owner was first: it renewed, wrote, and nobody took over; or it wrote nothing.
    assert taken == "taken"
    assert (written, row.lease_by) in {(True, "old"), (False, "new")}
    assert outcome == ("wrote" if written else "lost")
