"""The audit: one chain, in the deed's own transaction, and what `verify` finds in it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select, update

from sync.core.actor import Actor
from sync.digests import Digests
from sync.store.database import Store
from sync.store.schema import audit, audit_subject
from sync.store.trail import proof, rows, seal
from sync.store.trail.acting import acting
from sync.store.trail.deeds import Chain, Deed, note
from sync.store.trail.rows import Filter

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
WHO = Actor("user", "uid 1000", "terminal", "0af1")
KEYS = Digests([b"a" * 32])
LATER_KEYS = Digests([b"b" * 32, b"a" * 32])


@pytest.fixture
def chained(database_url: str) -> Iterator[Store]:
    opened = Store(database_url, chain=Chain(KEYS, WHO))
    yield opened
    opened.close()


def do(store: Store, *subjects: str, now: datetime = NOW) -> None:
    named = tuple((kind, number) for kind, _, number in (one.partition(":") for one in subjects))
    with store.write() as conn:
        note(conn, Deed("retry", named, ("starts",)), now)


def checked(store: Store, *heads: proof.Head, keys: Digests = KEYS) -> proof.Report:
    with store.read() as conn:
        return proof.verify(conn, keys, heads)


def found(store: Store, *heads: proof.Head) -> list[tuple[int, str]]:
    return [tuple(one) for one in checked(store, *heads).findings]


def test_a_deed_is_told_as_it_was(chained: Store) -> None:
    do(chained, "item:12", "visit:7")
    with chained.read() as conn:
        (row,) = rows.newest(conn, Filter(), 10)
    assert row == rows.Row(
        seq=1,
        at=NOW,
        kind="user",
        actor="uid 1000",
        door="terminal",
        action="retry",
        subjects="item:12 visit:7",
        fields="starts",
        outcome="done",
        request="0af1",
    )
    assert checked(chained).sound


def test_it_is_told_who_came_in_by_a_door(chained: Store) -> None:
    with acting(Actor("operator", "dana", "ops", "77")):
        do(chained, "item:1")
    do(chained, "item:2")
    with chained.read() as conn:
        told = [(row.kind, row.actor, row.door) for row in rows.every(conn, Filter())]
    assert told == [("operator", "dana", "ops"), ("user", "uid 1000", "terminal")]


def test_a_deed_that_fails_is_not_told(chained: Store) -> None:
    with pytest.raises(ZeroDivisionError), chained.write() as conn:
        conn.execute(select(note(conn, Deed("retry"), NOW) or 1 / 0))
    do(chained, "item:1")
    assert (checked(chained).rows, checked(chained).last) == (1, 1)


def test_many_at_once_make_one_chain(chained: Store) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: do(chained, f"item:{number}", "visit:1"), range(120)))
    report = checked(chained)
    assert (report.rows, report.first, report.last, report.findings) == (120, 1, 120, [])


def test_a_changed_row_is_found(chained: Store) -> None:
    for number in range(5):
        do(chained, f"item:{number}")
    for name, value in [
        ("actor", "uid 0"),
        ("at", NOW + timedelta(microseconds=1)),
        ("fields", ""),
    ]:
        with chained.write() as conn:
            stood = conn.execute(select(audit.c[name]).where(audit.c.seq == 3)).scalar_one()
            conn.execute(update(audit).where(audit.c.seq == 3).values({name: value}))
        assert found(chained) == [(3, "changed")], name
        with chained.write() as conn:
            conn.execute(update(audit).where(audit.c.seq == 3).values({name: stood}))
    assert found(chained) == []


@pytest.mark.parametrize(("gone", "told"), [([1], 1), ([3], 3), ([2, 3], 2)])
def test_a_removed_row_is_found(chained: Store, gone: list[int], told: int) -> None:
    for number in range(5):
        do(chained, f"item:{number}")
    with chained.write() as conn:
        conn.execute(delete(audit).where(audit.c.seq.in_(gone)))
    assert found(chained) == [(told, "removed")]


def test_a_chain_made_anew_is_found(chained: Store) -> None:
    """By whoever may write the database, with a key of their own or with none."""
    for number in range(5):
        do(chained, f"item:{number}")
    forged = Digests([b"x" * 32])
    with chained.write() as conn:
        stood = [dict(row) for row in conn.execute(select(audit).order_by(audit.c.seq)).mappings()]
        previous = stood[0]["mac"]
        for seq, row in enumerate(stood[2:], start=2):  # the second row is taken out
            row |= {"seq": seq, "previous": previous, "key_id": forged.key_id}
            claimed = seal.mac(forged, row)
            conn.execute(
                update(audit)
                .where(audit.c.seq == seq)
                .values({**row, "key_id": KEYS.key_id, "mac": claimed})
            )
            previous = claimed
        conn.execute(delete(audit).where(audit.c.seq == 5))
    assert (2, "changed") in found(chained)


def test_a_chain_that_was_cut_short_lacks_what_was_told_outside(chained: Store) -> None:
    for number in range(3):
        do(chained, f"item:{number}")
    with chained.read() as conn:
        head = proof.head(conn)
    assert head is not None
    assert found(chained, head) == []
    with chained.write() as conn:
        conn.execute(delete(audit).where(audit.c.seq == 3))
    assert found(chained) == []
    assert found(chained, head) == [(3, "removed")]
    do(chained, "item:9")
    assert found(chained, head) == [(3, "changed")]


def test_a_new_key_goes_on_with_the_chain(chained: Store) -> None:
    do(chained, "item:1")
    opened = Store(chained.url, chain=Chain(LATER_KEYS, WHO))
    do(opened, "item:2")
    opened.close()
    assert checked(chained, keys=LATER_KEYS).sound
    without = checked(chained, keys=Digests([b"b" * 32]))
    assert (without.sound, without.without_key) == (True, 1)


def test_old_rows_go_and_nobody_else_can_drop_them(chained: Store) -> None:
    for number in range(4):
        do(chained, f"item:{number}", now=NOW + timedelta(days=number))
    with chained.write() as conn:
        assert proof.prune(conn, NOW + timedelta(days=2), NOW + timedelta(days=9)) == 2
    report = checked(chained)
    assert (report.rows, report.first, report.last, report.findings) == (3, 3, 5, [])
    with chained.write() as conn:
        conn.execute(delete(audit).where(audit.c.seq == 3))
    assert found(chained) == [(3, "removed")]


def test_nothing_to_drop_is_no_deed(chained: Store) -> None:
    do(chained, "item:1")
    with chained.write() as conn:
        assert proof.prune(conn, NOW, NOW) == 0
    assert checked(chained).rows == 1


def test_rows_are_found_by_what_is_asked(chained: Store) -> None:
    do(chained, "item:1", "visit:12")
    do(chained, "item:12")
    do(chained, "visit:1")

    def asked(**told: object) -> list[int]:
        with chained.read() as conn:
            return [row.seq for row in rows.newest(conn, Filter(**told), 10)]  # type: ignore[arg-type]

    assert asked(subject="12") == [2, 1]
    assert asked(subject="visit:1") == [3]
    assert asked(subject="item:1") == [1]
    assert asked(subject="%") == []
    assert asked(actor="uid 1000", before=3) == [2, 1]
    assert asked(action="drop") == []
    with chained.read() as conn:
        assert [row.seq for row in rows.every(conn, Filter(since=NOW))] == [1, 2, 3]


def subjects(store: Store) -> list[tuple[int, str, str]]:
    with store.read() as conn:
        of = audit_subject.c
        rows = conn.execute(select(of.seq, of.kind, of.named).order_by(of.seq, of.kind))
        return [tuple(row) for row in rows]


def test_the_database_notes_the_subjects_of_a_deed_and_drops_them_with_it(chained: Store) -> None:
    do(chained, "item:12", "what:doctor:5", "item:12")
    do(chained, now=NOW + timedelta(days=9))
    do(chained, "visit:7", now=NOW + timedelta(days=9))
    assert subjects(chained) == [(1, "item", "12"), (1, "what", "doctor:5"), (3, "visit", "7")]
    with chained.write() as conn:
        proof.prune(conn, NOW + timedelta(days=1), NOW + timedelta(days=9))
    assert subjects(chained) == [(3, "visit", "7"), (4, "seq", "1")]
    assert checked(chained).sound


def test_subjects_that_are_none_stop_no_deed(chained: Store) -> None:
    """A row that somebody else put there is added all the same."""
    row = dict.fromkeys((one.name for one in audit.c), "") | {"seq": 1, "at": NOW}
    with chained.write() as conn:
        conn.execute(
            insert(audit).values(**row | {"subjects": '"<b> \\ :x é:"1 ' + "y" * 200 + ":z"})
        )
    assert {(kind, named) for _, kind, named in subjects(chained)} == {("é", '"1'), ("y" * 80, "z")}


def test_many_subjects_are_counted_beyond_what_there_is_room_for(chained: Store) -> None:
    do(chained, *(f"appointment:{number}" for number in range(1000, 1100)))
    with chained.read() as conn:
        (row,) = rows.newest(conn, Filter(), 1)
    named = row.subjects.split()
    assert len(row.subjects) <= 400
    assert named[-1] == f"and:{100 - len(named) + 1}"
    assert checked(chained).sound


@pytest.mark.parametrize(
    "wrong",
    [
        {"fields": ("jane@example.com",)},
        {"outcome": "no <script>"},
    ],
)
def test_what_could_be_a_value_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="audit") as refused:
        Deed("retry", **wrong)  # type: ignore[arg-type]
    assert "jane" not in str(refused.value).lower()


def test_what_is_no_id_is_left_out(chained: Store) -> None:
    with chained.write() as conn:
        note(conn, Deed("look", (("patient", "Jane Doe"), ("contact", None), ("visit", 7))), NOW)
    with chained.read() as conn:
        (row,) = rows.newest(conn, Filter(), 1)
    assert row.subjects == "patient:- contact:None visit:7"
