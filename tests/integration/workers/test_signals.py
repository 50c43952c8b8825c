"""Find who waits for a thing that changed after they had begun to look at it (ADR 0043)."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from sync.store.at_end import signals
from sync.store.database import Store
from sync.store.lanes import Hints
from sync.store.schema import signal
from sync.store.tables import blockers, claims, links, work
from tests.support.servers.races import in_threads

SYNC = Path(__file__).parents[3] / "sync"
T0 = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
KINDS = ("patient", "visit", "run", "address", "email", "pause", "fact", "operator", "mapping",
         "mode", "auth", "zone")  # fmt: skip


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


@pytest.fixture
def conn(store: Store) -> Iterator[Connection]:
    with store.write() as conn:
        yield conn


def a_visit(conn: Connection) -> int:
    return links.new_aggregate(conn, "visit", T0)


def missed(conn: Connection) -> list[int]:
    return [one.aggregate for one in blockers.missed(conn)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("whole", [True, False], ids=["its kind", "itself"])
def test_only_what_changed_after_the_run_began(store: Store, kind: str, whole: bool) -> None:
    with store.write() as conn:
        early, late = a_visit(conn), a_visit(conn)
        seen = at(4) if kind in ("patient", "visit", "email") else at(4) + signals.COMMIT
        links.block(conn, early, kind=kind, ref="9", since=seen - timedelta(seconds=1))
        seen += timedelta(seconds=60)  # the transaction may take a while
        links.block(conn, late, kind=kind, ref="9", since=seen)
        links.block(conn, late, kind=kind, ref="8", since=seen)
        assert blockers.changed(conn, kind, None if whole else "9", at(4)) == [early, late]
    with store.write() as conn:
        assert missed(conn) == [early]
        blockers.looked_at_from(conn, blockers.missed(conn), at(99))
        assert missed(conn) == []


def test_another_thing_is_none_of_it(store: Store) -> None:
    with store.write() as conn:
        links.block(conn, a_visit(conn), kind="patient", ref="9", since=T0)
        blockers.changed(conn, "patient", "8", at(1))
        blockers.changed(conn, "visit", "9", at(1))
    with store.read() as conn:
        assert missed(conn) == []


def test_who_is_to_be_looked_at_anyway_has_missed_nothing(conn: Connection) -> None:
    key = a_visit(conn)
    links.block(conn, key, kind="zone", ref="201", since=T0)
    signals.note(conn, "zone", "201", at(1))
    work.raise_(conn, key, now=at(2), hints=Hints.both())
    assert missed(conn) == []
    lease = claims.claim(conn, key, owner="w", now=at(3), seconds=45)
    assert lease is not None
    assert missed(conn) == []
    claims.complete(conn, lease, ended=at(4))
    signals_written(conn)
    assert missed(conn) == [key]


def signals_written(conn: Connection) -> None:
    """They are written as the transaction ends; here at once."""
    signals._write(conn, signals._collected[conn])


def run_of(conn: Connection, key: int, begun: datetime, ended: datetime | None) -> None:
    work.raise_(conn, key, now=begun, hints=Hints.both())
    lease = claims.claim(conn, key, owner="w", now=begun, seconds=45)
    assert lease is not None
    assert lease.begun == begun
    claims.hold(conn, lease, now=begun, seconds=45)
    claims.complete(conn, lease, ended=ended)


@pytest.mark.parametrize("ended", [0, 2, None], ids=["before", "after", "it parked"])
def test_the_end_of_another_run(conn: Connection, ended: int | None) -> None:
    """Its item says when; a run that parks is no end (docs/waiting.md)."""
    key, other = a_visit(conn), a_visit(conn)
    links.block(conn, key, kind="run", ref=str(other), since=at(1))
    run_of(conn, other, at(-1), None if ended is None else at(ended))
    assert missed(conn) == ([key] if ended == 2 else [])


@pytest.mark.parametrize(("kind", "of"), [("patient", "patient"), ("visit", "appointment")])
def test_the_end_of_the_thing_s_own_run(conn: Connection, kind: str, of: str) -> None:
    """The door says nothing more of what has a run of its own: that follows each of its news."""
    key = a_visit(conn)
    obj = links.first_sight(conn, "drchrono", of, "9", now=T0)
    links.block(conn, key, kind=kind, ref="9", since=at(1))
    assert missed(conn) == []
    run_of(conn, obj.aggregate, at(1.5), at(2))
    assert missed(conn) == [key]


def test_the_later_change_stands(store: Store) -> None:
    for seconds in (5, -100):
        with store.write() as conn:
            signals.note(conn, "visit", "7", at(seconds))
    with store.read() as conn:
        assert at(5) <= conn.execute(select(signal.c.at)).scalar_one() < at(60)


def test_they_are_kept_for_an_hour(store: Store) -> None:
    noted(store, 5)
    assert kept(store, at(3600)) == 5
    assert kept(store, at(3602)) == 3


def test_a_flood_is_kept_to_so_many(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    noted(store, 5)
    monkeypatch.setattr(signals, "MOST", 5)
    assert kept(store, at(9)) == 5
    monkeypatch.setattr(signals, "MOST", 2)
    assert kept(store, at(9)) == 2


def noted(store: Store, count: int) -> None:
    with store.write() as conn:
        for number in range(count):
            signals.note(conn, "visit", str(number), at(number))


def kept(store: Store, now: datetime) -> int:
    """How many are left when the old ones are dropped."""
    with store.write() as conn:
        before = count(conn)
        are_old = signals.are_old(conn, now)
        signals.drop_old(conn, now)
        assert are_old is (count(conn) < before)
        return count(conn)


def count(conn: Connection) -> int:
    return int(conn.execute(select(func.count()).select_from(signal)).scalar_one())


def test_two_that_change_the_same_in_another_order_never_wait_for_each_other(store: Store) -> None:
    """Each is written last in its transaction, in one order."""
    keys = [str(number) for number in range(20)]

    def act(index: int) -> None:
        for _ in range(20):
            with store.write() as conn:
                for ref in keys if index % 2 else reversed(keys):
                    blockers.changed(conn, "patient", ref, T0)

    in_threads(4, act)


def test_whoever_raises_what_waits_says_that_it_changed() -> None:
    """Who only looks for them leaves those out who park a moment later."""
    looks = {
        str(file.relative_to(SYNC))
        for file in SYNC.rglob("*.py")
        if re.search(r"\bwho_waits\(", file.read_text())
    }
    assert looks == {"store/tables/blockers.py"}
