"""Keep together what belongs together, and lose nothing in a move; on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from sync.run import attempts
from sync.store import attention as items
from sync.store import objects
from sync.store.lanes import Hints, Lane
from sync.store.schema import (
    aggregate,
    attendance,
    attention,
    call,
    object_alias,
    pending,
    person_key,
    visit,
)
from sync.store.schema import work as work_table
from sync.store.tables import attendances, baselines, blockers, claims, journal, links, work
from sync.store.visits import moves
from tests.support.servers.races import in_threads

T0 = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = T0 + timedelta(minutes=1)
A, B, C = "a" * 64, "b" * 64, "c" * 64


@pytest.fixture
def conn(store):
    """One open transaction, for what needs no second one."""
    with store.write() as opened:
        yield opened


def new(conn, kind="visit"):
    return links.new_aggregate(conn, kind, T0)


def add(conn, key, remote_id, system="oncall", kind="appointment", **values):
    return links.add(conn, key, system, kind, remote_id, now=T0, **values)


def writing(conn, object_id, field, digest):
    """A write of ours whose outcome is not known; returns the call."""
    made = conn.execute(
        insert(call)
        .values(
            system="oncall", method="PATCH", endpoint="appointment", lane=0, state="open", at=T0
        )
        .returning(call.c.id)
    ).scalar_one()
    conn.execute(
        insert(pending).values(object=object_id, field=field, call=made, key_id="k", digest=digest)
    )
    return made


# --- aggregates and objects -----------------------------------------------------------------------


def test_an_aggregate_has_a_kind_and_a_row_of_it(conn):
    one, other = new(conn), new(conn, "person")
    assert (links.kind_of(conn, one), links.kind_of(conn, other)) == ("visit", "person")
    assert links.kind_of(conn, 999) is None
    assert conn.execute(select(visit.c.aggregate, visit.c.generation)).all() == [(one, 1)]


def test_an_aggregate_s_id_is_never_given_again(store):
    with store.write() as conn:
        last = new(conn)
    with store.write() as conn:
        conn.execute(visit.delete())
        conn.execute(aggregate.delete())
        assert new(conn) > last


def test_a_remote_object_has_one_row(store):
    with store.write() as conn:
        key = new(conn)
        add(conn, key, "7")
        add(conn, key, "7", kind="participant")
        add(conn, key, "7", system="drchrono")
    with pytest.raises(IntegrityError), store.write() as conn:
        add(conn, key, "7")


def test_a_create_key_is_taken_until_its_object_is_gone(store):
    with store.write() as conn:
        key = new(conn)
        first = add(conn, key, None, state="creating", create_key="visit:1:1")
    with pytest.raises(IntegrityError), store.write() as conn:
        add(conn, key, None, state="creating", create_key="visit:1:1")
    with store.write() as conn:
        assert objects.creating(conn, "visit:1:1").id == first.id
        links.change(conn, first.id, state="gone")
        assert objects.creating(conn, "visit:1:1") is None
        add(conn, key, None, state="creating", create_key="visit:1:1")


def test_of_two_who_begin_the_same_create_one_does(store):
    with store.write() as conn:
        key = new(conn)

    def begin(_):
        try:
            with store.write() as conn:
                add(conn, key, None, state="creating", create_key="visit:1:1")
        except IntegrityError:
            return False
        return True

    assert sum(in_threads(4, begin)) == 1


def test_an_object_is_found_by_a_former_id_too(conn):
    real = add(conn, new(conn), "7")
    conn.execute(
        insert(object_alias).values(
            system="oncall", kind="appointment", remote_id="7_v", object=real.id
        )
    )
    assert links.find(conn, "oncall", "appointment", "7").id == real.id
    assert links.find(conn, "oncall", "appointment", "7_v").id == real.id
    assert links.find(conn, "oncall", "participant", "7_v") is None
    assert links.find(conn, "drchrono", "appointment", "7") is None


# --- baselines and writes on their way ------------------------------------------------------------


def test_settling_moves_a_baseline_and_fulfils_the_writes_of_that_value_only(conn):
    obj = add(conn, new(conn), "7").id
    other = add(conn, new(conn), "8").id
    writing(conn, obj, "starts", B)
    late = writing(conn, obj, "starts", C)
    theirs = writing(conn, other, "starts", B)
    baselines.settle(conn, obj, {"starts": A, "minutes": A}, "k1", zone="America/Toronto")
    baselines.settle(conn, obj, {"starts": B}, "k2", zone="America/Vancouver")
    found = baselines.stored_fields(conn, [obj, other])
    assert found == {
        (obj, "starts"): baselines.Stored("k2", B, (("k", C, late),), "America/Vancouver"),
        (obj, "minutes"): baselines.Stored("k1", A),
        (other, "starts"): baselines.Stored(None, None, (("k", B, theirs),)),
    }


def test_settling_at_the_same_moment_ends_in_one_baseline(store):
    with store.write() as conn:
        obj = add(conn, new(conn), "7").id

    def settle(index):
        with store.write() as conn:
            baselines.settle(conn, obj, {"starts": (A, B)[index % 2]}, "k")

    in_threads(4, settle)
    with store.read() as conn:
        assert baselines.stored_fields(conn, [obj])[obj, "starts"].digest in {A, B}


# --- creates --------------------------------------------------------------------------------------


@pytest.fixture
def making(conn):
    """A visit whose appointment is being made, with its attendance."""
    key = new(conn)
    row = add(conn, key, None, "drchrono", state="creating", create_key="att:1:1", generation=2)
    place = attendances.attend(conn, key, appointment=row.id)
    return key, row, place


def test_a_create_gets_its_id(conn, making):
    key, row, _ = making
    made = moves.created(conn, row, "5", now=LATER, has_marker=True)
    assert (made.id, made.remote_id, made.state, made.made_by_us) == (row.id, "5", "live", True)
    assert (made.has_marker, made.seen_at, made.aggregate) == (True, LATER, key)


def test_being_told_the_id_twice_is_once(conn, making):
    _, row, _ = making
    first = moves.created(conn, row, "5", now=LATER)
    assert moves.created(conn, row, "5", now=LATER).id == first.id


def test_a_webhook_that_brought_the_id_first_is_absorbed(conn, making):
    key, row, place = making
    stray = new(conn)
    twin = add(conn, stray, "5", "drchrono", revision="m1")
    journal.note_delivery(
        conn, source="drchrono", event="APPOINTMENT_CREATE", now=T0, object=twin.id,
        outcome="raised",
    )  # fmt: skip
    work.raise_(conn, stray, now=T0, hints=Hints.of("drchrono"))
    made = moves.created(conn, row, "5", now=LATER)
    # One row is left: the twin's, in the create's place, with what the create knew.
    assert (made.id, made.aggregate, made.create_key, made.generation) == (
        twin.id, key, "att:1:1", 2,
    )  # fmt: skip
    assert [obj.id for obj in links.objects_of(conn, key)] == [twin.id]
    [attended] = attendances.attendances(conn, key)
    assert (attended.id, attended.appointment) == (place, twin.id)
    # What was told of it is explained by the create's aggregate from now on, and that is raised.
    assert len(journal.unexplained(conn, key)) == 1
    assert links.survivor(conn, stray) == key
    assert claims.claim(conn, stray, owner="w", now=LATER, seconds=45) is None
    assert claims.claim(conn, key, owner="w", now=LATER, seconds=45).hints == Hints.of("drchrono")


def test_a_stray_that_somebody_works_on_is_left_to_its_own_run(conn, making):
    _, row, place = making
    stray = new(conn)
    add(conn, stray, "5", "drchrono")
    work.raise_(conn, stray, now=T0, hints=Hints.of("drchrono"))
    claims.claim(conn, stray, owner="w", now=T0, seconds=45)
    assert moves.created(conn, row, "5", now=LATER) is None
    assert links.get(conn, row.id).remote_id is None
    assert [a.id for a in attendances.attendances(conn, row.aggregate)] == [place]


def test_a_stray_s_own_attendance_makes_room(conn, making):
    key, row, place = making
    stray = new(conn)
    twin = add(conn, stray, "5", "drchrono")
    attendances.attend(conn, stray, appointment=twin.id)
    assert moves.created(conn, row, "5", now=LATER) is not None
    current = [a for a in attendances.attendances(conn, key) if a.current]
    assert [(a.id, a.appointment) for a in current] == [(place, twin.id)]


def test_an_id_that_was_deleted_meanwhile_is_read_again_before_anything(conn, making):
    # Its DELETE came before the answer that made it: the read by id decides, not the order.
    key, row, _ = making
    add(conn, new(conn), "5", "drchrono", state="gone")
    moves.created(conn, row, "5", now=LATER)
    assert claims.claim(conn, key, owner="w", now=LATER, seconds=45).hints == Hints.of("drchrono")


def test_a_create_that_made_nothing_leaves_no_row_and_no_place(conn, making):
    key, row, place = making
    writing(conn, row.id, "starts", A)
    attempts.forget(conn, row.id)
    assert links.objects_of(conn, key) == []
    assert conn.execute(select(pending)).all() == []
    [attended] = attendances.attendances(conn, key)
    assert (attended.id, attended.appointment) == (place, None)


def test_only_what_was_not_known_of_a_forgotten_create_was_looked_for(conn, making):
    """A refusal stays one: it was answered, and not in vain."""
    _, row, _ = making
    states = ("open", "done", "refused", "unresolved", "redirected", "unsent")
    sent = {"system": "drchrono", "method": "POST", "endpoint": "appointment", "lane": 0, "at": T0}
    conn.execute(insert(call), [{**sent, "object": row.id, "state": one} for one in states])
    attempts.forget(conn, row.id)
    stands = conn.execute(select(call.c.state).order_by(call.c.id)).scalars().all()
    assert stands == ["looked", "looked", "refused", "looked", "redirected", "unsent"]


# --- absorbing ------------------------------------------------------------------------------------


def test_what_hangs_on_an_aggregate_goes_with_it(conn):
    source, target, person = new(conn), new(conn), new(conn, "person")
    obj = add(conn, source, "7").id
    baselines.settle(conn, obj, {"starts": A}, "k")
    writing(conn, obj, "starts", B)
    place = attendances.attend(conn, source, participant=obj, person=person)
    links.block(conn, source, kind="mapping", ref="unmapped", since=T0)
    items.open_item(conn, source, "unmapped", now=T0)
    conn.execute(visit.update().where(visit.c.aggregate == source).values(occurrence_key="o1"))
    work.raise_(conn, source, now=T0, hints=Hints.both(), lane=Lane.BULK)
    moves.absorb(conn, source, target, now=LATER, hints=Hints.both())

    assert [o.id for o in links.objects_of(conn, target)] == [obj]
    assert [a.id for a in attendances.attendances(conn, target)] == [place]
    stored = baselines.stored_fields(conn, [obj])[obj, "starts"]
    assert (stored.digest, [digest for _, digest, _ in stored.ours]) == (A, [B])
    keys = conn.execute(select(visit.c.aggregate, visit.c.occurrence_key)).all()
    assert set(map(tuple, keys)) == {(source, None), (target, "o1")}
    assert blockers.who_waits(conn, "mapping") == []
    assert conn.execute(select(attention.c.closed_at)).scalars().all() == [LATER]
    assert (links.survivor(conn, source), links.kind_of(conn, source)) == (target, "visit")
    rows = conn.execute(select(work_table.c.aggregate, work_table.c.wanted > work_table.c.done))
    assert dict(map(tuple, rows)) == {source: False, target: True}


def test_a_chain_of_mergers_leads_to_the_last(conn):
    first, second, third = new(conn), new(conn), new(conn)
    moves.absorb(conn, first, second, now=T0, hints=Hints.both())
    moves.absorb(conn, second, third, now=T0, hints=Hints.both())
    assert links.survivor(conn, first) == third


def test_an_absorbed_person_is_found_by_its_keys_and_keeps_its_visits(conn):
    source, target, key = new(conn, "person"), new(conn, "person"), new(conn)
    for owner, hmac in ((source, A), (source, B), (target, B)):
        conn.execute(insert(person_key).values(person=owner, what="email", key_id="k", hmac=hmac))
    place = attendances.attend(conn, key, person=source)
    moves.absorb(conn, source, target, now=T0, hints=Hints.both())
    found = conn.execute(select(person_key.c.person, person_key.c.hmac)).all()
    assert set(map(tuple, found)) == {(target, A), (target, B)}
    whose = select(attendance.c.person).where(attendance.c.id == place)
    assert conn.execute(whose).scalar_one() == target


def test_whoever_held_the_absorbed_one_is_fenced_off(conn):
    source, target = new(conn), new(conn)
    work.raise_(conn, source, now=T0, hints=Hints.both())
    lease = claims.claim(conn, source, owner="w", now=T0, seconds=45)
    moves.absorb(conn, source, target, now=T0, hints=Hints.both())
    with pytest.raises(claims.FenceLostError):
        claims.hold(conn, lease, now=T0, seconds=45)


# --- attendances ----------------------------------------------------------------------------------


def test_an_appointment_has_one_current_place_and_any_number_of_past_ones(store):
    with store.write() as conn:
        key = new(conn)
        obj = add(conn, key, "5", "drchrono").id
        first = attendances.attend(conn, key, appointment=obj)
        attendances.change_attendance(conn, first, current=False)
        second = attendances.attend(conn, key, appointment=obj, life=2)
        listed = [(a.id, a.life, a.current) for a in attendances.attendances(conn, key)]
        assert listed == [(second, 2, True), (first, 1, False)]
    with pytest.raises(IntegrityError), store.write() as conn:
        attendances.attend(conn, key, appointment=obj, life=3)


def test_a_person_s_open_visits_are_those_to_come(conn):
    person = new(conn, "person")
    wanted = []
    for starts, state, current in (
        (LATER, "open", True), (None, "open", True), (T0 - timedelta(1), "open", True),
        (LATER, "closed", True), (LATER, "open", False),
    ):  # fmt: skip
        key = new(conn)
        conn.execute(
            visit.update().where(visit.c.aggregate == key).values(starts_at=starts, state=state)
        )
        place = attendances.attend(conn, key, person=person)
        attendances.change_attendance(conn, place, current=current)
        wanted.append(place)
    found = attendances.open_attendances_of_person(conn, person, now=T0)
    assert [a.id for a in found] == wanted[:2]
    assert attendances.count_open_future(conn, T0) == 2  # not one that is over


# --- blockers -------------------------------------------------------------------------------------


def test_a_blocker_is_found_by_what_it_waits_for_and_said_once(conn):
    one, other = new(conn), new(conn)
    for _ in range(2):
        links.block(conn, one, kind="mapping", ref="doctor:9", since=T0)
    links.block(conn, one, kind="mapping", ref="doctor:8", since=T0, object_id=4)
    links.block(conn, other, kind="auth", ref="x", since=T0)
    assert blockers.who_waits(conn, "mapping") == [one]
    assert blockers.who_waits(conn, "mapping", "doctor:9") == [one]
    assert blockers.who_waits(conn, "mapping", "doctor:7") == []
    links.unblock(conn, one)
    assert blockers.who_waits(conn, "mapping") == []
    assert blockers.who_waits(conn, "auth") == [other]
