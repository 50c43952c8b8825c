"""The brake, on both databases: default rule, more than 10 and more than 5 % in an hour."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from sync.outbound import audit, brake
from sync.outbound.brake import BrakedError, BrakeRule
from sync.outbound.budget import Limit
from sync.outbound.call import Call
from sync.outbound.ticket import Ticket
from sync.store import attention
from sync.store.lanes import Hints, Lane
from sync.store.schema import call, decision, visit
from sync.store.tables import attendances, links
from sync.store.tables.claims import Lease

T0 = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
RULE = BrakeRule(10, 0.05)


def minutes(count):
    return T0 + timedelta(minutes=count)


def wrote(store, number, *, effect="cancel", at=T0, state="done", doctor="1", aggregate=None):
    with store.write() as conn:
        for _ in range(number):
            conn.execute(
                insert(call).values(
                    system="oncall",
                    method="PATCH",
                    endpoint="appointment",
                    lane=0,
                    state=state,
                    effect=effect,
                    doctor=doctor,
                    aggregate=aggregate,
                    at=at,
                )
            )


def open_visits(store, number):
    with store.write() as conn:
        for _ in range(number):
            key = links.new_aggregate(conn, "visit", T0)
            conn.execute(
                visit.update().where(visit.c.aggregate == key).values(starts_at=minutes(600))
            )


def release(store, doctor, at):
    with store.write() as conn:
        conn.execute(insert(decision).values(kind="release", a=doctor, b="", by="op", at=at))


def stopped(store, *, effect="cancel", doctor="1", at=T0):
    with store.read() as conn:
        try:
            brake.check(conn, RULE, effect, doctor, at)
        except BrakedError:
            return True
    return False


def test_the_tenth_passes_and_the_eleventh_stops(store):
    wrote(store, 9)
    assert not stopped(store)
    wrote(store, 1)
    assert stopped(store)


@pytest.mark.parametrize("doctor", ["1", None])
def test_it_says_what_to_release(store, doctor):
    wrote(store, 10)
    with store.read() as conn, pytest.raises(BrakedError) as braked:
        brake.check(conn, RULE, "cancel", doctor, T0)
    assert (braked.value.cause, braked.value.ref) == ("brake", doctor or "")


@pytest.mark.parametrize(
    ("visits", "cancelled", "braked"),
    [(200, 9, False), (200, 10, True), (210, 10, True), (220, 10, False), (220, 11, True)],
)
def test_it_needs_more_than_the_share_too(store, visits, cancelled, braked):
    # 5 % of 210 is 10.5: the eleventh is more than that; of 220 it is 11: the eleventh is not.
    open_visits(store, visits)
    wrote(store, cancelled)
    assert stopped(store) is braked


def test_blanking_counts_like_cancelling_and_other_effects_don_t(store):
    wrote(store, 5)
    wrote(store, 5, effect="blank")
    wrote(store, 50, effect="update")
    assert stopped(store)
    assert stopped(store, effect="blank")
    assert not stopped(store, effect="update")
    assert not stopped(store, effect="")


@pytest.mark.parametrize("state", ["refused", "redirected", "unsent"])
def test_what_did_nothing_does_not_count(store, state):
    wrote(store, 20, state=state)
    assert not stopped(store)


@pytest.mark.parametrize("state", ["open", "unresolved", "looked"])
def test_what_may_have_happened_counts(store, state):
    wrote(store, 10, state=state)
    assert stopped(store)


def test_the_window_slides(store):
    for minute in range(10):
        wrote(store, 1, at=minutes(minute))
    assert stopped(store, at=minutes(59))
    assert not stopped(store, at=minutes(60))
    wrote(store, 1, at=minutes(60))
    assert stopped(store, at=minutes(60))


def test_a_release_lifts_it_for_that_doctor_and_that_hour(store):
    wrote(store, 20)
    release(store, "1", minutes(10))
    assert not stopped(store, at=minutes(11))
    wrote(store, 20, at=minutes(65))
    assert stopped(store, at=minutes(70))


def test_what_was_released_for_one_doctor_counts_against_no_other(store):
    wrote(store, 20, doctor="1")
    assert stopped(store, doctor="2")
    release(store, "1", T0)
    assert not stopped(store, doctor="2", at=minutes(1))
    wrote(store, 10, doctor="2")
    assert stopped(store, doctor="2", at=minutes(1))
    assert not stopped(store, doctor="1", at=minutes(1))


def test_cancellations_without_a_known_doctor_are_released_together(store):
    wrote(store, 20, doctor=None)
    assert stopped(store, doctor=None)
    release(store, "", T0)
    assert not stopped(store, doctor=None, at=minutes(1))


@pytest.mark.parametrize("doctor", ["1", None])
def test_who_somebody_was_asked_about_stays_stopped_until_they_answer(store, doctor):
    with store.write() as conn:
        key = links.new_aggregate(conn, "visit", T0)
        links.block(conn, key, kind="operator", ref=doctor or "brake", since=T0)
        attention.open_item(conn, key, "brake", now=T0)
    assert stopped(store, doctor=doctor, at=minutes(24 * 60))
    assert not stopped(store, doctor="2", at=minutes(24 * 60))
    release(store, doctor or "", minutes(24 * 60))
    assert not stopped(store, doctor=doctor, at=minutes(24 * 60 + 1))
    assert stopped(store, doctor=doctor, at=minutes(25 * 60))
    with store.write() as conn:
        attention.close_cause(conn, key, "brake", minutes(25 * 60))
    assert not stopped(store, doctor=doctor, at=minutes(25 * 60))


# --- the cap --------------------------------------------------------------------------------------


class NotKeptError(Exception):
    """Takes a row back that was written to see whether it may be."""


def write_one_more(store, key, at=T0, most=10):
    """Write one more write down, as the gate does, and take it back."""
    lease = Lease(key, 1, "w", at, 1, Lane.LIVE, Hints.both(), 0, "visit", at)
    one = Call("oncall", "PATCH", "appointment", "/", effect="update")
    made = audit.entry(Limit(), most)
    with suppress(NotKeptError), store.write() as conn:
        audit.begin(conn, made, one, Ticket(Lane.LIVE, lease), key_id="k", now=at)
        raise NotKeptError


def capped(store, key, at=T0):
    try:
        write_one_more(store, key, at)
    except BrakedError:
        return True
    return False


@pytest.fixture
def key(store):
    with store.write() as conn:
        return links.new_aggregate(conn, "visit", T0)


def test_a_visit_is_written_ten_times_a_day_and_no_more(store, key):
    wrote(store, 9, effect="update", aggregate=key)
    assert not capped(store, key)
    wrote(store, 1, effect="create", aggregate=key)
    assert capped(store, key)
    assert capped(store, key, minutes(24 * 60 - 1))
    assert not capped(store, key, minutes(24 * 60))


def test_the_cap_says_which_visit(store, key):
    with pytest.raises(BrakedError) as braked:
        write_one_more(store, key, most=0)
    assert (braked.value.cause, braked.value.ref) == ("too_many_writes", str(key))


def test_markers_reads_and_what_did_nothing_don_t_count(store, key):
    wrote(store, 20, effect="marker", aggregate=key)
    wrote(store, 20, effect="", aggregate=key)
    wrote(store, 20, effect="update", aggregate=key, state="refused")
    wrote(store, 20, effect="update", aggregate=key + 1)
    assert not capped(store, key)


@pytest.mark.parametrize(("members", "writes"), [(1, 10), (2, 20), (3, 30)])
def test_the_cap_is_for_each_who_attends(store, key, members, writes):
    with store.write() as conn:
        for _ in range(members):
            attendances.attend(conn, key)
        attendances.change_attendance(conn, attendances.attend(conn, key), current=False)
    wrote(store, writes - 1, effect="update", aggregate=key)
    assert not capped(store, key)
    wrote(store, 1, effect="update", aggregate=key)
    assert capped(store, key)


def test_a_person_is_not_capped(store):
    with store.write() as conn:
        person = links.new_aggregate(conn, "person", T0)
    wrote(store, 20, effect="update", aggregate=person)
    assert not capped(store, person)
