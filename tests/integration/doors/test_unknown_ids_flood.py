"""Work made by hints is bounded: ids that nobody gave out wait, and no genuine change with them."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from sync.core.bucket import rates
from sync.operations import status
from sync.run.hinted import bounds
from sync.store.database import Store
from sync.store.schema import object_, tick
from sync.store.tables import buckets, told
from sync.store.tables.told import Told
from sync.tasks import schedule, sweep
from tests.integration.store.test_links import T0
from tests.support import forged
from tests.support.agreement import agree
from tests.support.clinic import Clinic, due, utc, wall

SOON, A_SECOND = 12, 2  # how many ids of a credential may be read at once, and how many then


def flood(clinic: Clinic, first: int, number: int) -> None:
    for one in range(first, first + number):
        body = forged.appointment(one)
        assert forged.drchrono(clinic, "APPOINTMENT_CREATE", body) == 204


def waiting(clinic: Clinic) -> int:
    with clinic.sync.store.read() as conn:
        return told.count(conn, "drchrono", "asks")


def test_two_hundred_unknown_ids_delay_no_change(clinic: Clinic) -> None:
    appointment, seen = clinic.linked()
    began = clinic.now()
    flood(clinic, 70_000_001, 200)
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=17))
    clinic.sandbox.wait_idle()
    with clinic.sync.store.read() as conn:
        mine = conn.execute(
            select(object_.c.aggregate).where(object_.c.remote_id == appointment)
        ).scalar_one()
    assert due(clinic.sync)[0] == mine
    clinic.pump()
    assert clinic.visit(seen)["datetime"] == f"{utc(days=3, hour=17):%Y-%m-%dT%H:%M:%SZ}"
    took = (clinic.now() - began).total_seconds()
    reads = clinic.calls("drchrono").count("GET /api/appointments/ID")
    assert reads <= SOON + A_SECOND * took + 5  # of the change itself
    assert bounds.FLOOD_CAUSE in clinic.attention()


def test_whose_turn_has_not_come_is_counted_as_waiting(clinic: Clinic) -> None:
    flood(clinic, 70_000_001, 60)
    clinic.advance(100)
    assert waiting(clinic) > 40
    (lane,) = (one for one in status.overview(clinic.sync).lanes if one.waiting)
    assert (lane.lane, lane.waiting, int(lane.oldest_seconds)) == ("told", 60, 100)


def test_a_booking_in_a_flood_is_next(clinic: Clinic) -> None:
    """What is made gets the next number: invented ones beyond it wait."""
    flood(clinic, 70_000_001, 60)
    clinic.pump()
    clinic.book(patient=clinic.patient)
    clinic.pump()
    clinic.advance(2)
    clinic.pump()
    assert len(clinic.visits()) == 1


def test_a_list_answers_for_all_that_wait_and_the_flood_ends(clinic: Clinic) -> None:
    schedule.due_tasks(clinic.sync)
    flood(clinic, 70_000_001, 60)
    clinic.pump()
    before = waiting(clinic)
    assert before >= bounds.FLOOD
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop", "times": 1})
    clinic.book(patient=clinic.patient)
    with clinic.sync.store.read() as conn:
        row = conn.execute(select(tick).where(tick.c.task == "drchrono_appointments")).one()
    assert row.due <= row.ran_at + timedelta(minutes=2)
    clinic.advance(121)
    clinic.catch_up()
    sweep.sweep(clinic.sync)
    agree(clinic)
    assert waiting(clinic) == 0
    assert bounds.FLOOD_CAUSE not in clinic.attention()
    clinic.advance(3700)
    clinic.beat("prune")
    with clinic.sync.store.read() as conn:
        left = conn.execute(select(func.count()).select_from(object_).where(object_.c.told))
        assert left.scalar_one() == 0


def test_beyond_the_table_s_room_a_list_is_read_soon(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "MOST", 5)
    with clinic.sync.store.write() as conn:
        later = clinic.now() + timedelta(hours=1)
        ran = clinic.now() - timedelta(minutes=5)
        conn.execute(tick.delete().where(tick.c.task == "drchrono_appointments"))
        conn.execute(tick.insert().values(task="drchrono_appointments", due=later, ran_at=ran))
    flood(clinic, 70_000_001, SOON + 10)
    assert waiting(clinic) <= 5
    assert "drchrono_appointments" in schedule.due_tasks(clinic.sync)


def test_twenty_bookings_at_once_are_made_as_ever(clinic: Clinic) -> None:
    for number in range(20):
        at = f"{wall(days=4 + number // 4, hour=10 + number % 4)}"
        clinic.book(patient=clinic.patient, scheduled_time=at)
    clinic.pump()
    assert len(clinic.visits()) == 20
    assert waiting(clinic) == 0
    clinic.pump()
    assert bounds.FLOOD_CAUSE not in clinic.attention()


def test_bodies_about_known_objects_are_bounded_too(clinic: Clinic) -> None:
    """Who forges changes of one visit costs a part of the hour; an honest one comes by the list."""
    attacked, seen = clinic.linked()
    other, calm = clinic.linked(scheduled_time=wall(days=6))
    for minute in range(60):
        body = forged.appointment(attacked, duration=minute + 100, updated_at="x")
        assert forged.drchrono(clinic, "APPOINTMENT_MODIFY", body) == 204
        clinic.pump()
    assert len(clinic.calls("drchrono")) <= 40
    clinic.edit(other, scheduled_time=wall(days=6, hour=17))
    clinic.edit(attacked, scheduled_time=wall(days=3, hour=17))
    clinic.pump()
    assert clinic.visit(calm)["datetime"] == f"{utc(days=6, hour=17):%Y-%m-%dT%H:%M:%SZ}"
    clinic.catch_up()
    assert clinic.visit(seen)["datetime"] == f"{utc(days=3, hour=17):%Y-%m-%dT%H:%M:%SZ}"
    agree(clinic)


# --- the table, on both databases -----------------------------------------------------------------


def say(store: Store, remote_id: str, what: told.What = "asks", *, minutes: float = 0) -> None:
    now = T0 + timedelta(minutes=minutes)
    one = Told("drchrono", "appointment", remote_id, "drchrono:0", "X", None, None, now, now)
    with store.write() as conn:
        told.say(conn, one, what, now)


def test_the_next_number_first_then_the_newest_said(store: Store) -> None:
    for minute, remote_id in enumerate(["90", "500", "2027-01-19_7", "101", "80", "9" * 18]):
        say(store, remote_id, minutes=minute)
    with store.read() as conn:
        rows = told.asking(conn, "drchrono", now=T0 + timedelta(hours=1), above=100, most=5)
    assert [one.remote_id for one in rows] == ["101", "500", "9" * 18, "80", "2027-01-19_7"]


def test_a_deletion_does_not_end_the_waiting_and_is_forgotten(store: Store) -> None:
    say(store, "5")
    say(store, "5", "deleted")
    say(store, "6", "deleted")
    with store.write() as conn:
        assert [told.count(conn, "drchrono", what) for what in ("asks", "deleted")] == [1, 1]
        told.forget_old(conn, T0 + timedelta(hours=1))
        assert told.count(conn, "drchrono", "deleted") == 0
        assert told.count(conn, "drchrono", "asks") == 1


def test_a_list_answers_for_numbers_or_for_occurrences(store: Store) -> None:
    for remote_id in ("5", "50", "2027-01-19_7"):
        say(store, remote_id)
    later = T0 + timedelta(minutes=2)
    with store.write() as conn:
        told.answered(conn, "drchrono", before=T0)
        assert told.count(conn, "drchrono", "asks") == 3
        told.answered(conn, "drchrono", before=later, above=10)
        assert told.count(conn, "drchrono", "asks") == 2
        told.answered(conn, "drchrono", before=later)
        assert told.count(conn, "drchrono", "asks") == 1
        told.answered(conn, "drchrono", before=later, occurrences=True)
        assert told.count(conn, "drchrono", "asks") == 0


def test_what_a_credential_spent_is_kept_and_each_has_its_own(store: Store) -> None:
    limits = rates(500, 0.15)
    with store.write() as conn:
        level = buckets.level(conn, "drchrono:0", limits, T0)
        assert level == limits.full
        buckets.put_level(conn, "drchrono:0", level.taken(), T0)
    with store.write() as conn:
        later = T0 + timedelta(seconds=0.25)
        assert buckets.level(conn, "drchrono:0", limits, later).soon == limits.soon.most - 0.5
        assert buckets.level(conn, "drchrono:1", limits, later) == limits.full


def test_the_highest_revision_said_stays(store: Store) -> None:
    with store.write() as conn:
        for revision in (None, "2027-01-02", "2027-01-01", None):
            one = Told("drchrono", "patient", "7", "drchrono:0", "X", None, revision, T0, T0)
            told.say(conn, one, "keys", T0)
        found = told.settled(conn, "drchrono", "patient", "7")
    assert found is not None
    assert found.revision == "2027-01-02"
