"""Move with an object what hangs on it, and wait for nobody; on both databases."""

import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import insert, select, update

from sync.run import transfer
from sync.run.outcomes import LaterError
from sync.store import attention as items
from sync.store.lanes import Hints
from sync.store.schema import attendance, attention, blocker, call, person, visit
from sync.store.schema import work as work_table
from sync.store.tables import attendances, blockers, claims, links, work
from sync.store.tables.claims import FenceLostError
from sync.store.visits import moves
from sync.visits.state.load import load

T0 = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = T0 + timedelta(minutes=1)


def new(conn, kind="visit"):
    return links.new_aggregate(conn, kind, T0)


def add(conn, key, remote_id, kind="appointment", system="oncall", **values):
    return links.add(conn, key, system, kind, remote_id, now=T0, **values)


def leased(conn, key, seconds=45):
    work.raise_(conn, key, now=T0, hints=Hints.both())
    return claims.claim(conn, key, owner="w", now=T0, seconds=seconds)


def told(conn):
    """What is open: which aggregate, about which object, why."""
    rows = select(attention.c.aggregate, attention.c.object, attention.c.cause)
    return [tuple(row) for row in conn.execute(rows.where(attention.c.closed_at.is_(None)))]


def parts(now=LATER):
    """As much of a process as a transfer asks for."""
    return SimpleNamespace(clock=lambda: now, settings=SimpleNamespace(lease_seconds=45))


def absorb(store, source, target):
    with store.write() as conn:
        moves.absorb(conn, source, target, now=LATER, hints=Hints.both())


# --- what goes along ------------------------------------------------------------------------------


def test_who_was_told_of_once_is_not_told_of_again(store):
    """Told of a third party, and woken by the chart that they lack: both go with them."""
    with store.write() as conn:
        source, target = new(conn), new(conn)
        host = add(conn, source, "p1", "participant").id
        items.open_item(conn, source, "participant_unmatched", now=T0, object_id=host)
        items.open_item(conn, source, "provider_unknown", now=T0)
        links.block(conn, source, kind=blockers.EMAIL, ref="a" * 64, since=T0, object_id=host)
        links.block(conn, source, kind=blockers.OPERATOR, ref="who", since=T0)
    absorb(store, source, target)
    with store.read() as conn:
        assert told(conn) == [(target, host, "participant_unmatched")]
        assert blockers.who_waits(conn, blockers.EMAIL) == [target]
        assert blockers.who_waits(conn, blockers.OPERATOR) == []


def test_a_refused_field_stays_told_of_where_its_object_is(store):
    with store.write() as conn:
        source, target = new(conn), new(conn)
        obj = add(conn, source, "7").id
        items.open_item(conn, source, items.FIELD_REFUSED, now=T0, object_id=obj)
    absorb(store, source, target)
    with store.read() as conn:
        assert told(conn) == [(target, obj, items.FIELD_REFUSED)]


def test_who_waits_for_the_next_run_of_what_was_merged_waits_for_the_other_s(store):
    """What was merged has no run any more: nobody else would wake them."""
    with store.write() as conn:
        source, target, one, both = (new(conn) for _ in range(4))
        for key, runs in ((one, [source]), (both, [source, target]), (target, [source])):
            for run in runs:
                links.block(conn, key, kind=blockers.RUN, ref=str(run), since=T0)
    absorb(store, source, target)
    with store.read() as conn:
        assert blockers.who_waits(conn, blockers.RUN, str(source)) == []
        assert blockers.who_waits(conn, blockers.RUN, str(target)) == [one, both]


def test_a_write_of_an_unknown_outcome_is_looked_for_by_the_target(store):
    with store.write() as conn:
        source, target = new(conn), new(conn)
        obj = add(conn, source, "7").id
        sent = {"aggregate": source, "object": obj, "system": "oncall", "lane": 0, "at": T0}
        sent |= {"method": "PATCH", "endpoint": "appointment", "fence": 9}
        for effect, state in (("update", "unresolved"), ("cancel", "done")):
            conn.execute(insert(call).values(**sent, effect=effect, state=state))
    absorb(store, source, target)
    with store.write() as conn:
        state = load(conn, claims.claim(conn, target, owner="w", now=LATER, seconds=45), LATER)
        assert [write.effect for write in state.unresolved] == ["update"]


@pytest.mark.parametrize("excluded", ["source", "target", None])
def test_who_was_excluded_by_hand_stays_so(store, excluded):
    with store.write() as conn:
        keys = {"source": new(conn, "person"), "target": new(conn, "person")}
        if excluded:
            of = person.c.aggregate == keys[excluded]
            conn.execute(update(person).where(of).values(excluded=True))
    absorb(store, *keys.values())
    with store.read() as conn:
        row = select(person.c.excluded).where(person.c.aggregate == keys["target"])
        assert conn.execute(row).scalar_one() is (excluded is not None)


def test_participants_written_from_the_merged_chart_are_behind_the_one_that_stays(store):
    """Versions are counted for each person by itself: five there is not more than two here."""
    with store.write() as conn:
        source, target, key = new(conn, "person"), new(conn, "person"), new(conn)
        for one, version in ((source, 5), (target, 2)):
            conn.execute(update(person).where(person.c.aggregate == one).values(version=version))
        attendances.attend(conn, key, person=source, person_version=5)
    absorb(store, source, target)
    with store.read() as conn:
        behind = (
            select(attendance.c.id)
            .join(person, person.c.aggregate == attendance.c.person)
            .where(person.c.aggregate == target)
            .where(attendance.c.person_version < person.c.version)
        )
        assert conn.execute(behind).first() is not None


# --- one object -----------------------------------------------------------------------------------


def test_an_object_that_is_handed_out_leaves_nothing_open_behind(store):
    with store.write() as conn:
        key = new(conn)
        obj, other = add(conn, key, "7", system="drchrono"), add(conn, key, "8", system="drchrono")
        for one in (obj, other):
            attendances.attend(conn, key, appointment=one.id)
            items.open_item(conn, key, "patient_inactive", now=T0, object_id=one.id)
            links.block(conn, key, kind="patient", ref="1", since=T0, object_id=one.id)
        lease = leased(conn, key)
    with store.write() as conn:
        held = transfer.hold(conn, parts(), lease=lease)
        own = transfer.hand_out(held, obj, state="skipped")
    with store.read() as conn:
        moved = links.get(conn, obj.id)
        assert (moved.aggregate, moved.state) == (own, "skipped")
        assert told(conn) == [(key, other.id, "patient_inactive")]
        assert conn.execute(select(blocker.c.object)).scalars().all() == [other.id]
        current = [a.appointment for a in attendances.attendances(conn, key) if a.current]
        assert current == [other.id]


def test_the_visit_that_an_appointment_leaves_is_closed_and_who_waits_for_it_goes_on(store):
    with store.write() as conn:
        source, target, waiting = new(conn), new(conn), new(conn)
        obj = add(conn, source, "7", system="drchrono")
        conn.execute(update(visit).where(visit.c.aggregate == source).values(slot_key="s"))
        items.open_item(conn, source, "slot_taken", now=T0)
        links.block(conn, waiting, kind=blockers.RUN, ref=str(source), since=T0)
        lease = leased(conn, target)
    with store.write() as conn:
        held = transfer.hold(conn, parts(), source, lease=lease)
        transfer.take_in(held, obj, target, has_marker=False)
    with store.write() as conn:
        assert links.get(conn, obj.id).aggregate == target
        row = conn.execute(select(visit).where(visit.c.aggregate == source)).one()
        assert (row.state, row.slot_key) == ("closed", None)
        assert told(conn) == []
        assert work.waits(work.locked(conn, waiting))


# --- who may --------------------------------------------------------------------------------------


def test_what_somebody_works_on_is_left_alone(store):
    with store.write() as conn:
        mine, theirs = new(conn), new(conn)
        lease = leased(conn, mine)
        leased(conn, theirs)
    with pytest.raises(LaterError), store.write() as conn:
        transfer.hold(conn, parts(), theirs, lease=lease)


def test_nothing_is_moved_that_is_not_held(store):
    with store.write() as conn:
        source, target = new(conn), new(conn)
        held = transfer.hold(conn, parts(), target)
        with pytest.raises(RuntimeError):
            transfer.absorb(held, source, target, hints=Hints.both())


@pytest.mark.parametrize("abandoned", [True, False])
def test_a_dead_worker_s_aggregate_is_taken_only_where_no_run_may_come(store, abandoned):
    """Taken, it has a new fence: a worker that was only paused writes nothing more."""
    with store.write() as conn:
        key = new(conn)
        lease = leased(conn, key, seconds=5)
    try:
        with store.write() as conn:
            transfer.hold(conn, parts(), key, abandoned=abandoned)
    except LaterError:
        assert not abandoned
        return
    assert abandoned
    with pytest.raises(FenceLostError), store.write() as conn:
        claims.hold(conn, lease, now=LATER, seconds=45)
    with store.write() as conn:
        again = claims.claim(conn, key, owner="x", now=LATER, seconds=45)
        assert (again.fence, again.hints, again.own) == (lease.fence + 2, Hints.both(), True)


def test_two_who_want_each_other_s_rows_do_not_wait_for_each_other(store):
    """The answer of a create wants the stray, whose run wants the create's: one gives way."""
    with store.write() as conn:
        key, stray = new(conn), new(conn)
        row = add(conn, key, None, system="drchrono", state="creating", create_key="att:1:1")
        add(conn, stray, "5", system="drchrono")
        for one in (key, stray):
            work.raise_(conn, one, now=T0, hints=Hints.both())
    answered, found = threading.Event(), []

    def run_of_the_stray():
        with store.write() as conn:
            work.locked(conn, stray)
            answered.set()
            work.locked(conn, key)  # held by the answer

    with store.write() as conn:
        work.locked(conn, key)
        other = threading.Thread(target=run_of_the_stray)
        other.start()
        if conn.dialect.name == "postgresql":  # SQLite lets one write at a time
            assert answered.wait(10)
        found.append(moves.created(conn, row, "5", now=LATER))
    other.join(10)
    assert found[0] is None or not store.url.startswith("postgresql")


def test_what_was_never_asked_for_is_held_too(store):
    with store.write() as conn:
        key = new(conn)
        transfer.hold(conn, parts(), key)
        row = conn.execute(select(work_table).where(work_table.c.aggregate == key)).one()
        assert (row.wanted, row.done, row.lease_by) == (0, 0, None)
