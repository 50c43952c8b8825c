"""Write once what is written by several at the same moment; on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from sync.store import attention as items
from sync.store.schema import attention, conflict, delivery
from sync.store.tables import journal, links
from tests.support.servers.races import in_processes, in_threads

T0 = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def at(seconds):
    return T0 + timedelta(seconds=seconds)


@pytest.fixture
def key(store):
    with store.write() as conn:
        return links.new_aggregate(conn, "visit", T0)


@pytest.fixture
def obj(store, key):
    with store.write() as conn:
        return links.add(conn, key, "drchrono", "appointment", "5", now=T0).id


# --- attention ------------------------------------------------------------------------------------


def tell(store, _index=0, aggregate=0, cause="auth", now=T0, **values):
    with store.write() as conn:
        return items.open_item(conn, aggregate, cause, now=now, **values)


def told(store):
    with store.read() as conn:
        rows = conn.execute(select(attention).order_by(attention.c.id))
        return [(row.aggregate, row.object, row.cause, row.closed_at) for row in rows]


def test_an_operator_is_told_once_per_aggregate_object_and_cause(store):
    assert tell(store, candidates=["5", "7"]) is True
    assert tell(store) is False
    assert tell(store, cause="brake") is True
    assert tell(store, aggregate=3) is True
    assert tell(store, aggregate=3, object_id=9) is True
    assert len(told(store)) == 4


def test_of_one_cause_what_is_about_another_object_stays(store):
    for object_id in (0, 9):
        tell(store, aggregate=3, object_id=object_id)
    tell(store, aggregate=4)
    with store.write() as conn:
        assert items.close_cause(conn, 3, "auth", at(60), object_id=0)
        assert not items.close_cause(conn, 3, "auth", at(60), object_id=0)
    assert told(store) == [(3, 0, "auth", at(60)), (3, 9, "auth", None), (4, 0, "auth", None)]
    with store.write() as conn:
        assert items.close_cause(conn, 3, "auth", at(90))
    assert told(store)[1:] == [(3, 9, "auth", at(90)), (4, 0, "auth", None)]


def test_what_was_closed_is_told_again_when_it_comes_back(store):
    tell(store, aggregate=3)
    with store.write() as conn:
        items.close_rest(conn, 3, at(60))
    assert tell(store, aggregate=3, now=at(120)) is True
    assert told(store) == [(3, 0, "auth", at(60)), (3, 0, "auth", None)]


def test_closing_keeps_what_still_holds_and_other_aggregates(store):
    for cause in ("overlap", "unmapped"):
        tell(store, aggregate=3, cause=cause)
    tell(store, aggregate=4, cause="overlap")
    with store.write() as conn:
        items.close_rest(conn, 3, at(60), keep=("unmapped",))
    assert told(store) == [
        (3, 0, "overlap", at(60)),
        (3, 0, "unmapped", None),
        (4, 0, "overlap", None),
    ]


def test_those_who_tell_at_the_same_moment_tell_once(store):
    assert sum(in_threads(6, lambda index: tell(store, index))) == 1
    assert sum(in_processes(store.url, 2, tell)) == 0
    assert len(told(store)) == 1


# --- counters -------------------------------------------------------------------------------------


def count(store, _index):
    for _ in range(10):
        with store.write() as conn:
            journal.bump(conn, "calls", "system=oncall", by=2)


def counters(store):
    with store.read() as conn:
        return journal.read_counters(conn)


def test_no_count_is_lost(store):
    in_threads(4, lambda index: count(store, index))
    assert counters(store) == [("calls", "system=oncall", 80.0)]
    in_processes(store.url, 2, count)
    assert counters(store) == [("calls", "system=oncall", 120.0)]


# --- deliveries -----------------------------------------------------------------------------------


def note(store, obj, outcome="raised", now=T0, **values):
    with store.write() as conn:
        journal.note_delivery(
            conn, source="drchrono", event="APPOINTMENT_MODIFY", now=now, object=obj,
            outcome=outcome, **values,
        )  # fmt: skip


def left(store, key):
    with store.read() as conn:
        return journal.unexplained(conn, key)


def test_a_raised_delivery_waits_for_its_explanation_and_no_other_does(store, key, obj):
    note(store, obj, revision="m1", key_id="k", digests={"starts": "d"})
    note(store, obj, outcome="unchanged")
    [found] = left(store, key)
    assert (found.source, found.event, found.object) == ("drchrono", "APPOINTMENT_MODIFY", obj)
    assert (found.revision, found.key_id, found.digests, found.at) == (
        "m1",
        "k",
        {"starts": "d"},
        T0,
    )
    assert counters(store) == [
        ("deliveries", "source=drchrono,outcome=raised", 1.0),
        ("deliveries", "source=drchrono,outcome=unchanged", 1.0),
    ]


def test_deliveries_go_with_their_object_to_another_aggregate(store, key, obj):
    note(store, obj)
    with store.write() as conn:
        other = links.new_aggregate(conn, "visit", T0)
        links.change(conn, obj, aggregate=other)
    assert left(store, key) == []
    assert len(left(store, other)) == 1


def test_explaining_takes_only_what_was_read_and_measures_it(store, key, obj):
    note(store, obj, now=T0)
    read = left(store, key)
    note(store, obj, now=at(2))
    with store.write() as conn:
        journal.explain(conn, read, at(4))
        journal.explain(conn, [], at(5))
    assert [one.at for one in left(store, key)] == [at(2)]
    with store.read() as conn:
        explained = conn.execute(select(delivery.c.explained_at).order_by(delivery.c.id))
        assert explained.scalars().all() == [at(4), None]
    measured = [one for one in counters(store) if one[0].startswith("end_to_end")]
    assert measured == [
        ("end_to_end_bucket", "le=5", 1.0),
        ("end_to_end_count", "", 1.0),
        ("end_to_end_sum", "", 4.0),
    ]


def test_what_took_longer_than_the_last_bucket_is_counted_all_the_same(store, key, obj):
    note(store, obj)
    with store.write() as conn:
        journal.explain(conn, journal.unexplained(conn, key), at(3601))
    assert [name for name, *_ in counters(store)] == [
        "deliveries",
        "end_to_end_count",
        "end_to_end_sum",
    ]


# --- conflicts and heartbeats ---------------------------------------------------------------------


def test_a_conflict_names_field_and_time_and_has_no_place_for_values(store, obj):
    with store.write() as conn:
        journal.note_conflict(conn, obj, "starts", "overwritten", T0)
    with store.read() as conn:
        [row] = conn.execute(select(conflict)).all()
    assert row._asdict() == {
        "id": 1, "object": obj, "field": "starts", "how": "overwritten", "at": T0,
    }  # fmt: skip


def alive(store, index):
    with store.write() as conn:
        journal.beat(conn, "worker@host:1", "worker", at(index))


def test_a_process_has_one_heartbeat(store):
    in_threads(4, lambda index: alive(store, index))
    alive(store, 60)
    with store.read() as conn:
        assert journal.heard(conn, at(60)) == [("worker@host:1", "worker", at(60))]
        assert journal.heard(conn, at(61)) == []
